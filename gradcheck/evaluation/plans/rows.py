"""The plan for losses that are the mean, or the sum, of a loss of each row: calls on one row at a time.

It costs 2·N·C calls as the full plan does, but of one row each, and each value carries the rounding of one row alone.
"""

from __future__ import annotations

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Coupled, IndexArray, Probes, along_imaginary_axis
from gradcheck.functions.answer import Answer
from gradcheck.report import FloatArray


class RowsPlan:
    """One call of one row for each entry and offset.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        weight: what a row's own value counts in the batch's: 1/N in a mean, 1 in a sum.
    """

    name = "rows"
    by_rows = True

    def __init__(self, oracle: Oracle, scores: FloatArray, weight: float) -> None:
        self._oracle, self._scores, self._weight = oracle, scores, weight
        self._here: dict[int, Answer] = {}

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """See ``Plan.along``.

        Raises:
            Coupled: the loss does not take single rows.
        """
        before = self._scores[rows, columns]
        after = (before + offsets).astype(self._oracle.dtype, copy=False).astype(np.float64, copy=False)
        try:
            values, derivatives = self._oracle.probe_rows(self._scores, rows, columns, after)
        except LossDefect as defect:
            raise _alone(defect) from None
        derivatives *= self._weight
        self._oracle.remember_derivatives(rows, derivatives)
        return Probes(after - before, values * self._weight, derivatives)

    def here(self, rows: IndexArray, columns: IndexArray, at_scores: Answer) -> Probes:
        """See ``Plan.here``: one call for each row that was not asked for before."""
        for row in sorted(set(rows.tolist()) - set(self._here)):
            self._here[row] = self._ask(row, self._scores[row])
        values = np.array([self._here[row].value for row in rows.tolist()])
        entries = zip(rows.tolist(), columns.tolist(), strict=True)
        derivatives = np.array([self._here[row].gradient[0, column] for row, column in entries])
        return Probes(np.zeros(len(rows)), values * self._weight, derivatives * self._weight)

    def guess(self, rows: IndexArray, columns: IndexArray, above: Probes, below: Probes, at_scores: Answer) -> Probes:
        """See ``RowPlan.guess``: the even part of the values on both sides, less the curvature that derivatives show.

        (f(+h) + f(-h))/2 - h/4 (f'(+h) - f'(-h)) is f(0) to fourth order in h, the same for all entries of a row. An
        entry with a kink says otherwise; so the row's median counts.
        """
        offset = (above.moved + below.moved) / 2  # rounding made the two distances unequal
        half = (above.moved - below.moved) / 2
        curvature = (above.derivatives - below.derivatives) / (4 * half)
        slope = (above.values - below.values) / (2 * half)
        estimates = (above.values + below.values) / 2 - curvature * half**2 - offset * slope
        values = np.empty(len(rows))
        order = np.argsort(rows, kind="stable")
        for entries in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
            values[entries] = np.median(estimates[entries])
        return Probes(np.zeros(len(rows)), values, at_scores.gradient[rows, columns])

    def imaginary(self, rows: IndexArray, columns: IndexArray, step: float) -> FloatArray:
        """See ``Plan.imaginary``."""
        slopes = np.full(len(rows), np.nan)
        for e, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            point = self._scores[row : row + 1].astype(np.complex128)
            point[0, column] += 1j * step
            value = self._oracle.complex_value(point, self._oracle.labels[row : row + 1])
            slopes[e] = along_imaginary_axis(value, step) * self._weight
            if np.isnan(slopes[e]):
                break
        return slopes

    def parts(self, rows: IndexArray, points: FloatArray) -> FloatArray:
        """See ``RowPlan.parts``."""
        values = [self._ask(row, point).value for row, point in zip(rows.tolist(), points, strict=True)]
        return np.array(values) * self._weight

    def at(self, scores: FloatArray) -> RowsPlan:
        """See ``Plan.at``."""
        return RowsPlan(self._oracle, scores, self._weight)

    def _ask(self, row: int, scores: FloatArray) -> Answer:
        try:
            return self._oracle.row(scores[np.newaxis], row)
        except LossDefect as defect:
            raise _alone(defect) from None


def _alone(defect: LossDefect) -> Coupled:
    return Coupled(f"with a single row it {defect.message}")
