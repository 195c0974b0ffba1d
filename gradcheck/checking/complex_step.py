"""Complex steps: Im f(S + ih e) / h is the derivative with no subtraction, so to the rounding of f's own terms.

W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998. Two
questions remain. How large is that rounding? The complex steps and the analytic derivatives at points near S tell:
where both are right, all that lies between them is rounding, whatever the curvature. And is f analytic? A loss with
abs, conj or real in it answers too, but without the terms in which they stand. So a complex step counts only where a
central difference confirms it to seven digits.
"""

import warnings

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.config.settings import Reference
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.numerics.differences import EPS, SIGMAS
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import BoolArray, FloatArray, IndexArray

#: A power of two, so that dividing by it rounds nothing; its square is nothing beside 1.
_STEP = 2.0**-66

#: How far the points lie: far enough for every number of any size to be rounded anew, at S and in float32.
_NEAR, _NEAR_IN_SPACINGS = 2.0**-13, 64.0
#: The rounding of the last operations, which may be the same at all points, such as that of 1/N.
_LASTING = 2.0 * EPS
#: The median of a deviation that is estimated from three numbers, beside the true one: sqrt(log 2).
_MEDIAN_OF_THREE = 0.83
#: A central difference confirms a complex step where its bound is below this part of it: seven digits.
_CONFIRMS = 1e-7
#: A central difference may have missed by this many bounds, as one from two calls alone now and then does.
_MISSED = 2.0
#: Points near S at which every entry is asked for again, and further ones for those in doubt.
_POINTS, _MORE_POINTS = 2, 14


def complex_steps(
    evaluator: Evaluator,
    entries: IndexArray,
    analytic: FloatArray,
    central: Limit,
    precision: Precision,
    tolerance: Tolerance,
) -> tuple[IndexArray, Limit, FloatArray]:
    """Derivatives by complex steps for those of E entries ``in_question`` where they are believed, and sharper.

    One call where the function takes no complex numbers; else 3 for each entry and 14 more for those in doubt, beyond
    the user's tolerance, as the evaluator makes them, and of the whole batch 3 or 17. ``analytic`` is dS of E entries.

    Returns:
        K positions among the entries; K estimates and bounds; and K floats, what rounding alone may put between the
        analytic entry and the estimate: it stands for the limit's bound and the noise of dS, both.

    Raises:
        LossDefect: the function raised at real points near x, or returned no value and gradient.
    """
    slopes = _slopes(evaluator, entries)
    with np.errstate(invalid="ignore"):  # the central differences of entries ``in_question`` are precise enough to tell
        which = np.flatnonzero(np.abs(slopes - central.estimate) <= _MISSED * central.bound)
    entries, slopes, analytic, central = entries[which], slopes[which], analytic[which], central.only(which)
    if not which.size:
        return which, central, slopes
    noise = SIGMAS * precision.gradient_noise.of(entries)
    objective, rng = evaluator.objective, np.random.default_rng(evaluator.objective.shape)
    derivatives = objective(evaluator.x).gradient[entries]
    # What was judged in float32 has more rounding than the derivatives in float64, which are asked for here.
    others = (np.abs(analytic - derivatives) > _LASTING * np.abs(analytic)).any()
    beyond = noise if others else np.zeros(len(noise))

    def seen_near(points: int, entries: IndexArray) -> FloatArray:
        """Complex steps and analytic derivatives of E entries at K points near x: K x 2 x E."""
        seen = []
        for _ in range(points):
            size = np.maximum(_NEAR, _NEAR_IN_SPACINGS * np.spacing(np.abs(evaluator.x)))
            point = evaluator.x + size * rng.normal(size=len(evaluator.x))
            seen.append((_slopes(evaluator.at(point), entries), objective(point).gradient[entries]))
        return np.array(seen)

    seen = np.concatenate([[(slopes, derivatives)], seen_near(_POINTS, entries)])
    grants, usual = rounding(seen[:, 0], seen[:, 1])
    grants = grants + beyond
    allowed = tolerance.allows(analytic, slopes)
    doubtful = np.flatnonzero((np.abs(analytic - slopes) > allowed + grants) | (grants > allowed))
    if doubtful.size:  # a few points do not settle it
        seen = np.concatenate([seen[:, :, doubtful], seen_near(_MORE_POINTS, entries[doubtful])])
        grants[doubtful] = rounding(seen[:, 0], seen[:, 1], usual)[0] + beyond[doubtful]
    # What both share, rounding between the two does not show; and the central difference has a word on either.
    bounds = np.minimum(grants + noise, central.bound + np.abs(slopes - central.estimate))
    sharper = grants < central.bound + noise
    return which[sharper], Limit(slopes[sharper], bounds[sharper]), grants[sharper]


def _slopes(evaluator: Evaluator, entries: IndexArray) -> FloatArray:
    """E complex steps. NumPy only warns where it drops an imaginary part; here such a call fails."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        return evaluator.imaginary(entries, _STEP)


def rounding(slopes: FloatArray, derivatives: FloatArray, usual: float | None = None) -> tuple[FloatArray, float]:
    """How far apart rounding leaves complex steps and analytic derivatives, from both at S and at points near it.

    A wrong derivative cannot hide in it: what is wrong at S is wrong near it, by nearly the same amount, and only what
    changes from point to point counts. Slopes by complex steps and derivatives are K x E, the first at S.

    Returns:
        E bounds; and the standard deviation of the rounding beside the entries' sizes, in the middle of them: ``usual``
        where that is known from more entries.
    """
    apart = slopes - derivatives
    mean, deviation, size = apart.mean(axis=0), apart.std(axis=0, ddof=1), np.abs(slopes[0])
    if usual is None:
        known = size > 0
        usual = float(np.median(deviation[known] / size[known])) / _MEDIAN_OF_THREE if known.any() else 0.0
    # That of the two numbers at S is seen. What is left in the mean: its chances, and one deviation for what all have.
    left = (1 + SIGMAS / np.sqrt(len(apart))) * np.maximum(deviation, usual * size)
    return np.abs(apart[0] - mean) + left + _LASTING * size, usual


def in_question(reference: Reference, analytic: FloatArray, central: Limit, tolerance: Tolerance) -> BoolArray:
    """Which of E entries a complex step is wanted for, and could be believed with.

    By ``auto``, those whose central differences have a bound wider than the tolerances.
    """
    is_sharp = central.bound <= tolerance.allows(analytic, central.estimate)
    with np.errstate(invalid="ignore"):
        can_confirm = central.bound <= _CONFIRMS * np.abs(central.estimate)
    return np.asarray(can_confirm & (reference != "central") & ~(is_sharp & (reference == "auto")))
