"""One problem up close: the N x C grid of its relative errors, or a table of its worst entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from gradcheck.output.columns import Column, drawn, fits, fitted, natural_width, without
from gradcheck.output.marks import digits_of, number, relative
from gradcheck.output.view import VERDICT_STYLES, View
from gradcheck.report import VERDICTS, BatchReport, Entry, Verdict

MAX_CLASSES = 12
MAX_ROWS = 40
#: Lines that a grid needs beside its rows: caption, headings, rule, legend and the blanks between.
_AROUND = 6

# The most significant digits of a worst-entries table, given up for width from left to right; more than 5 are
# shown only where it takes them to tell a wrong entry from the right number.
_DIGITS = (17, 10, 5)


def grid(problem: BatchReport, view: View) -> RenderableType | None:
    """The relative error of each entry, signed by its verdict, the label's in brackets.

    Returns:
        None where the grid has too many rows or classes to be read, or does not fit the view; and where entries were
        not judged one by one.
    """
    if problem.verdicts is None:
        return None
    height = view.options.height
    rows = MAX_ROWS if height is None else min(MAX_ROWS, height - _AROUND)
    if problem.classes > MAX_CLASSES or problem.batch_size > rows:
        return None
    return fits(([_rows(problem), *_classes(problem, view, digits)] for digits in (2, 1)), view)


def whole_grid(problem: BatchReport, view: View) -> Iterator[RenderableType]:
    """The grid whatever its size, in as many tables one under the other as its classes need."""
    rows, classes = _rows(problem), _classes(problem, view, 2)
    alone = natural_width(drawn([rows], view), view)
    widest = max(natural_width(drawn([rows, column], view), view) for column in classes) - alone
    at_once = max(1, (view.width - alone) // widest)
    for start in range(0, len(classes), at_once):
        yield fitted([[rows, *classes[start : start + at_once]]], view)


def worst_entries(entries: Sequence[Entry], view: View) -> RenderableType:
    """At least one entry, one a line, with all that is known of it as far as the view holds it."""
    layouts = []
    for digits in _DIGITS:
        columns = _entry_columns(entries, view, digits)
        layouts += [without(columns, dropped) for dropped in (0, 1, 2)]
    layouts += [without(columns, dropped) for dropped in (3, 4, 5)]
    return fitted(layouts, view)


def _rows(problem: BatchReport) -> Column:
    return Column("row", [str(row) for row in range(problem.batch_size)])


def _classes(problem: BatchReport, view: View, digits: int) -> list[Column]:
    # Every cell has room for a sign, or for brackets, where any cell has them: so numbers stand in line.
    signed = problem.count(Verdict.OK) < problem.entries
    labels = None if problem.labels is None else problem.labels.tolist()
    assert problem.verdicts is not None
    assert problem.relative_errors is not None
    verdicts = [[VERDICTS[index] for index in row] for row in problem.verdicts.tolist()]
    errors = problem.relative_errors.tolist()

    def cell(row: int, class_: int) -> str:
        text = relative(errors[row][class_], digits)
        if labels is not None:
            text = f"[{text}]" if labels[row] == class_ else f" {text} "
        return text + view.marks.verdicts[verdicts[row][class_]] if signed else text

    # The heading ends where the numbers end, not where their brackets and signs do.
    after = " " * (signed + (labels is not None))

    def column(class_: int) -> Column:
        head = f"class {class_}{after}"
        cells = [cell(row, class_) for row in range(problem.batch_size)]
        # Set to the right here: rich would strip their last blanks.
        width = max(map(len, [head, *cells]))
        styles = [VERDICT_STYLES[verdicts[row][class_]] for row in range(problem.batch_size)]
        texts = [Text(text.rjust(width), style) for text, style in zip(cells, styles, strict=True)]
        return Column(Text(head.rjust(width)), texts, justify="left")

    return [column(class_) for class_ in range(problem.classes)]


def _entry_columns(entries: Sequence[Entry], view: View, most_digits: int) -> list[Column]:
    def precise(value: float, entry: Entry) -> str:
        return number(value, min(digits_of(entry), most_digits))

    def column(head: str, text: Callable[[Entry], str], drop: int = 0) -> Column:
        dims = ["dim" if entry.verdict is Verdict.OK else "" for entry in entries]
        return Column(head, list(map(Text, map(text, entries), dims)), drop)

    columns = [
        column("row", lambda entry: str(entry.row)),
        column("class", lambda entry: str(entry.class_)),
        column("label", lambda entry: "" if entry.label is None else str(entry.label), drop=2),
        column("score", lambda entry: number(entry.score), drop=1),
        column("analytic", lambda entry: precise(entry.analytic, entry)),
        column("numerical", lambda entry: precise(entry.numerical, entry)),
        column("bound", lambda entry: relative(entry.bound), drop=3),
        column("plain\ndifference", lambda entry: precise(entry.plain, entry), drop=5),
        column("step", lambda entry: relative(entry.step), drop=4),
        column("refer-\nence", lambda entry: entry.reference, drop=4),
        column("central\ndifference", lambda entry: precise(_central(entry), entry), drop=5),
        column("relative\nerror", lambda entry: relative(entry.relative_error)),
    ]
    unsaid = set() if any(entry.label is not None for entry in entries) else {"label"}
    if not view.options.verbose:
        unsaid |= {"plain\ndifference", "step"}
    if not view.options.verbose or all(entry.reference == "central" for entry in entries):
        unsaid |= {"refer-\nence", "central\ndifference"}
    verdicts = [
        Text(f"{view.marks.verdicts[entry.verdict]} {entry.verdict.value}", VERDICT_STYLES[entry.verdict])
        for entry in entries
    ]
    return [
        *(column for column in columns if column.head not in unsaid),
        Column("  verdict", verdicts, justify="left"),
    ]


def _central(entry: Entry) -> float:
    return entry.numerical if entry.central is None else entry.central
