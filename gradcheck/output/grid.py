"""Compact grids of relative errors, a line for each row, several problems beside each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES
from gradcheck.output.text import SIGNS, relative
from gradcheck.report import VERDICTS, BatchReport, FloatArray, Verdict

_GAP = 2
#: How an entry is shown that is right and too small for its relative error to mean anything.
TINY = "tiny"

Matrix = npt.NDArray[np.int8]


def side_by_side(problems: Sequence[BatchReport], width: int, most_rows: int) -> list[Text]:
    """Grids of these problems, as many beside each other as fit; of larger ones the worst rows and classes."""
    grids = [_compact(problem, width, most_rows) for problem in problems]
    wide = max((line.cell_len for grid in grids for line in grid), default=1)
    beside = max(1, (width + _GAP) // (wide + _GAP))
    height = -(-sum(map(len, grids)) // beside)
    columns: list[list[Text]] = [[]]
    for grid in grids:
        if columns[-1] and len(columns[-1]) + len(grid) > height and len(columns) < beside:
            columns.append([])
        columns[-1] += grid
    lines = [Text() for _ in range(max(map(len, columns)))]
    for place, column in enumerate(columns):
        for line, part in zip(lines, column, strict=False):
            line.pad_right(place * (wide + _GAP) - line.cell_len)
            line.append_text(part)
    return lines


def whole(problem: BatchReport, width: int) -> Iterator[Text]:
    """All entries of a problem, its classes in as many pieces as the width asks for."""
    rows = range(problem.batch_size)
    cells = _cells(problem, rows)
    at_once = max(1, (width - len(f"N={problem.batch_size} ")) // _width(cells))
    for start in range(0, problem.classes, at_once):
        yield from _drawn(problem, rows, range(start, min(start + at_once, problem.classes)), cells)


def tiny(problem: BatchReport) -> npt.NDArray[np.bool_]:
    """Which entries are right, and too small beside their bound for their relative error to mean anything."""
    verdicts, errors = _matrices(problem)
    right: npt.NDArray[np.bool_] = (verdicts == VERDICTS.index(Verdict.OK)) & (errors != 0)
    return right & (np.False_ if problem.negligible is None else problem.negligible)


def _compact(problem: BatchReport, width: int, most_rows: int) -> list[Text]:
    """A grid of the worst rows and classes, and a line that sums up the others."""
    verdicts, errors = _matrices(problem)
    errors = np.where(tiny(problem), 0, np.nan_to_num(errors, nan=2, posinf=2))
    severity = 10.0 * verdicts + errors
    rows = _worst(severity.max(axis=1), most_rows)
    cells = _cells(problem, rows)
    classes = _worst(severity[rows].max(axis=0), max(1, (width - len(f"N={problem.batch_size} ")) // _width(cells)))
    lines = _drawn(problem, rows, classes, cells)
    hidden = np.ones(errors.shape, dtype=bool)
    hidden[np.ix_(rows, classes)] = False
    if hidden.any():
        more = [(problem.batch_size - len(rows), "rows"), (problem.classes - len(classes), "classes")]
        parts = ", ".join(f"{count:,} more {noun}" for count, noun in more if count)
        text = f"...  {parts}: {_summed_up(verdicts[hidden], errors[hidden])}"
        wrapped = textwrap.wrap(text, max(lines[0].cell_len, 12), subsequent_indent="   ")
        lines += [Text(line, "dim") for line in wrapped]
    return lines


def _summed_up(verdicts: Matrix, errors: FloatArray) -> str:
    counts = np.bincount(verdicts, minlength=len(VERDICTS))
    words = ("", "at kinks", "unresolved", "wrong")
    bad = [f"{counts[index]:,} {words[index]}" for index in (3, 2, 1) if counts[index]]
    return ", ".join(bad) or f"all <= {relative(float(errors.max()), 1)}"


def _worst(severity: FloatArray, most: int) -> list[int]:
    """The indices of the worst, in order."""
    return sorted(np.argsort(-severity, kind="stable")[:most].tolist())


def _cells(problem: BatchReport, rows: Sequence[int]) -> list[list[Text]]:
    """The entries of these rows: the label's in brackets, each with the sign of its verdict."""
    verdicts, errors = _matrices(problem)
    labels, are_tiny = problem.labels, tiny(problem)

    def cell(row: int, class_: int) -> Text:
        verdict = VERDICTS[verdicts[row, class_]]
        text = TINY if are_tiny[row, class_] else relative(float(errors[row, class_]), 1)
        if labels is not None and labels[row] == class_:
            text = f"[{text}]{SIGNS[verdict].strip()}"
        else:
            blank = " " if len(text) <= 4 and verdict is not Verdict.OK else ""  # set off from a label that follows
            text = f" {text}{SIGNS[verdict]}{blank}"
        return Text(text, VERDICT_STYLES[verdict])

    return [[cell(row, class_) for class_ in range(problem.classes)] for row in rows]


def _drawn(problem: BatchReport, rows: Sequence[int], classes: Sequence[int], cells: list[list[Text]]) -> list[Text]:
    """Lines of these rows and classes, below a line with the classes' numbers."""
    head = Text(f"N={problem.batch_size} ", "bold")
    corner, wide = head.cell_len, _width(cells)
    lines = [head.append("".join(f"{class_} ".rjust(wide) for class_ in classes), "not bold")]
    for row, of_row in zip(rows, cells, strict=True):
        line = Text(f"{row} ".rjust(corner))
        for class_ in classes:
            line.append(" " * (wide - of_row[class_].cell_len)).append_text(of_row[class_])
        lines.append(line)
    return lines


def _width(cells: list[list[Text]]) -> int:
    return max(5, max(cell.cell_len for row in cells for cell in row))


def _matrices(problem: BatchReport) -> tuple[Matrix, FloatArray]:
    assert problem.verdicts is not None
    assert problem.relative_errors is not None
    return problem.verdicts, problem.relative_errors
