"""Compact grids of relative errors, a line for each row, several problems beside each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.text import SIGNS, relative
from gradcheck.report import VERDICTS, BatchReport, FloatArray, Verdict

_GAP = 2
#: How an entry is shown that is right and too small for its relative error to mean anything.
TINY = "tiny"


def side_by_side(problems: Sequence[BatchReport], screen: Screen, most_rows: int) -> list[Text]:
    """Grids of these problems, as many beside each other as the screen holds.

    Args:
        problems: with a verdict on each entry.
        screen: a grid with more classes than fit shows the worst ones.
        most_rows: a grid with more rows shows the worst ones.
    """
    grids = [_compact(problem, screen, most_rows) for problem in problems]
    wide = max((line.cell_len for grid in grids for line in grid), default=1)
    beside = max(1, (screen.width + _GAP) // (wide + _GAP))
    height = -(-sum(map(len, grids)) // beside)
    columns: list[list[Text]] = [[]]
    for grid in grids:
        if columns[-1] and len(columns[-1]) + len(grid) > height and len(columns) < beside:
            columns.append([])
        columns[-1] += grid
    lines = []
    for at in range(max(map(len, columns))):
        line = Text()
        for place, column in enumerate(columns):
            line.pad_right(place * (wide + _GAP) - line.cell_len)
            line.append_text(column[at] if at < len(column) else Text())
        lines.append(line)
    return lines


def whole(problem: BatchReport, screen: Screen) -> Iterator[Text]:
    """All entries of a problem, its classes in as many pieces as the width asks for."""
    rows, classes = np.arange(problem.batch_size), np.arange(problem.classes)
    cells = _cells(problem, rows, classes)
    at_once = max(1, (screen.width - _corner(problem)) // _width(cells))
    for start in range(0, problem.classes, at_once):
        piece = slice(start, start + at_once)
        yield from _drawn(problem, rows, classes[piece], [row[piece] for row in cells], screen)


def tiny(problem: BatchReport) -> npt.NDArray[np.bool_]:
    """Which entries are right, and too small beside their bound for their relative error to mean anything."""
    verdicts, errors = _matrices(problem)
    if problem.negligible is None:
        return np.zeros(errors.shape, dtype=np.bool_)
    right: npt.NDArray[np.bool_] = (verdicts == VERDICTS.index(Verdict.OK)) & (errors != 0)
    return right & problem.negligible


def _compact(problem: BatchReport, screen: Screen, most_rows: int) -> list[Text]:
    """A grid of the worst rows and classes, and a line that says what holds of the others."""
    verdicts, errors = _matrices(problem)
    errors = np.where(tiny(problem), 0, np.nan_to_num(errors, nan=2, posinf=2))
    severity = 10.0 * verdicts + errors
    rows = _worst(severity.max(axis=1), most_rows)
    cells = _cells(problem, rows, np.arange(problem.classes))
    classes = _worst(severity[rows].max(axis=0), max(1, (screen.width - _corner(problem)) // _width(cells)))
    lines = _drawn(problem, rows, classes, [[row[class_] for class_ in classes] for row in cells], screen)
    hidden = np.ones(errors.shape, dtype=bool)
    hidden[np.ix_(rows, classes)] = False
    if hidden.any():
        more = [(problem.batch_size - len(rows), "row"), (problem.classes - len(classes), "class")]
        parts = [f"{n:,} more {noun}{'es' if noun == 'class' else 's'}" for n, noun in more if n]
        text = screen.signs(f"…  {', '.join(parts)}: {_summed_up(verdicts[hidden], errors[hidden])}")
        wrapped = textwrap.wrap(text, max(lines[0].cell_len, 12), subsequent_indent="   ")
        lines += [Text(line, "dim") for line in wrapped]
    return lines


def _summed_up(verdicts: npt.NDArray[np.int8], errors: FloatArray) -> str:
    """What holds of entries that are not shown."""
    bad = [
        f"{count:,} {'at kinks' if verdict is Verdict.SUBGRADIENT else verdict.value}"
        for verdict in reversed(VERDICTS[1:])
        if (count := int(np.count_nonzero(verdicts == VERDICTS.index(verdict))))
    ]
    largest = errors[verdicts == VERDICTS.index(Verdict.OK)].max(initial=0.0)
    return ", ".join(bad) or f"all <= {relative(float(largest), 1)}"


def _worst(severity: FloatArray, most: int) -> npt.NDArray[np.intp]:
    return np.sort(np.argsort(-severity, kind="stable")[:most])


def _cells(
    problem: BatchReport, rows: npt.NDArray[np.intp], classes: npt.NDArray[np.intp]
) -> list[list[tuple[str, Verdict]]]:
    """Text and verdict of each entry: the label's in brackets, then the verdict's sign."""
    verdicts, errors = _matrices(problem)
    labels, are_tiny = problem.labels, tiny(problem)

    def cell(row: int, class_: int) -> tuple[str, Verdict]:
        verdict = VERDICTS[verdicts[row, class_]]
        text = TINY if are_tiny[row, class_] else relative(float(errors[row, class_]), 1)
        if labels is not None and labels[row] == class_:
            return f"[{text}]{SIGNS[verdict].strip()}", verdict
        blank = " " if len(text) <= 4 and verdict is not Verdict.OK else ""  # set off from a label that follows
        return f" {text}{SIGNS[verdict]}{blank}", verdict

    return [[cell(row, class_) for class_ in classes] for row in rows]


def _matrices(problem: BatchReport) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Verdicts and relative errors of a problem that has them."""
    assert problem.verdicts is not None
    assert problem.relative_errors is not None
    return problem.verdicts, problem.relative_errors


def _width(cells: list[list[tuple[str, Verdict]]]) -> int:
    return max(5, max(len(text) for row in cells for text, _ in row))


def _corner(problem: BatchReport) -> int:
    return len(f"N={problem.batch_size} ")


def _drawn(
    problem: BatchReport,
    rows: npt.NDArray[np.intp],
    classes: npt.NDArray[np.intp],
    cells: list[list[tuple[str, Verdict]]],
    screen: Screen,
) -> list[Text]:
    corner, wide = _corner(problem), _width(cells)
    head = Text(f"N={problem.batch_size} ", "bold")
    for class_ in classes:
        head.append(f"{class_} ".rjust(wide), "not bold")
    lines = [head]
    for row, of_row in zip(rows, cells, strict=True):
        line = Text(f"{row} ".rjust(corner))
        for text, verdict in of_row:
            line.append(screen.signs(text).rjust(wide), VERDICT_STYLES[verdict])
        lines.append(line)
    return lines
