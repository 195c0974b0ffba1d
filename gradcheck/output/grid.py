"""Compact grids of relative errors, a line for each row, several problems beside each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from rich.columns import Columns
from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.text import SIGNS, relative
from gradcheck.report import VERDICTS, BatchReport, FloatArray, Verdict

#: How an entry is shown that is right and too small for its relative error to mean anything.
TINY = "tiny"
_MOST_ROWS, _MOST_OF_AN_INPUT = 8, 6  # rows of a compact grid

Cells = list[list[Text]]


def side_by_side(problems: Sequence[BatchReport], screen: Screen) -> Columns:
    """Grids of these problems, as many beside each other as fit; of larger ones the worst rows and classes."""
    return Columns([_compact(problem, screen) for problem in problems], padding=(0, 2, 0, 0))


def whole(problem: BatchReport, screen: Screen) -> Iterator[Text]:
    """All entries of a problem, its classes in as many pieces as the width asks for."""
    rows = range(len(_matrices(problem)[0]))
    cells = _cells(problem, rows)
    at_once = _classes_that_fit(problem, rows, cells, screen)
    for start in range(0, problem.classes, at_once):
        yield _drawn(problem, rows, range(start, min(start + at_once, problem.classes)), cells, screen)


def tiny(problem: BatchReport) -> npt.NDArray[np.bool_]:
    """Which entries are right, and too small beside their bound for their relative error to mean anything."""
    verdicts, errors = _matrices(problem)
    right: npt.NDArray[np.bool_] = (verdicts == VERDICTS.index(Verdict.OK)) & (errors != 0)
    return right & (np.False_ if problem.negligible is None else problem.negligible)


def _compact(problem: BatchReport, screen: Screen) -> Text:
    """A grid of the worst rows and classes, and a line that sums up the others."""
    verdicts, errors = _matrices(problem)
    errors = np.where(tiny(problem), 0, np.nan_to_num(errors, nan=2, posinf=2))
    severity = 10.0 * verdicts + errors
    rows = _worst(severity.max(axis=1), _MOST_OF_AN_INPUT if problem.input else _MOST_ROWS)
    cells = _cells(problem, rows)
    classes = _worst(severity[rows].max(axis=0), _classes_that_fit(problem, rows, cells, screen))
    drawn = _drawn(problem, rows, classes, cells, screen)
    hidden = np.ones(errors.shape, dtype=bool)
    hidden[np.ix_(rows, classes)] = False
    if hidden.any():
        columns = "columns" if problem.input else "classes"
        more = [(len(errors) - len(rows), "rows"), (problem.classes - len(classes), columns)]
        parts = ", ".join(f"{count:,} more {noun}" for count, noun in more if count)
        counts = np.bincount(verdicts[hidden], minlength=len(VERDICTS)).tolist()
        words = zip(counts[:0:-1], ("wrong", "unresolved", "at kinks"), strict=True)
        bad = [f"{count:,} {word}" for count, word in words if count]
        text = f"...  {parts}: {', '.join(bad) or f'all <= {relative(float(errors[hidden].max()), 1)}'}"
        wide = max(map(len, [" " * 12, *drawn.plain.split("\n")]))
        drawn.append("\n" + textwrap.fill(text, wide, subsequent_indent="   "), "dim")
    return drawn


def _worst(severity: FloatArray, most: int) -> list[int]:
    """The indices of the worst, in order."""
    return sorted(np.argsort(-severity, kind="stable")[:most].tolist())


def _cells(problem: BatchReport, rows: Sequence[int]) -> Cells:
    """The entries of these rows: the label's in brackets, each with the sign of its verdict."""
    verdicts, errors = _matrices(problem)
    labels, are_tiny = problem.labels, tiny(problem)

    def cell(row: int, class_: int) -> Text:
        verdict = VERDICTS[verdicts[row, class_]]
        text = TINY if are_tiny[row, class_] else relative(float(errors[row, class_]), 1)
        if labels is not None and labels[row] == class_:
            text = f"[{text}]{SIGNS[verdict].strip()}"
        else:
            text = f" {text}{SIGNS[verdict]}"
        return Text(text, VERDICT_STYLES[verdict])

    return [[cell(row, class_) for class_ in range(problem.classes)] for row in rows]


def _classes_that_fit(problem: BatchReport, rows: Sequence[int], cells: Cells, screen: Screen) -> int:
    return max(1, (screen.width - max(map(len, _row_names(problem, rows)))) // _width(cells))


def _drawn(problem: BatchReport, rows: Sequence[int], classes: Sequence[int], cells: Cells, screen: Screen) -> Text:
    """Lines of these rows and classes, below a line with the classes' numbers."""
    head, *names = _row_names(problem, rows)
    indent, wide = max(map(len, (head, *names))), _width(cells)
    drawn = Text(no_wrap=True, overflow="ignore")
    if problem.input:
        what = f", {problem.size}, N={problem.batch_size}"
        drawn.append(f"d{screen.name(problem.input, screen.width - len(what) - 3)}{what}\n", "bold")
    drawn.append(head.ljust(indent), "bold").append("".join(f"{class_} ".rjust(wide) for class_ in classes))
    for name, row in zip(names, cells, strict=True):
        drawn.append(f"\n{name.rjust(indent)}")
        for class_ in classes:
            drawn.append(" " * (wide - len(row[class_]))).append_text(row[class_])
    return drawn


def _row_names(problem: BatchReport, rows: Sequence[int]) -> list[str]:
    """What stands above the rows' names, and these: of an input the indices along all axes but the last."""
    if not problem.input:
        return [f"N={problem.batch_size} ", *(f"{row} " for row in rows)]
    leading = problem.shape[:-1]
    return [" ", *(",".join(map(str, np.unravel_index(row, leading))) + " " if leading else " " for row in rows)]


def _width(cells: Cells) -> int:
    return max(5, max(len(cell) for row in cells for cell in row))


def _matrices(problem: BatchReport) -> tuple[npt.NDArray[np.int8], FloatArray]:
    assert problem.verdicts is not None
    assert problem.relative_errors is not None
    return problem.verdicts, problem.relative_errors
