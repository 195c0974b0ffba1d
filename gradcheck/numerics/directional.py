"""Derivatives along random directions, each with a bound on its error, and the smallest defect that they would show.

A direction V moves every score at once, so kinks are everywhere: a hinge over 32,000 classes crosses thousands at any
step. What they do to a difference cannot be told from one step; from two it can. Errors of several directions are of
one kind, so the largest change from the coarse step to the fine one, in any of them, speaks for all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, inf, prod, sqrt

import numpy as np

from gradcheck.numerics.differences import SIGMAS, Stencil
from gradcheck.report import FloatArray

#: The coarse step is so many times the fine one: the error of a smooth function shrinks by 4096, that of kinks in
#: their thousands still by 2.8.
RATIO = 8.0
#: The finest step and the coarsest: a wider one is nowhere smooth.
_COARSEST = 2.0**-2
_FINEST = 2.0**-30
#: A step is at least so many spacings of the floats that scores are.
LEAST_IN_SPACINGS = 256.0
#: Changes between two steps are taken for this part of the error that may be left, so that chance is in it.
_CHANCE = 2.0
#: A jump that shrinks by less than this from the coarse step to the fine one lies at the point itself.
_STAYS = 0.8


@dataclass(frozen=True, eq=False)
class Pair:
    """Differences along K directions at two steps of ratio ``RATIO``."""

    coarse: Stencil
    fine: Stencil
    expected: FloatArray  # K floats, the analytic gradient along the fine displacements


def finest_step(value_noise: float, bound: float, spacing: float) -> float:
    """The step at which noise is bounded so: a finer one is too noisy, a wider one crosses more kinks than it need.

    A step is never near the spacing of floats at a usual score.
    """
    finest = max(_FINEST, LEAST_IN_SPACINGS * spacing)
    wanted = SIGMAS * value_noise / (sqrt(2.0) * bound) if bound > 0 else inf
    return float(min(max(wanted, finest), max(_COARSEST, finest)))


def residuals(pair: Pair, value_noise: float) -> tuple[FloatArray, FloatArray, Callable[[Stencil], FloatArray]]:
    """How far derivatives along K directions lie from the analytic ones; by the differences of the least bound.

    Returns:
        K floats; K bounds on the error of the numerics alone; and the differences, plain or corrected, that were taken.
    """
    noise = pair.fine.noise_bound(value_noise)
    found = []
    for of in (Stencil.corrected, Stencil.plain):
        with np.errstate(invalid="ignore"):
            coarse, fine = of(pair.coarse), of(pair.fine)
            changes = np.abs(coarse - fine)
            bounds = noise + _CHANCE * np.max(changes)
        found.append((fine - pair.expected, np.where(np.isfinite(bounds), bounds, inf), of))
    return min(found, key=lambda each: float(np.max(each[1])))


def has_kinks_at_point(pair: Pair, value_noise: float, granted: float) -> bool:
    """Whether one-sided derivatives differ at the point itself: by as much at the fine step as at the coarse one.

    Either half the jump of the values' slope tells, or what the corrections take off: kinks of opposite signs cancel
    in the one and not in the other. What is below ``granted`` cannot be told from nothing.
    """
    unseen = granted + 4 * pair.fine.noise_bound(value_noise)
    for of in (Stencil.kink, Stencil.correction):
        with np.errstate(invalid="ignore"):
            coarse, fine = np.abs(of(pair.coarse)), np.abs(of(pair.fine))
            if np.any((fine > unseen) & (fine > _STAYS * coarse)):
                return True
    return False


def smallest_defect(unseen: FloatArray, probability: float = 0.99) -> float:
    """What one entry would have to be off by for K random normal directions together to show it.

    A defect d shows along a direction as d·v with v a standard normal number. All of them miss it with a probability
    of prod P(abs(v) < unseen / d), where ``unseen`` is how much each direction lets pass.

    Returns:
        0 where any direction lets nothing pass, infinity where all let everything pass.
    """
    telling = [float(each) for each in unseen if np.isfinite(each)]
    if not telling:
        return inf
    if min(telling) < 1e-300:  # nothing but underflow
        return 0.0

    def missed(size: float) -> float:
        return prod(erf(each / (size * sqrt(2.0))) for each in telling)

    low, high = min(telling) / 10, max(telling)  # no standard normal number is above 10
    while missed(high) > 1 - probability:
        low, high = high, 2 * high
    for _ in range(60):
        middle = sqrt(low * high)
        low, high = (middle, high) if missed(middle) > 1 - probability else (low, middle)
    return high
