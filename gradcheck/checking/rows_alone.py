"""Values that were taken row by row: how precise they are, and whether the whole batch bears them out."""

from __future__ import annotations

import numpy as np

from gradcheck.checking.ladder import Ladder
from gradcheck.checking.precision import Precision, measure_parts
from gradcheck.checking.step import wide_enough
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.bearing_out import verify, verify_entries
from gradcheck.evaluation.plans.plan import Probes, RowPlan, joined
from gradcheck.evaluation.plans.yardstick import Yardstick
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdict
from gradcheck.report import FloatArray

#: Entries of a problem from which on a second call of the whole batch to bear the rows out is a small matter.
_MANY = 64


def calls_to_bear_out(entries: int) -> int:
    """Calls of the whole batch that bear out rows taken alone, in a problem of so many entries."""
    return 2 if entries >= _MANY else 1


class RowsAlone:
    """The rows of one problem, each taken alone.

    Args:
        oracle: the loss at this problem.
        plan: how a row's values are obtained.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        precision: of the loss here.
        rng: chooses what is borne out, and draws lines.
    """

    def __init__(
        self,
        oracle: Oracle,
        plan: RowPlan,
        scores: FloatArray,
        at_scores: Answer,
        precision: Precision,
        rng: np.random.Generator,
    ) -> None:
        self._oracle, self._plan, self._scores, self._at_scores = oracle, plan, scores, at_scores
        self._precision, self._rng = precision, rng
        self._yardstick = Yardstick(precision.value_noise, precision.rounding)

    def step(self) -> float:
        """The step of the first look: narrower than for the whole, for values carry the rounding of one row."""
        N, parts = len(self._scores), self._at_scores.parts
        parts = np.full(N, self._at_scores.value / N) if parts is None else parts
        noise = self._precision.of_parts(np.arange(N), parts)
        return min(self._precision.step, wide_enough(float(np.max(noise)), self._largest_gradient()))

    def look(self, rows: IndexArray, columns: IndexArray, steps: FloatArray) -> tuple[Probes, Probes, Probes]:
        """Below, at and above every entry of S, in reading order; not all before the batch bears a few out.

        Raises:
            Coupled: it does not.
        """
        if self._oracle.weight is not None:
            return self._look_at_whole_batches(rows, columns, steps)
        first = self._one_of_each_row()
        others = np.ones(len(steps), dtype=bool)
        others[first] = False
        rest = np.flatnonzero(others)
        ahead = self._plan.along(rows[first], columns[first], steps[first])
        verify(self._oracle, self._scores, (rows[first], columns[first]), ahead, self._yardstick)
        above = joined(ahead, first, self._plan.along(rows[rest], columns[rest], steps[rest]), rest)
        below = self._plan.along(rows, columns, -steps)
        if calls_to_bear_out(len(steps)) > 1:
            last = self._one_of_each_row()
            verify(self._oracle, self._scores, (rows[last], columns[last]), below.only(last), self._yardstick)
        here = self._plan.guess(rows, columns, above, below, self._at_scores)
        if not self._adds_up(here.values[:: self._scores.shape[1]], float(np.max(above.moved))):
            here = self._plan.here(rows, columns, self._at_scores)
        return below, here, above

    def _look_at_whole_batches(
        self, rows: IndexArray, columns: IndexArray, steps: FloatArray
    ) -> tuple[Probes, Probes, Probes]:
        """As ``look``, where the rows come from calls of the whole batch, each of which moved one column, or nearly.

        So what bears them out is a call with another column moved in each row.
        """
        above, below = self._plan.along(rows, columns, steps), self._plan.along(rows, columns, -steps)
        some = self._one_of_each_row()
        verify(self._oracle, self._scores, (rows[some], columns[some]), below.only(some), self._yardstick)
        return below, self._plan.here(rows, columns, self._at_scores), above

    def noise_measured(self, ladder: Ladder) -> FloatArray:
        """The noise of the values of a ladder's E entries, along lines that move their rows alone: E floats.

        Not less than the ladder has, which is the rows' share, nor more than that of the whole batch.
        """
        rows, first, row_of_entry = np.unique(ladder.rows, return_index=True, return_inverse=True)
        measured = measure_parts(self._plan, self._scores, rows, ladder.here.values[first], self._rng)
        return np.clip(measured[row_of_entry], ladder.value_noise, self._precision.value_noise)

    def bear_out(self, rows: IndexArray, columns: IndexArray, seen: Probes) -> None:
        """Whether the whole batch changes as single rows did, for a few entries: one call each.

        Raises:
            Coupled: it does not.
        """
        changes = seen.values - self._plan.here(rows, columns, self._at_scores).values
        value = self._at_scores.value
        verify_entries(self._oracle, self._scores, (rows, columns), seen.moved, changes, value, self._yardstick)

    def _one_of_each_row(self) -> IndexArray:
        rows, columns = self._scores.shape
        return np.asarray(np.arange(rows) * columns + self._rng.integers(columns, size=rows))

    def _adds_up(self, parts: FloatArray, step: float) -> bool:
        """Whether guessed parts make up the value, but for what is no sign of a kink: all of a row's may have one."""
        ordinary = verdict.SMALL * self._largest_gradient() * step / 2
        total, value = float(np.sum(parts)), self._at_scores.value
        return abs(total - value) <= ordinary or self._yardstick.same(total, value)

    def _largest_gradient(self) -> float:
        assert self._oracle.gradient_scale is not None  # it has been called
        return float(np.max(self._oracle.gradient_scale))
