"""Compact grids of relative errors, a line for each row, several problems beside each other."""

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.text import SIGNS, relative
from gradcheck.report import VERDICTS, BatchReport, BoolArray, FloatArray, Verdict, VerdictArray, derivative_of

TINY = "tiny"  # an entry that is right, and too small for its relative error to mean anything
_MOST_ROWS, _MOST_OF_AN_INPUT = 8, 6  # rows of a compact grid


def whole(problem: BatchReport, screen: Screen) -> Iterator[Text]:
    """All entries of a problem, its classes in as many pieces as the width asks for."""
    grid = _Grid(problem, range(len(_matrices(problem)[0])), screen)
    for start in range(0, problem.classes, grid.classes_that_fit):
        yield grid.drawn(range(start, min(start + grid.classes_that_fit, problem.classes)))


def tiny(problem: BatchReport) -> BoolArray:
    """Which entries are right, and too small beside their bound for their relative error to mean anything."""
    verdicts, errors = _matrices(problem)
    right: BoolArray = (verdicts == VERDICTS.index(Verdict.OK)) & (errors != 0)
    return right & (np.False_ if problem.negligible is None else problem.negligible)


def compact(problem: BatchReport, screen: Screen) -> Text:
    """A grid of the worst rows and classes, and a line that sums up the others."""
    verdicts, errors = _matrices(problem)
    errors = np.where(tiny(problem), 0, np.nan_to_num(errors, nan=2, posinf=2))
    severity = 10.0 * verdicts + errors
    rows = _worst(severity.max(axis=1), _MOST_OF_AN_INPUT if problem.input else _MOST_ROWS)
    grid = _Grid(problem, rows, screen)
    classes = _worst(severity[rows].max(axis=0), grid.classes_that_fit)
    drawn = grid.drawn(classes)
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


class _Grid:
    """Some rows of a problem: the label's entry of each in brackets, all with the signs of their verdicts."""

    def __init__(self, problem: BatchReport, rows: Sequence[int], screen: Screen) -> None:
        verdicts, errors = _matrices(problem)
        labels, are_tiny = problem.labels, tiny(problem)

        def cell(row: int, class_: int) -> Text:
            verdict = VERDICTS[verdicts[row, class_]]
            text = TINY if are_tiny[row, class_] else relative(float(errors[row, class_]), 1)
            is_label = labels is not None and labels[row] == class_
            text = f"[{text}]{SIGNS[verdict].strip()}" if is_label else f" {text}{SIGNS[verdict]}"
            return Text(text, VERDICT_STYLES[verdict])

        self._title, self._names = "", [f"N={problem.batch_size} ", *(f"{row} " for row in rows)]
        if problem.input:  # its rows are named by the indices along all axes but the last
            what = f", {problem.size}, N={problem.batch_size}"
            self._title = f"{derivative_of(screen.name(problem.input, screen.width - len(what) - 3))}{what}\n"
            leading = problem.shape[:-1]
            places = [np.unravel_index(row, leading) if leading else () for row in rows]
            self._names = [" ", *(",".join(map(str, place)) + " " if place else " " for place in places)]
        self._cells = [[cell(row, class_) for class_ in range(problem.classes)] for row in rows]
        self._indent = max(map(len, self._names))
        self._wide = max(5, *(len(cell) for row in self._cells for cell in row))
        self.classes_that_fit = max(1, (screen.width - self._indent) // self._wide)

    def drawn(self, classes: Sequence[int]) -> Text:
        """Lines of these classes, below a line with their numbers."""
        head, *names = self._names
        drawn = Text(no_wrap=True, overflow="ignore").append(self._title + head.ljust(self._indent), "bold")
        drawn.append("".join(f"{class_} ".rjust(self._wide) for class_ in classes))
        for name, row in zip(names, self._cells, strict=True):
            drawn.append(f"\n{name.rjust(self._indent)}")
            for class_ in classes:
                drawn.append(" " * (self._wide - len(row[class_]))).append_text(row[class_])
        return drawn


def _matrices(problem: BatchReport) -> tuple[VerdictArray, FloatArray]:
    return np.asarray(problem.verdicts), np.asarray(problem.relative_errors)
