"""Few looks far from S, for matrices of which few may be held: how large things are, and what a row counts alone.

Five calls of the whole batch, where ``separability`` would have 2·log2(N) and more. So what is taken from a row alone
by this evidence is a sample, and what that calls wrong is looked at once more by calls of the whole batch.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.evaluation.plans.projections import Along, Base
from gradcheck.evaluation.plans.separability import weights_that_fit
from gradcheck.evaluation.plans.yardstick import Yardstick
from gradcheck.report import FloatArray

#: How far the far point lies, in units of the largest score: hinges between rows are on there, or off.
_FAR = 10.0
_NUMBER = 70
#: Rows that are tried: one may add nothing.
_TRIES = 3


class Afar:
    """The loss where every score is far above that of S, by a distance of its own.

    Args:
        oracle: the loss at this problem.
        base: S.
        buffer: N x C, for these distances: drawn for each method anew.
    """

    def __init__(self, oracle: Oracle, base: Base, buffer: FloatArray) -> None:
        self._oracle, self._base, self._upwards = oracle, base, buffer
        self._far = _FAR * max(1.0, float(np.max(base.scores)), -float(np.min(base.scores)))
        self._value: float | None = None

    def look(self) -> None:
        """Let the oracle see how large values and gradients are at small scores, and far away: two calls."""
        self._draw()
        with suppress(LossDefect):
            small = self._ask((self._base.scores / (self._far / _FAR * 2)).astype(self._oracle.dtype, copy=False))
            if np.isfinite(small):
                self._oracle.value_scale = abs(small)
        with suppress(LossDefect):
            self._value = self._ask(self._moved(np.ones(len(self._base.scores), dtype=bool)))

    def weight_of_rows(self, yardstick: Yardstick, rng: np.random.Generator) -> float:
        """What a row's own value, from a call of that row alone, counts in the batch's: 1/N, or 1.

        Three calls of the whole batch, two of a row; and up to two and four more where these tell nothing.

        Raises:
            Coupled: with the evidence that it is neither.
        """
        N, value = len(self._base.scores), self._base.value
        self._draw()
        if self._value is None or not np.isfinite(self._value):
            raise Coupled("it could not be tried far from S")
        side = rng.permutation(N) < N // 2
        one, other = self._value_with(side), self._value_with(~side)
        if not yardstick.same(one + other, value + self._value, one, other, value, self._value):
            raise Coupled("its rows are coupled: the value is no sum over them")
        weights: list[float] = []
        for row in rng.permutation(N)[:_TRIES].tolist():
            moved = self._value_with(np.arange(N) == row)
            alone = self._of_row(row, 0.0), self._of_row(row, self._far)
            weights = weights_that_fit(N, (value, moved), alone, yardstick)
            if len(weights) == 1:
                return weights[0]
            if not weights:
                raise Coupled("a row alone is not worth what it adds to the batch")
        raise Coupled("what a row adds to the batch drowns in noise")

    def _ask(self, point: npt.NDArray[Any]) -> float:
        """The value alone; dS is let go at once."""
        return self._oracle.handed(point)[0]

    def _draw(self) -> None:
        """Each from 1/2 to 1."""
        np.random.default_rng([*self._upwards.shape, _NUMBER]).random(out=self._upwards)
        self._upwards += 1
        self._upwards /= 2

    def _value_with(self, side: npt.NDArray[np.bool_]) -> float:
        """The value where these rows are far away."""
        try:
            return self._ask(self._moved(side))
        except LossDefect as defect:
            raise Coupled(f"with rows far from S it {defect.message}") from None

    def _of_row(self, row: int, far: float) -> float:
        scores = self._base.scores[row : row + 1] + far * self._upwards[row : row + 1]
        try:
            return self._oracle.row(scores, row).value
        except LossDefect as defect:
            raise Coupled(f"with a single row it {defect.message}") from None

    def _moved(self, side: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        point = Along(self._oracle, self._base).point(self._upwards, self._far)
        np.copyto(point, self._base.scores, where=~side[:, np.newaxis], casting="same_kind")
        return point
