"""The plan that assumes nothing: every perturbed value is a call on the whole batch."""

from __future__ import annotations

import numpy as np

from gradcheck.oracle import Oracle
from gradcheck.plans.plan import IndexArray, Probes
from gradcheck.report import FloatArray


class FullPlan:
    """One call of the whole batch for each entry and offset: 2·N·C for every entry's central difference."""

    name = "full"

    def __init__(self, oracle: Oracle, scores: FloatArray) -> None:
        self._oracle = oracle
        self._scores = scores

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """See ``Plan.along``."""
        before = self._scores[rows, columns]
        after = (before + offsets).astype(self._oracle.dtype).astype(np.float64)
        values, derivatives = np.empty(len(rows)), np.empty(len(rows))
        point = self._scores.copy()
        for e, entry in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            point[entry] = after[e]
            evaluation = self._oracle(point)
            point[entry] = before[e]
            values[e], derivatives[e] = evaluation.value, evaluation.gradient[entry]
        return Probes(after - before, values, derivatives)

    def at(self, scores: FloatArray) -> FullPlan:
        """See ``Plan.at``."""
        return FullPlan(self._oracle, scores)
