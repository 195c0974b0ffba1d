"""Slopes of dS along lines from S: what its Jacobian J makes of a direction, and how far off that may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.precision import Line
from gradcheck.report import FloatArray

#: Degrees of the polynomials whose slopes at 0 are compared: the higher one is taken, their difference is its error.
_DEGREES = (3, 4)
#: What a smooth function on so short a line leaves beside the higher polynomial, in parts of what it changes by.
_SMOOTH = 1e-7
#: Residuals of points that lie on a smooth line are below this many times their noise.
_MISFIT = 3.0
#: Noise is hardly larger than so many times the largest residual: of eight points, the fit takes five.
_UNSEEN = 10.0


@dataclass(frozen=True)
class Slope:
    """A number k·J·d.

    Attributes:
        value: the slope.
        error: how far off it may be.
    """

    value: float
    error: float


def slope_along(line: Line, onto: FloatArray, seen: Case) -> Slope | None:
    """onto·J·direction: the slope at S of dS along a line, weighed by another direction.

    Args:
        line: dS at m points from S, the first S itself.
        onto: N x C.
        seen: the problem, whose ``granted`` is the noise of dS.

    Returns:
        None where the line meets a kink: no polynomial runs through its points.
    """
    # Of what changes along the line alone, for what stays may be large beside it.
    heights = np.array([np.sum(onto * (gradient - line.gradients[0])) for gradient in line.gradients])
    if len(heights) <= _DEGREES[-1] + 1 or not np.all(np.isfinite(heights)):
        return None
    granted = float(np.sqrt(np.sum((onto * seen.granted) ** 2)))
    reach = float(line.offsets[-1])
    low, high = (_fit(line.offsets / reach, heights, degree) for degree in _DEGREES)
    if high.residual > _MISFIT * granted + _SMOOTH * float(np.ptp(heights)):
        return None
    # dS is granted the rounding of the user's dtype; the line may have been seen in a finer one.
    noise = min(granted, _UNSEEN * high.residual + 8 * np.finfo(np.float64).eps * float(np.max(np.abs(heights))))
    return Slope(high.slope / reach, (abs(high.slope - low.slope) + high.amplified * noise) / reach)


class _Fit(NamedTuple):
    slope: float
    residual: float  # the largest
    amplified: float  # what noise of 1 in the heights is in the slope


def _fit(offsets: FloatArray, heights: FloatArray, degree: int) -> _Fit:
    powers = np.vander(offsets, degree + 1, increasing=True)
    inverse = np.linalg.pinv(powers)
    coefficients = inverse @ heights
    residual = float(np.max(np.abs(powers @ coefficients - heights)))
    return _Fit(float(coefficients[1]), residual, float(np.linalg.norm(inverse[1])))
