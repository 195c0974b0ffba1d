"""How values at moved points are obtained: calls of the whole batch, of single rows, or for the value of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import groups_for
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import Stencil
from gradcheck.report import FloatArray


class NotSeparable(Exception):  # noqa: N818  (evidence about a loss, and no mistake of anyone)
    """The value is not the mean or sum of what its rows give alone; the text says how that was seen.

    Attributes:
        row_weight: what one row counts in the value beside its own value, where that was seen; else None.
    """

    def __init__(self, evidence: str, row_weight: float | None = None) -> None:
        super().__init__(evidence)
        self.row_weight = row_weight


@dataclass(frozen=True, eq=False)
class Moved:
    """What an evaluator returns for E entries, each moved alone.

    Attributes:
        distance: E floats, how far each was really moved, with its sign: rounding may change what was asked for.
        values: E floats, the value there; by rows, what the entry's row adds to it.
        derivatives: E floats, the analytic derivative by the moved entry there.
    """

    distance: FloatArray
    values: FloatArray
    derivatives: FloatArray

    def only(self, which: IndexArray) -> Moved:
        """Some of the entries."""
        return Moved(self.distance[which], self.values[which], self.derivatives[which])


def stencil_of(below: Moved, here: Moved, above: Moved) -> Stencil:
    """The stencils of E entries from what an evaluator returned for them."""
    return Stencil(
        below=-below.distance,
        above=above.distance,
        f_below=below.values,
        f_at=here.values,
        f_above=above.values,
        g_below=below.derivatives,
        g_at=here.derivatives,
        g_above=above.derivatives,
    )


class Evaluator(Protocol):
    """Values of a function at points that differ from x in one entry.

    Attributes:
        name: as the report and ``--plan`` call it.
        by_rows: values are what the entry's row adds to the whole; they carry the rounding of one row alone.
        objective: the function.
        x: (n,) float64, the base point.
    """

    name: str
    by_rows: bool
    objective: Objective
    x: FloatArray

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """Move each of E entries alone, by its offset."""
        ...

    def here(self, entries: IndexArray) -> Moved:
        """The same entries, not moved."""
        ...

    def imaginary(self, entries: IndexArray, step: float) -> FloatArray:
        """Im(value) / step with each of E entries moved by i·step; NaN where the loss takes no complex scores."""
        ...

    def at(self, x: FloatArray) -> Evaluator:
        """The same evaluator at another base point (n,)."""
        ...


class WholeBatch:
    """One call of the whole function for each moved entry: it assumes nothing.

    Args:
        objective: the function.
        x: (n,) float64.
        answer: what the function returns at x; None to have it called when that is needed.
    """

    name, by_rows = "full", False

    def __init__(self, objective: Objective, x: FloatArray, answer: Answer | None = None) -> None:
        self.objective, self.x, self._answer = objective, x, answer

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """See ``Evaluator.moved``."""
        before = self.x[entries]
        after = self.objective.rounded(before + offsets)
        return Moved(after - before, *self.objective.ask("whole", self.x, entries, after))

    def here(self, entries: IndexArray) -> Moved:
        """See ``Evaluator.here``."""
        if self._answer is None:
            self._answer = self.objective(self.x)
        values = np.full(len(entries), self._answer.value)
        return Moved(np.zeros(len(entries)), values, self._answer.gradient[entries])

    def imaginary(self, entries: IndexArray, step: float) -> FloatArray:
        """See ``Evaluator.imaginary``."""
        slopes = np.full(len(entries), np.nan)
        for e, entry in enumerate(entries.tolist()):
            point = self.x.astype(np.complex128)
            point[entry] += 1j * step
            value = self.objective.complex_value(point)
            if value is None:
                break
            slopes[e] = value.imag / step
        return slopes

    def at(self, x: FloatArray) -> WholeBatch:
        """See ``Evaluator.at``."""
        return WholeBatch(self.objective, x)


class Rows:
    """One call of a single row for each moved entry: for a value that is the mean or the sum of its rows'.

    Args:
        objective: the function.
        x: (n,) float64.
        weight: what a row's own value counts in the batch's: 1/N in a mean, 1 in a sum.
    """

    name, by_rows = "rows", True

    def __init__(self, objective: Objective, x: FloatArray, weight: float) -> None:
        self.objective, self.x, self.weight = objective, x, weight
        self._answers: dict[int, tuple[float, FloatArray]] = {}

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """See ``Evaluator.moved``.

        Raises:
            NotSeparable: the loss does not take single rows.
        """
        before = self.x[entries]
        after = self.objective.rounded(before + offsets)
        try:
            values, derivatives = self.objective.ask("rows", self.x, entries, after)
        except LossDefect as defect:
            raise _alone(defect) from None
        return Moved(after - before, values * self.weight, derivatives * self.weight)

    def here(self, entries: IndexArray) -> Moved:
        """See ``Evaluator.here``: one call for each row that was not asked for before."""
        rows, columns = np.divmod(entries, self.objective.shape[1])
        for row in sorted(set(rows.tolist())):
            if row not in self._answers:
                self._answers[row] = self._ask(row, self._row_of_x(row))
        answers = [self._answers[row] for row in rows.tolist()]
        values = np.array([value for value, _ in answers])
        derivatives = np.array([g[column] for (_, g), column in zip(answers, columns.tolist(), strict=True)])
        return Moved(np.zeros(len(entries)), values * self.weight, derivatives * self.weight)

    def imaginary(self, entries: IndexArray, step: float) -> FloatArray:
        """See ``Evaluator.imaginary``."""
        slopes = np.full(len(entries), np.nan)
        for e, entry in enumerate(entries.tolist()):
            row, column = divmod(entry, self.objective.shape[1])
            point = self._row_of_x(row).astype(np.complex128)
            point[column] += 1j * step
            value = self.objective.complex_value(point, row)
            if value is None:
                break
            slopes[e] = value.imag / step * self.weight
        return slopes

    def at(self, x: FloatArray) -> Rows:
        """See ``Evaluator.at``."""
        return Rows(self.objective, x, self.weight)

    def _row_of_x(self, row: int) -> FloatArray:
        C = self.objective.shape[1]
        return self.x[row * C : (row + 1) * C]

    def _ask(self, row: int, scores: FloatArray) -> tuple[float, FloatArray]:
        try:
            return self.objective.answer_of_row(row, scores)
        except LossDefect as defect:
            raise _alone(defect) from None


class PerSample:
    """One call of the whole batch moves an entry of every row: for a loss that returns the value of each row.

    Args:
        objective: the function, asked for the value of each row (``row_weight`` is set).
        x: (n,) float64.
        answer: what the function returns at x, with ``parts``; None to have it called when that is needed.
    """

    name, by_rows = "per-sample", True

    def __init__(self, objective: Objective, x: FloatArray, answer: Answer | None = None) -> None:
        assert objective.row_weight is not None
        self.objective, self.x, self._answer, self._weight = objective, x, answer, objective.row_weight

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """See ``Evaluator.moved``: as many calls as the row with the most entries has.

        Raises:
            NotSeparable: the loss does not return the value of each row.
        """
        before = self.x[entries]
        after = self.objective.rounded(before + offsets)
        try:
            values, derivatives = self.objective.ask("each-row", self.x, entries, after)
        except LossDefect as defect:
            raise no_row_values(defect) from None
        values *= self._weight
        derivatives *= self._weight
        return Moved(after - before, values, derivatives)

    def here(self, entries: IndexArray) -> Moved:
        """See ``Evaluator.here``."""
        if self._answer is None:
            self._answer = self.objective(self.x)
        assert self._answer.parts is not None
        values = self._answer.parts[entries // self.objective.shape[1]]
        return Moved(np.zeros(len(entries)), values, self._answer.gradient[entries])

    def imaginary(self, entries: IndexArray, step: float) -> FloatArray:
        """See ``Evaluator.imaginary``."""
        slopes = np.full(len(entries), np.nan)
        rows = entries // self.objective.shape[1]
        for group in groups_for("each-row", rows):
            point = self.x.astype(np.complex128)
            point[entries[group]] += 1j * step
            values = self.objective.complex_values(point)
            if values is None:
                break
            slopes[group] = values.imag[rows[group]] / step * self._weight
        return slopes

    def at(self, x: FloatArray) -> PerSample:
        """See ``Evaluator.at``."""
        return PerSample(self.objective, x)


def no_row_values(defect: LossDefect) -> NotSeparable:
    """The evidence that a loss does not return the value of each row."""
    return NotSeparable(f"asked for the value of each row it {defect.message}")


def _alone(defect: LossDefect) -> NotSeparable:
    return NotSeparable(f"with a single row it {defect.message}")
