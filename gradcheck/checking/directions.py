"""Derivatives of a function along random directions, compared with the projections of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.checking.steps import pieces, stencil_along
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import EPS, SIGMAS, Stencil
from gradcheck.numerics.directional import LEAST_IN_SPACINGS, RATIO, Pair, finest_step, has_kinks_at_point, residuals
from gradcheck.numerics.verdicts import Tolerance, largest
from gradcheck.report import FloatArray

#: Random directions; each lets an entry's defect pass where it happens to move that entry by little.
DIRECTIONS = 4
#: Steps finer than the first two that may be tried, along the first direction.
_FINER = 2
#: Noise may take this part of what the tolerances grant, and of a disagreement that is looked for by bisection.
_SHARE_OF_GRANTED, _SHARE_OF_DISAGREEMENT = 1 / 8, 1 / 16
#: How far beside x the directions are taken where kinks meet at x: a derivative there may be anything in an interval.
_BESIDE = 2.0**-4


@dataclass(frozen=True, eq=False)
class Base:
    """A point (n,), and what the function returned there."""

    x: FloatArray
    answer: Answer  # of the reference, the function in float64 where it can; its gradient is (n,)
    analytic: FloatArray  # (n,), dS as it is judged; the same array where that is the reference's own


class Directions:
    """Projections of dS along random directions, and along parts of them."""

    def __init__(
        self, given: Objective, objective: Objective, base: Base, precision: Precision, tolerance: Tolerance
    ) -> None:
        self._given, self._objective, self.base = given, objective, base
        self._precision, self._tolerance = precision, tolerance
        self.buffer, self._drawn = np.empty(len(base.x)), -1
        usual = float(np.median(np.abs(base.x[:: max(1, len(base.x) // 1024)])))
        self._spacing = float(objective.spacing(np.array([usual]))[0])
        some = np.unique(np.linspace(0, len(base.x) - 1, 512).astype(np.intp))
        self._noise_of_slope = sqrt(len(base.x)) * float(np.median(precision.gradient_noise.of(some)))
        self.is_beside = self.meets_kinks = False
        #: By flat entry, how far its derivative is from dS where the directions were taken.
        self.explained: dict[int, float] = {}

    def draw(self, number: int) -> FloatArray:
        """The random normal direction of this number, the same for every problem of a shape: (n,), in the buffer."""
        if number != self._drawn:
            np.random.default_rng([*self._objective.shape, number]).standard_normal(out=self.buffer)
            self._drawn = number
        return self.buffer

    def look(self) -> None:
        """Every direction at two steps: 16 calls, and up to 9 more to find the steps."""
        noise = self._precision.value_noise
        granted = self.granted(self.base.analytic, self._precision.scale)
        looks, steps = self._best_looks(granted)
        if has_kinks_at_point(_pair([looks]), noise, granted):
            self._go_beside()
            looks, steps = self._best_looks(granted)
        seen = [[_look(self._objective, self.base, self.draw(k), step) for step in steps] for k in range(1, DIRECTIONS)]
        pair, granted = _pair([looks, *seen]), self.granted(self.base.analytic)
        self.residuals, bounds, self._of = residuals(pair, noise)
        self._fine, self._changes = steps[1], float(bounds[0] - pair.fine.noise_bound(noise)[0])
        self.meets_kinks = has_kinks_at_point(pair, noise, granted)
        rounding = SIGMAS * self._noise_of_slope + EPS * sqrt(len(self.base.x)) * _norm(self.base.analytic)
        self.bounds = bounds + rounding
        self.allowed = self.bounds + granted

    def excess(self, left: FloatArray) -> FloatArray:
        """What directions leave, in units of what they may: above 1 they disagree. Infinite where nothing is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            units = np.where(left == 0, 0.0, np.abs(left) / self.allowed)
        return np.nan_to_num(units, nan=np.inf)

    def left(self) -> FloatArray:
        """What every direction leaves once the entries that are known to be off are taken out: K floats."""
        off = [self._explained_along(self.draw(k)) for k in range(DIRECTIONS)]
        return np.asarray(self.residuals - np.array(off))

    def measure(self, number: int, part: slice, size: float) -> tuple[float, float]:
        """The derivative along a direction, where a part of the entries move, less the analytic one; and its bound.

        Two calls; ``size`` is the disagreement that is looked for there.
        """
        direction, noise = self.draw(number), self._precision.value_noise
        step = finest_step(noise, _SHARE_OF_DISAGREEMENT * size, self._spacing)
        stencil, expected = _look(self._objective, self.base, direction, step, part)
        share = (part.stop - part.start) / len(direction)
        changes = self._changes * sqrt(share * step / self._fine)
        bound = float(stencil.noise_bound(noise)[0]) + changes + SIGMAS * self._noise_of_slope * sqrt(share)
        residual = float(self._of(stencil)[0]) - expected - self._explained_along(direction, part)
        return residual, bound + self.granted(self.base.analytic[part])

    def granted(self, analytic: FloatArray, least: float = 0.0) -> float:
        """What the tolerances of single entries grant their sum along a normal direction; ``least`` is of the norm."""
        norm = max(_norm(analytic), least)
        return SIGMAS * (self._tolerance.rtol * norm + self._tolerance.atol * sqrt(len(analytic)))

    def _explained_along(self, direction: FloatArray, part: slice = slice(None)) -> float:
        """How much of a derivative along a direction, or a part of it, the entries explain that are known to be off."""
        start, stop, _ = part.indices(len(direction))
        return float(sum(off * direction[entry] for entry, off in self.explained.items() if start <= entry < stop))

    def _best_looks(self, granted: float) -> tuple[list[_Look], list[float]]:
        """Looks along the first direction at the best two neighbouring steps, and the steps."""
        direction, noise = self.draw(0), self._precision.value_noise
        fine = finest_step(noise, _SHARE_OF_GRANTED * granted, self._spacing)
        looks: list[_Look] = []
        steps, bounds = [RATIO * fine, fine], []
        while True:
            looks += [_look(self._objective, self.base, direction, step) for step in steps[len(looks) :]]
            pair, finer = _pair([looks[-2:]]), steps[-1] / RATIO
            bounds.append(float(residuals(pair, noise)[1][0]))
            noisier = float(pair.fine.noise_bound(noise)[0]) * RATIO
            enough = len(bounds) > _FINER or min(bounds) <= granted or noisier > min(bounds) / 2
            leave = not self.is_beside and has_kinks_at_point(pair, noise, granted)
            if enough or leave or finer < LEAST_IN_SPACINGS * self._spacing:
                best = int(np.argmin(bounds))
                return looks[best : best + 2], steps[best : best + 2]
            steps.append(finer)

    def _go_beside(self) -> None:
        """Take the directions where no kink is: one call, or two in the user's dtype."""
        given, exact = self._given, self._objective
        x = given.rounded(self.base.x + _BESIDE * self.draw(DIRECTIONS))
        value, there = exact.without_copy(x.astype(exact.dtype))
        gradient = np.array(there)
        own = gradient if given.dtype == exact.dtype else np.array(given.without_copy(x.astype(given.dtype))[1])
        self.base, self.is_beside = Base(x, Answer(value, gradient, 0.0, 0.0), own), True


#: The stencil of one direction, and the analytic derivative along the displacement really taken.
_Look = tuple[Stencil, float]


def _look(objective: Objective, base: Base, direction: FloatArray, step: float, within: slice = slice(None)) -> _Look:
    """Move x by ``step`` times a direction both ways, in some entries: two calls."""
    part, own, analytic, expected = direction[within], base.x[within], base.analytic[within], 0.0
    for piece in pieces(len(part)):
        above, below = ((own[piece] + signed * part[piece]).astype(objective.dtype) for signed in (step, -step))
        expected += float(np.dot(analytic[piece], np.subtract(above, below, dtype=np.float64)))
    return stencil_along(objective, base.x, base.answer, direction, step, within), expected / (2 * step)


def _pair(looks: list[list[_Look]]) -> Pair:
    """Looks at a coarse and at a fine step along each of K directions."""
    coarse, fine = (Stencil(*np.concatenate([seen for seen, _ in at], axis=1)) for at in zip(*looks, strict=True))
    return Pair(coarse, fine, np.array([expected for _, (_, expected) in looks]))


def _norm(vector: FloatArray) -> float:
    """Euclidean norm, of gradients too whose squares are too small for a float."""
    size = largest(vector) or 1.0
    return size * float(np.linalg.norm(vector / size))
