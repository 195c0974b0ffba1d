"""How precise is this loss where directions move every score: its noise, from one line on which no matrix is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.gradient_noise import FLOOR, GradientNoise
from gradcheck.numerics import noise
from gradcheck.numerics.differences import SIGMAS
from gradcheck.oracle import Oracle
from gradcheck.plans.projections import Along, Base, draw, inner, norms
from gradcheck.precision import SPACING, Precision
from gradcheck.report import FloatArray

#: Spacings of the points on a line: so fine that it crosses few of millions of kinks; and where a coarser rounding of
#: the loss's own makes stairs of that, so wide that float32 does not.
_SPACINGS = (2.0**-25, 2.0**-13, 2.0**-7)
#: Numbers of dS, spread over all of it, that tell how it was computed.
_TELLING = 512
#: The median of their levels may be low by chance.
_CHANCE = 2.0
#: The step for single entries, unless noise asks for a wider one.
_STEP, _WIDEST_STEP = 2.0**-9, 2.0**-3
_PRECISE = 1e-13


@dataclass(frozen=True, eq=False)
class ProjectedPrecision:
    """What was measured.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        slope_noise: standard deviation of what the noise of dS puts into its projection on a random normal direction.
        gradient_noise: the noise of an entry of dS beside the largest of its row.
        rounding: value_noise beside the value.
    """

    value_noise: float
    slope_noise: float
    gradient_noise: float
    rounding: float

    def of_entries(self, oracle: Oracle) -> Precision:
        """The same for entries that are judged one by one."""
        assert oracle.gradient_scale is not None  # it has been called
        scale = float(np.max(oracle.gradient_scale))
        wanted = SIGMAS * self.value_noise / (_PRECISE * scale) if scale > 0 else 0.0
        return Precision(
            self.value_noise,
            GradientNoise((), self.gradient_noise * oracle.gradient_scale),
            step=min(max(_STEP, wanted), _WIDEST_STEP),
            rounding=self.rounding,
            smallest_part=oracle.value_scale / len(oracle.gradient_scale),
        )


def measure_line(
    oracle: Oracle, base: Base, value_eps: float, gradient_eps: float, direction: FloatArray
) -> ProjectedPrecision:
    """Measure along one line from a point: 7 calls, or up to 21 where the loss rounds coarsely.

    Args:
        oracle: the loss at this problem, which has been called far from S too.
        base: the point.
        value_eps, gradient_eps: machine epsilon of the dtypes that the loss returned.
        direction: N x C, random and normal.
    """
    along = Along(oracle, base)
    spots = np.unique(np.linspace(0, base.scores.size - 1, _TELLING).astype(np.intp))
    values, slopes, derivatives = np.zeros(0), np.zeros(0), np.zeros((0, 0))

    def seen_of(value: float, gradient: FloatArray) -> tuple[float, float, FloatArray]:
        return value, inner(gradient, direction.reshape(-1)), gradient.reshape(-1)[spots]

    for spacing in _SPACINGS:
        points = (along.point(direction, position * spacing) for position in noise.POSITIONS[1:].tolist())
        seen = [seen_of(base.value, base.gradient), *(seen_of(*oracle.handed(point)) for point in points)]
        values, slopes, derivatives = (np.array(series) for series in zip(*seen, strict=True))
        if not noise.is_stair(values):
            break
    value_noise = _level(values, noise.effective_eps(values, value_eps), oracle.value_scale)
    eps = noise.effective_eps(derivatives, gradient_eps)
    assert oracle.gradient_scale is not None  # it has been called
    scales = oracle.gradient_scale[spots // base.scores.shape[1]]
    with np.errstate(all="ignore"):
        levels = noise.noise_level(derivatives) / scales
    usual = float(np.median(levels[np.isfinite(levels)])) if np.any(np.isfinite(levels)) else 0.0
    size = max(abs(base.value), oracle.value_scale)
    slope_noise = float(noise.noise_level(slopes)) if np.all(np.isfinite(slopes)) else 0.0
    return ProjectedPrecision(
        value_noise,
        max(slope_noise, eps * norms(base.gradient)[0]),
        max(_CHANCE * usual, FLOOR * eps),
        rounding=value_noise / size if size > 0 else 0.0,
    )


def _level(values: FloatArray, eps: float, scale: float) -> float:
    """The noise of values on a line, never below their rounding."""
    finite = values[np.isfinite(values)]
    floor = 0.5 * eps * max(float(np.max(np.abs(finite), initial=0.0)), scale)
    level = float(noise.noise_level(values)) if len(finite) == len(values) else 0.0
    return max(floor, noise.granularity(values) / math.sqrt(12), level)


def rounding_of_projections(given: Oracle, exact: Oracle, base: Base) -> float:
    """How far dS in the user's dtype lies from that in float64, by rounding alone: the norm of the difference.

    Measured at points near S and not at S, where it might be the very defect that is looked for: six calls.

    Args:
        given: the loss in the user's dtype.
        exact: the loss in float64.
        base: S.
    """
    squares = []
    direction = np.empty(base.scores.shape)
    for number in range(3):
        direction = draw(direction.shape, 50 + number, direction)
        near = Along(given, base).point(direction, SPACING)
        _, rounded = given.handed(near.copy())
        apart = rounded.astype(np.float64)
        _, right = exact.handed(near.astype(np.float64))
        apart -= right
        squares.append(norms(apart)[0] ** 2)
    return float(np.sqrt(np.mean(squares)))
