"""From estimates and their bounds to verdicts, indices into ``report.VERDICTS``, for all entries at once."""

from dataclasses import dataclass

import numpy as np

from gradcheck.numerics.differences import Stencil
from gradcheck.numerics.richardson import Limit
from gradcheck.report import VERDICTS, BoolArray, FloatArray, Verdict, VerdictArray

OK, SUBGRADIENT, UNRESOLVED, WRONG = (
    VERDICTS.index(v) for v in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)
)


#: A bound wider than this part of the largest gradient seen anywhere near says nothing of an entry.
TOO_WIDE = 1e-2
#: A correction or a kink below this part of the gradients seen is the ordinary curvature of a smooth loss.
SMALL = 1e-3


@dataclass(frozen=True, eq=False)
class Tolerance:
    """The user's tolerances, beyond the measured bounds."""

    rtol: float
    atol: float = 0.0

    def allows(self, analytic: FloatArray, numerical: FloatArray) -> FloatArray:
        """How far analytic and numerical may lie apart by the tolerances alone; an estimate of NaN counts as 0."""
        known = numerical if np.isfinite(numerical).all() else np.nan_to_num(numerical)
        return self.rtol * np.maximum(np.abs(analytic), np.abs(known)) + self.atol


def largest(numbers: FloatArray) -> float:
    """The largest absolute value of those that are finite, 0 where none is; any shape."""
    most = max(float(np.max(numbers, initial=0.0)), -float(np.min(numbers, initial=0.0)))
    return most if np.isfinite(most) else float(np.max(np.abs(numbers), initial=0.0, where=np.isfinite(numbers)))


def is_smooth(stencil: Stencil, correction: FloatArray, value_noise: float | FloatArray, scale: float) -> BoolArray:
    """Which of E entries' stencils, with their corrections, show no sign of a kink; False means only: look closer.

    ``scale`` is the largest gradient seen.
    """
    ordinary = SMALL * scale + 4 * stencil.noise_bound(value_noise)
    return np.asarray((np.abs(stencil.kink()) <= ordinary) & (np.abs(correction) <= 10 * ordinary))


def is_narrow(bound: FloatArray, allowed: FloatArray, scale: float) -> BoolArray:
    """Whether each of E bounds says anything beside the largest gradient seen."""
    return np.asarray(bound <= TOO_WIDE * scale + allowed)


def judge_smooth(
    analytic: FloatArray, limit: Limit, allowed: FloatArray, granted: FloatArray, scale: float
) -> VerdictArray:
    """Verdicts where there is a derivative: ``OK``, ``WRONG``, or ``UNRESOLVED`` where the bounds are too wide.

    Of E entries of dS: the user's tolerances allow a difference, and bounds on the noise of dS grant one, which may not
    be wide. ``scale`` is the largest gradient seen.
    """
    bound = limit.bound + granted
    with np.errstate(invalid="ignore"):
        differs = np.abs(analytic - limit.estimate) > allowed + bound
    verdicts = np.where(is_narrow(bound, allowed, scale), np.int8(OK), np.int8(UNRESOLVED))
    verdicts[differs] = WRONG
    return verdicts


def judge_kinks(
    analytic: FloatArray, left: Limit, right: Limit, allowed: FloatArray, granted: FloatArray, scale: float
) -> VerdictArray:
    """Verdicts where left and right derivatives differ: ``SUBGRADIENT``, ``UNRESOLVED`` or ``WRONG``.

    Arguments as for ``judge_smooth``. ``WRONG`` is provisional: where kinks meet, the derivatives around x have a
    wider range than the two along the axis.
    """
    with np.errstate(invalid="ignore"):
        lowest = np.minimum(left.estimate - left.bound, right.estimate - right.bound) - allowed - granted
        highest = np.maximum(left.estimate + left.bound, right.estimate + right.bound) + allowed + granted
        outside = (analytic < lowest) | (analytic > highest)
    narrow = is_narrow(np.maximum(left.bound, right.bound) + granted, allowed, scale)
    return np.where(outside, WRONG, np.where(narrow, SUBGRADIENT, UNRESOLVED)).astype(np.int8)
