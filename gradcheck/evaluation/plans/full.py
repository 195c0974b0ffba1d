"""The plan that assumes nothing: every perturbed value is a call on the whole batch."""

from __future__ import annotations

import numpy as np

from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import IndexArray, Probes, along_imaginary_axis
from gradcheck.functions.answer import Answer
from gradcheck.report import FloatArray


class FullPlan:
    """One call of the whole batch for each entry and offset: 2·N·C for every entry's central difference."""

    name = "full"
    by_rows = False

    def __init__(self, oracle: Oracle, scores: FloatArray) -> None:
        self._oracle = oracle
        self._scores = scores

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """See ``Plan.along``."""
        before = self._scores[rows, columns]
        after = (before + offsets).astype(self._oracle.dtype, copy=False).astype(np.float64, copy=False)
        values, derivatives = self._oracle.probe(self._scores, rows, columns, after)
        return Probes(after - before, values, derivatives)

    def here(self, rows: IndexArray, columns: IndexArray, at_scores: Answer) -> Probes:
        """See ``Plan.here``."""
        return Probes(np.zeros(len(rows)), np.full(len(rows), at_scores.value), at_scores.gradient[rows, columns])

    def imaginary(self, rows: IndexArray, columns: IndexArray, step: float) -> FloatArray:
        """See ``Plan.imaginary``."""
        slopes = np.full(len(rows), np.nan)
        for e, entry in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            point = self._scores.astype(np.complex128)
            point[entry] += 1j * step
            slopes[e] = along_imaginary_axis(self._oracle.complex_value(point), step)
            if np.isnan(slopes[e]):
                break
        return slopes

    def at(self, scores: FloatArray) -> FullPlan:
        """See ``Plan.at``."""
        return FullPlan(self._oracle, scores)
