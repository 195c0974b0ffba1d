"""From estimates and their bounds to verdicts, for all entries at once.

A verdict is an index into ``report.VERDICTS``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gradcheck.config.settings import Reference
from gradcheck.numerics.differences import SIGMAS, Stencil
from gradcheck.numerics.richardson import Limit
from gradcheck.report import VERDICTS, FloatArray, Verdict

OK, SUBGRADIENT, UNRESOLVED, WRONG = (
    VERDICTS.index(v) for v in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)
)

BoolArray = npt.NDArray[np.bool_]

#: A bound wider than this part of the largest gradient seen anywhere near says nothing of an entry.
TOO_WIDE = 1e-2
#: A correction or a kink below this part of the gradients seen is the ordinary curvature of a smooth loss.
SMALL = 1e-3
#: A central difference confirms a complex step where its bound is below this part of it: seven digits.
_CONFIRMS = 1e-7
#: A bound wider than this part of an entry makes its relative error one of the numerics, not of the loss.
_TELLING = 1e-3


def allowance(analytic: FloatArray, numerical: FloatArray, rtol: float, atol: float) -> FloatArray:
    """How far analytic and numerical may lie apart by the user's tolerances alone: E floats."""
    return rtol * np.maximum(np.abs(analytic), np.abs(numerical)) + atol


def as_numbers(estimates: FloatArray) -> FloatArray:
    """Estimates with 0 for NaN, and the largest float for what is larger; any shape."""
    return estimates if np.isfinite(estimates).all() else np.nan_to_num(estimates)


def largest(numbers: FloatArray) -> float:
    """The largest absolute value of those that are finite, 0 where none is; any shape."""
    most = max(float(np.max(numbers, initial=0.0)), -float(np.min(numbers, initial=0.0)))
    return most if np.isfinite(most) else float(np.max(np.abs(numbers), initial=0.0, where=np.isfinite(numbers)))


def is_smooth(stencil: Stencil, value_noise: float | FloatArray, scale: FloatArray) -> BoolArray:
    """Entries whose stencil shows no sign of a kink.

    Args:
        stencil: of E entries.
        value_noise: standard deviation of the noise of a value; one for all entries, or E floats.
        scale: E floats, the largest gradient seen in the input of each.

    Returns:
        E truth values. False means only: look closer.
    """
    ordinary = SMALL * scale + 4 * stencil.noise_bound(value_noise)
    return np.asarray((np.abs(stencil.kink()) <= ordinary) & (np.abs(stencil.correction()) <= 10 * ordinary))


def is_narrow(bound: FloatArray, allowed: FloatArray, scale: FloatArray) -> BoolArray:
    """Whether a bound says anything beside the largest gradient seen in the input. All of one shape."""
    return np.asarray(bound <= TOO_WIDE * scale + allowed)


def judge_smooth(
    analytic: FloatArray, limit: Limit, allowed: FloatArray, granted: FloatArray, scale: FloatArray
) -> npt.NDArray[np.int8]:
    """Verdicts where there is a derivative: ``OK``, ``WRONG``, or ``UNRESOLVED`` where the bounds are too wide.

    Args:
        analytic: E entries of dS.
        limit: the derivative with its bound.
        allowed: E floats, what the user's tolerances allow.
        granted: E floats, bounds on the noise of dS: as a bound of the derivative, it may not be wide.
        scale: E floats, the largest gradient seen in the input of each.
    """
    bound = limit.bound + granted
    with np.errstate(invalid="ignore"):
        differs = np.abs(analytic - limit.estimate) > allowed + bound
    verdicts = np.where(is_narrow(bound, allowed, scale), np.int8(OK), np.int8(UNRESOLVED))
    verdicts[differs] = WRONG
    return verdicts


def judge_kinks(
    analytic: FloatArray, left: Limit, right: Limit, allowed: FloatArray, granted: FloatArray, scale: FloatArray
) -> npt.NDArray[np.int8]:
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


def is_negligible(size: FloatArray, bound: FloatArray, gradient_noise: FloatArray) -> BoolArray:
    """Whether an entry is so small beside its bounds that its relative error says nothing. All of one shape."""
    return np.asarray(_TELLING * size <= bound + gradient_bound(gradient_noise))


def gradient_bound(gradient_noise: FloatArray) -> FloatArray:
    """Bound on the error that rounding leaves in the analytic gradient itself; any shape."""
    return SIGMAS * gradient_noise


def can_confirm(central: Limit) -> BoolArray:
    """Which of E central differences are sharp enough to bear out a complex step."""
    with np.errstate(invalid="ignore"):
        return np.asarray(central.bound <= _CONFIRMS * np.abs(central.estimate))


def in_question(reference: Reference, analytic: FloatArray, central: Limit, rtol: float, atol: float) -> BoolArray:
    """Which of E entries a complex step is wanted for, and could be believed with.

    Args:
        reference: the user's choice; by ``auto``, those whose bound is wider than the tolerances.
        analytic: E entries of dS.
        central: their central differences.
        rtol, atol: the user's tolerances.
    """
    if reference == "central":
        return np.zeros(analytic.shape, dtype=bool)
    wanted = can_confirm(central)
    if reference == "auto":
        wanted &= central.bound > allowance(analytic, as_numbers(central.estimate), rtol, atol)
    return wanted


def judge_by_complex_steps(
    analytic: FloatArray, steps: FloatArray, rounding: FloatArray, rtol: float, atol: float
) -> npt.NDArray[np.int8]:
    """Verdicts where complex steps are believed: ``OK`` or ``WRONG``.

    Args:
        analytic: E entries of dS.
        steps: E derivatives by complex steps.
        rounding: E bounds on what rounding alone puts between the two.
        rtol, atol: the user's tolerances.
    """
    differs = np.abs(analytic - steps) > allowance(analytic, steps, rtol, atol) + rounding
    return np.where(differs, WRONG, OK).astype(np.int8)
