"""The problem at hand: its loss, its point, what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.gradient_noise import FLOOR
from gradcheck.checking.precision import Precision, measure
from gradcheck.checking.projected.precision import ProjectedPrecision, measure_line, rounding_of_projections
from gradcheck.errors import LossDefect
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.afar import Afar
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.evaluation.plans.projections import Base, draw
from gradcheck.evaluation.plans.yardstick import Yardstick
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray

#: Up to so many entries, what single ones need is measured as for any small problem.
_SMALL = 10_000
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Setting:
    """What is known before the first direction.

    Attributes:
        oracle: the reference: the loss in float64 where it can.
        given: the loss as the user's dtype gives it; the same where that is float64.
        base: S.
        at_scores: what the loss answered there.
        rtol, atol: the user's tolerances.
        precision: measured near S.
        weight: what a row's own value counts in the batch's; None where rows cannot be taken alone.
        why_not: why they cannot.
        buffer: N x C, for one direction at a time.
    """

    oracle: Oracle
    given: Oracle
    base: Base
    at_scores: Answer
    rtol: float
    atol: float
    precision: ProjectedPrecision
    weight: float | None
    why_not: str
    buffer: FloatArray

    @property
    def calls(self) -> int:
        """Calls of the loss on the whole batch, and on rows by name."""
        return self.oracle.calls + (self.given.calls if self.given is not self.oracle else 0)

    @property
    def yardstick(self) -> Yardstick:
        return Yardstick(self.precision.value_noise, self.precision.rounding)

    def scale(self) -> float:
        """The largest gradient seen near; where all are 0, the value beside the scores."""
        assert self.oracle.gradient_scale is not None  # it has been called
        reach = max(1.0, float(np.max(self.base.scores)), -float(np.min(self.base.scores)))
        return float(np.max(self.oracle.gradient_scale)) or abs(self.base.value) / reach

    def of_single_entries(self) -> Precision:
        """What calls of the whole batch need for single entries: of a small problem it is measured as ever."""
        rough = self.precision.of_entries(self.oracle)
        if self.buffer.size > _SMALL:
            return rough
        eps = _eps(self.oracle, self.given, self.at_scores)
        at_base = Answer(self.base.value, self.base.gradient, *eps)
        precision = measure(self.oracle, self.base.scores, at_base, np.random.default_rng(self.buffer.shape))
        noise = precision.gradient_noise
        least = np.maximum(noise.least, rough.gradient_noise.least)
        return replace(precision, gradient_noise=replace(noise, least=least))

    def without_rows(self, why_not: str) -> Setting:
        """The same, but rows cannot be taken alone."""
        return replace(self, weight=None, why_not=why_not)


def set_up(
    loss: Function, S: npt.NDArray[Any], y: npt.NDArray[Any], at_scores: Answer, rtol: float, atol: float
) -> Setting:
    """Measure the loss near S, look far from it, and see whether rows count alone: 16 calls of the batch, and
    14 more where the loss rounds coarsely.

    Args:
        loss: what is checked.
        S: N x C, of the dtype that the loss is to get.
        y: the problem's labels.
        at_scores: what the loss answered at S.
        rtol, atol: the user's tolerances.
    """
    given, oracle, base = _reference(loss, S, y, at_scores)
    oracle.remember(at_scores)
    buffer = np.empty(S.shape)
    afar = Afar(oracle, base, buffer)
    afar.look()
    precision = measure_line(oracle, base, *_eps(oracle, given, at_scores), draw(S.shape, 0, buffer))
    if oracle is not given:
        rounding = rounding_of_projections(given, oracle, base)
        precision = replace(
            precision,
            slope_noise=max(precision.slope_noise, rounding),
            derivative_rounding=max(precision.derivative_rounding, FLOOR * at_scores.gradient_eps),
        )
    weight: float | None = 1.0
    why_not = ""
    if len(S) > 1:
        yardstick = Yardstick(precision.value_noise, precision.rounding)
        try:
            weight = afar.weight_of_rows(yardstick, np.random.default_rng(S.shape))
        except Coupled as evidence:
            weight, why_not = None, str(evidence)
    return Setting(oracle, given, base, at_scores, rtol, atol, precision, weight, why_not, buffer)


def _eps(oracle: Oracle, given: Oracle, at_scores: Answer) -> tuple[float, float]:
    """Machine epsilon of the dtypes that the reference returns: in float64, what is coarser shows on a line."""
    return (at_scores.value_eps, at_scores.gradient_eps) if oracle is given else (_EPS, _EPS)


def _reference(
    loss: Function, S: npt.NDArray[Any], y: npt.NDArray[Any], at_scores: Answer
) -> tuple[Oracle, Oracle, Base]:
    """The loss as it is given, the loss that is the reference, and what that says at S."""
    scores, analytic = np.ascontiguousarray(S, dtype=np.float64), np.ascontiguousarray(at_scores.gradient)
    given = Oracle(loss, y, S.dtype)
    if S.dtype != np.float64:
        exact = Oracle(loss, y, np.float64, resolution=S.dtype)
        try:
            value, gradient = exact.handed(scores.copy())
            return given, exact, Base(scores, value, np.array(gradient, order="C"), analytic)
        except LossDefect:  # it takes no float64: then the reference is as coarse as what is judged
            pass
    return given, given, Base(scores, at_scores.value, analytic, analytic)
