"""How precise is this loss where directions move every score: its noise, from one line on which no matrix is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.gradient_noise import FLOOR, GradientNoise
from gradcheck.checking.lines import SPACING, level_on_a_line, noise_of_values
from gradcheck.checking.precision import Precision
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import Along, Base, draw, inner, norms, usual_size
from gradcheck.numerics import noise
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.projecting import noise_of_derivatives
from gradcheck.report import FloatArray

#: Spacings of the points on a line: so fine that it crosses few of millions of kinks; and where a coarser rounding of
#: the loss's own makes stairs of that, so wide that float32 does not.
_SPACINGS = (2.0**-25, 2.0**-13, 2.0**-7)
#: Where on that line, at the spacing that is usual for small problems, dS is looked at; and at how many numbers of it.
_FURTHER: tuple[float, ...] = tuple(noise.POSITIONS[1:5].tolist())
_TELLING = 512
#: What scores are taken for at least.
_SMALLEST = 2.0**-12
#: One line may be calm by chance.
_CHANCE = 2.0
#: A slope that jumps by this part of the norm of dS, and by so many times as much as elsewhere, has met many kinks.
_MANY_KINKS, _APART = 1e-2, 10.0
#: The step for single entries, unless noise asks for a wider one.
_STEP, _WIDEST_STEP = 2.0**-9, 2.0**-3
_PRECISE = 1e-13


@dataclass(frozen=True, eq=False)
class ProjectedPrecision:
    """What was measured.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        slope_noise: standard deviation of what the noise of dS puts into its projection on a random normal direction.
        derivative_noise: standard deviation of the noise of an entry of dS, as it was measured.
        derivative_rounding: the same that every entry is granted, beside the largest of its row.
        rounding: value_noise beside the value.
        starts_at_kinks: so many kinks meet at the point that the slope of the line jumps there.
    """

    value_noise: float
    slope_noise: float
    derivative_noise: float
    derivative_rounding: float
    rounding: float
    starts_at_kinks: bool

    def of_entries(self, oracle: Oracle) -> Precision:
        """The same for entries that are judged one by one."""
        assert oracle.gradient_scale is not None  # it has been called
        scale = float(np.max(oracle.gradient_scale))
        least = np.maximum(self.derivative_rounding * oracle.gradient_scale, self.derivative_noise)
        wanted = SIGMAS * self.value_noise / (_PRECISE * scale) if scale > 0 else 0.0
        return Precision(
            self.value_noise,
            GradientNoise((), least),
            step=min(max(_STEP, wanted), _WIDEST_STEP),
            rounding=self.rounding,
            smallest_part=oracle.value_scale / len(oracle.gradient_scale),
        )


def measure_line(
    oracle: Oracle, base: Base, value_eps: float, gradient_eps: float, direction: FloatArray
) -> ProjectedPrecision:
    """Measure along one line from a point: 11 calls, or up to 25 where the loss rounds coarsely.

    Args:
        oracle: the loss at this problem, which has been called far from S too.
        base: the point.
        value_eps, gradient_eps: machine epsilon of the dtypes that the loss returned.
        direction: N x C, random and normal.
    """
    along = Along(oracle, base)
    values, slopes = _values_and_slopes(oracle, along, base, direction)
    value_noise = noise_of_values(values, level_on_a_line(values), value_eps, oracle.value_scale)
    derivatives = _derivatives(oracle, along, direction, SPACING * min(1.0, max(usual_size(base.scores), _SMALLEST)))
    eps = noise.effective_eps(derivatives, gradient_eps)
    derivative_noise = noise_of_derivatives(derivatives, _FURTHER)
    norm, _ = norms(base.gradient)
    size = max(abs(base.value), oracle.value_scale)
    return ProjectedPrecision(
        value_noise,
        max(derivative_noise * math.sqrt(direction.size), eps * norm),
        _CHANCE * derivative_noise,
        FLOOR * eps,
        rounding=value_noise / size if size > 0 else 0.0,
        starts_at_kinks=_starts_at_kinks(slopes, norm),
    )


def _values_and_slopes(
    oracle: Oracle, along: Along, base: Base, direction: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Eight of each, from the point on, at the first spacing that the loss's own rounding does not make stairs of."""

    def seen_of(value: float, gradient: FloatArray) -> tuple[float, float]:
        return value, inner(gradient, direction.reshape(-1))

    seen = np.zeros((2, 0))
    for spacing in _SPACINGS:
        points = (along.point(direction, position * spacing) for position in noise.POSITIONS[1:].tolist())
        at_points = [seen_of(base.value, base.gradient), *(seen_of(*oracle.handed(point)) for point in points)]
        seen = np.array(at_points).T
        if np.all(np.diff(seen[0])):
            break
    return seen[0], seen[1]


def _derivatives(oracle: Oracle, along: Along, direction: FloatArray, spacing: float) -> FloatArray:
    """Some entries of dS at four points further off: a coarse rounding hides in one that hardly moves.

    Where scores are small, kinks are dense: then the points are nearer.
    """
    places = np.unique(np.linspace(0, direction.size - 1, _TELLING).astype(np.intp))

    def seen_of(position: float) -> FloatArray:
        _, gradient = oracle.handed(along.point(direction, position * spacing))
        return gradient.reshape(-1)[places]

    return np.array([seen_of(position) for position in _FURTHER])


def _starts_at_kinks(slopes: FloatArray, norm: float) -> bool:
    """Whether so many kinks meet at the first point of a line that its slope jumps there, and nowhere else as much."""
    with np.errstate(invalid="ignore"):
        first, *others = np.abs(np.diff(slopes))
    return bool(first > _MANY_KINKS * norm and first > _APART * max(others))


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
