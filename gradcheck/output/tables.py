"""Tables of numbers for the terminal: the worst entries of a problem, and the totals of a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.summary import Totals, totals_by_kind
from gradcheck.output.text import SIGNS, derivatives, digits_of, duration, number, relative
from gradcheck.report import BatchReport, Entry, Verdict


class Column(NamedTuple):
    """A column; where the table is too wide, the column with the lowest ``drop`` above 0 goes first."""

    head: str
    cells: Sequence[str]
    drop: int = 0
    style: str = ""


def worst_entries(entries: Sequence[Entry], screen: Screen) -> None:
    """A line for each of these entries."""

    def column(head: str, text: Callable[[Entry], str], drop: int = 0) -> Column:
        return Column(head, [text(entry) for entry in entries], drop)

    def of(value: Callable[[Entry], float | None]) -> Callable[[Entry], str]:
        return lambda entry: number(entry.numerical if (x := value(entry)) is None else x, digits_of(entry))

    columns = [column("row", lambda entry: str(entry.row)), column("class", lambda entry: str(entry.class_))]
    if any(entry.label is not None for entry in entries):
        columns.append(column("label", lambda entry: "" if entry.label is None else str(entry.label), 2))
    columns += [
        column("score", lambda entry: number(entry.score), 1),
        column("dS", lambda entry: derivatives(entry)[0]),
        column("numerical", lambda entry: derivatives(entry)[1]),
        column("bound", lambda entry: relative(entry.bound), 3),
    ]
    if screen.options.verbose:
        columns += [column("plain", of(lambda entry: entry.plain), 5), column("step", lambda e: relative(e.step), 4)]
        if any(entry.reference == "complex" for entry in entries):
            columns += [column("reference", lambda entry: entry.reference, 4)]
            columns += [column("central", of(lambda entry: entry.central), 5)]
    columns.append(column("error", lambda entry: relative(entry.relative_error)))
    ends = [Text(screen.signs(f"  {SIGNS[e.verdict]} {e.verdict.value}"), VERDICT_STYLES[e.verdict]) for e in entries]
    _draw(columns, screen, ends)


def totals(problems: Sequence[BatchReport], screen: Screen) -> None:
    """A line for each batch size, number of classes and kind of scores."""
    kinds = totals_by_kind(problems)

    def column(head: str, text: Callable[[Totals], str], drop: int = 0, verdict: Verdict = Verdict.OK) -> Column:
        cells = [text(total) for total in kinds.values()]
        bad = verdict is not Verdict.OK and any(cell != "0" for cell in cells)
        return Column(head, cells, 0 if bad else drop, VERDICT_STYLES[verdict] if bad else "")

    columns = [Column("N", [str(N) for N, _, _ in kinds])]
    if len({C for _, C, _ in kinds}) > 1:
        columns.append(Column("C", [str(C) for _, C, _ in kinds]))
    columns += [
        Column("scores", [screen.escape(scores) for _, _, scores in kinds]),
        column("problems", lambda total: f"{total.problems:,}", 1),
        column("entries", lambda total: f"{total.entries:,}"),
        column("wrong", lambda total: f"{total.wrong:,}", verdict=Verdict.WRONG),
        column("kinks", lambda total: f"{total.subgradient:,}", 2, Verdict.SUBGRADIENT),
        column("unresolved", lambda total: f"{total.unresolved:,}", 2, Verdict.UNRESOLVED),
        column("error", lambda total: relative(total.max_relative_error)),
        column("calls", lambda total: f"{total.evaluations:,}", 4),
        column("time", lambda total: duration(total.seconds), 3),
    ]
    _draw(columns, screen, [Text()] * len(kinds))


def _draw(columns: Sequence[Column], screen: Screen, ends: Sequence[Text]) -> None:
    """Print a table; columns are left out until it fits, but no number is ever cut."""

    def widths() -> list[int]:
        return [max(len(column.head), *map(len, column.cells)) for column in columns]

    end = max(text.cell_len for text in ends)
    while sum(widths()) + 2 * len(columns) - 2 + end > screen.width:
        drop = min((column.drop for column in columns if column.drop), default=0)
        if not drop:
            break
        columns = [column for column in columns if column.drop != drop]
    screen.keep(Text("  ".join(c.head.rjust(wide) for c, wide in zip(columns, widths(), strict=True)), "dim"))
    for at, text in enumerate(ends):
        parts = [(c.cells[at].rjust(wide), c.style) for c, wide in zip(columns, widths(), strict=True)]
        line = Text("  ").join(Text(*part) for part in parts)
        screen.keep(line.append_text(text))
