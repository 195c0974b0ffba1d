"""Entries judged by complex steps, where the loss takes complex scores and can be believed with them.

one step an entry -> is it what the central difference says? -> how large is its rounding?
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.numerics.complex_step import STEP, confirmed, is_frozen, near, rounding
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import FloatArray

#: Points near S at which every entry is asked for again, and further ones for those in doubt.
_POINTS, _MORE_POINTS = 2, 14
#: Derivatives that differ by no more than the last operation's rounding, 1/N, are the same.
_SAME = 2 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class ComplexSteps:
    """Derivatives by complex steps, where they can be believed and are sharper than the central differences."""

    which: IndexArray  # K positions among the entries that were asked for
    limit: Limit  # K estimates and bounds
    #: K floats, what rounding alone may put between the analytic entry and the estimate: it stands for the limit's
    #: bound and the noise of dS, both
    rounding: FloatArray


def complex_steps(
    evaluator: Evaluator,
    entries: IndexArray,
    analytic: FloatArray,
    gradient_noise: FloatArray,
    central: Limit,
    tolerance: Tolerance,
    scales: FloatArray,
) -> ComplexSteps:
    """Derivatives by complex steps for those of E entries that have one that can be believed.

    One call where the function takes no complex numbers; else 3 for each entry and 14 more for those in doubt, beyond
    the user's tolerance, as the evaluator makes them, and of the whole batch 3 or 17. Of the E entries, ``analytic`` is
    dS, ``gradient_noise`` its standard deviation; ``scales`` (B,) are the largest gradients seen in the blocks of x.

    Raises:
        LossDefect: the function raised at real points near x, or returned no value and gradient.
    """
    slopes = _slopes(evaluator, entries)
    which = np.flatnonzero(confirmed(slopes, central))
    if not which.size:
        return ComplexSteps(which, central.only(which), slopes[which])
    slopes, central, noise = slopes[which], central.only(which), SIGMAS * gradient_noise[which]
    grants = _rounding(evaluator, entries[which], slopes, analytic[which], noise, tolerance, scales)
    # What both share, rounding between the two does not show; and the central difference has a word on either.
    bounds = np.minimum(grants + noise, central.bound + np.abs(slopes - central.estimate))
    sharper = grants < central.bound + noise
    return ComplexSteps(which[sharper], Limit(slopes[sharper], bounds[sharper]), grants[sharper])


def _rounding(
    evaluator: Evaluator,
    entries: IndexArray,
    slopes: FloatArray,
    analytic: FloatArray,
    noise: FloatArray,
    tolerance: Tolerance,
    scales: FloatArray,
) -> FloatArray:
    """What rounding may put between E analytic entries and complex steps; more points where a few do not settle it."""
    objective, rng = evaluator.objective, np.random.default_rng(evaluator.objective.shape)
    gradient = objective(evaluator.x).gradient
    derivatives = gradient[entries]
    frozen = is_frozen(gradient, scales[objective.blocks.of(np.arange(len(gradient)))]).any()
    # What was judged in float32 has more rounding than the derivatives in float64, which are asked for here.
    others = (np.abs(analytic - derivatives) > _SAME * np.abs(analytic)).any()
    beyond = noise if frozen or others else np.zeros(len(noise))

    def seen_near(points: int, entries: IndexArray) -> FloatArray:
        """Complex steps and analytic derivatives of E entries at K points near x: K x 2 x E."""
        seen = []
        for _ in range(points):
            point = near(evaluator.x, rng)
            seen.append((_slopes(evaluator.at(point), entries), objective(point).gradient[entries]))
        return np.array(seen)

    seen = np.concatenate([[(slopes, derivatives)], seen_near(_POINTS, entries)])
    bound, usual = rounding(seen[:, 0], seen[:, 1])
    bound = bound + beyond
    allowed = tolerance.allows(analytic, slopes)
    doubtful = np.flatnonzero((np.abs(analytic - slopes) > allowed + bound) | (bound > allowed))
    if doubtful.size:
        seen = np.concatenate([seen[:, :, doubtful], seen_near(_MORE_POINTS, entries[doubtful])])
        bound[doubtful] = rounding(seen[:, 0], seen[:, 1], usual)[0] + beyond[doubtful]
    return bound


def _slopes(evaluator: Evaluator, entries: IndexArray) -> FloatArray:
    """E complex steps. NumPy only warns where it drops an imaginary part; here such a call fails."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        return evaluator.imaginary(entries, STEP)
