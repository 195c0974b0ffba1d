"""The plan for losses that give each row's own value: one call of the whole batch moves an entry of every row."""

from __future__ import annotations

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import one_of_each_row
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Coupled, IndexArray, Probes
from gradcheck.functions.answer import Answer
from gradcheck.report import FloatArray


class PerSamplePlan:
    """2·C calls for every entry's central difference.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        weight: what a row's own value counts in the batch's: 1/N in a mean, 1 in a sum.
    """

    name = "per-sample"
    by_rows = True

    def __init__(self, oracle: Oracle, scores: FloatArray, weight: float) -> None:
        self._oracle, self._scores, self._weight = oracle, scores, weight

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """See ``Plan.along``: as many calls as the row with the most entries has."""
        before = self._scores.take(rows * self._scores.shape[1] + columns)
        after = (before + offsets).astype(self._oracle.dtype, copy=False).astype(np.float64, copy=False)
        try:
            values, derivatives = self._oracle.probe_each_row(self._scores, rows, columns, after)
        except LossDefect as defect:
            raise _not_each_row(defect) from None
        values *= self._weight
        derivatives *= self._weight
        self._oracle.remember_derivatives(rows, derivatives)
        return Probes(after - before, values, derivatives)

    def here(self, rows: IndexArray, columns: IndexArray, at_scores: Answer) -> Probes:
        """See ``Plan.here``: the loss at S was asked for each row's own value already."""
        assert at_scores.parts is not None
        places = rows * self._scores.shape[1] + columns
        return Probes(np.zeros(len(rows)), at_scores.parts[rows], at_scores.gradient.take(places))

    def guess(self, rows: IndexArray, columns: IndexArray, above: Probes, below: Probes, at_scores: Answer) -> Probes:
        """See ``RowPlan.guess``."""
        return self.here(rows, columns, at_scores)

    def imaginary(self, rows: IndexArray, columns: IndexArray, step: float) -> FloatArray:
        """See ``Plan.imaginary``."""
        slopes = np.full(len(rows), np.nan)
        for entries in one_of_each_row(rows):
            i, j = rows[entries], columns[entries]
            point = self._scores.astype(np.complex128)
            point[i, j] += 1j * step
            each = self._oracle.complex_values(point)
            if each is None:
                break
            slopes[entries] = each.imag[i] / step * self._weight
        return slopes

    def parts(self, rows: IndexArray, points: FloatArray) -> FloatArray:
        """See ``RowPlan.parts``: as many calls as the row that is named most often is named."""
        values = np.empty(len(rows))
        for entries in one_of_each_row(rows):
            point = self._scores.copy()
            point[rows[entries]] = points[entries]
            values[entries] = each_row(self._oracle, point)[0][rows[entries]]
        return values * self._weight

    def at(self, scores: FloatArray) -> PerSamplePlan:
        """See ``Plan.at``."""
        return PerSamplePlan(self._oracle, scores, self._weight)


def each_row(oracle: Oracle, point: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each row's own value, N floats, and its derivatives, N x C: one call.

    Args:
        oracle: the loss at this problem.
        point: N x C float64; becomes the loss's own.

    Raises:
        Coupled: it does not give them.
    """
    try:
        return oracle.each_row_given(point)
    except LossDefect as defect:
        raise _not_each_row(defect) from None


def _not_each_row(defect: LossDefect) -> Coupled:
    return Coupled(f"asked for each row's own value it {defect.message}")
