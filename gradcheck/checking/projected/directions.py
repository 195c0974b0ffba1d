"""Derivatives of a whole problem along random directions, beside dS: at which steps, within which bounds.

Where kinks meet at S itself, by the thousands, the derivative along a direction may rightly be anything within a wide
hull. Then the directions are taken a little beside S, where no kink is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from gradcheck.checking.projected.bisection import Measure
from gradcheck.checking.projected.setting import Setting
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import WHOLE, Along, Base, Look, draw, norms, usual_size
from gradcheck.numerics.differences import SIGMAS, joined
from gradcheck.numerics.projecting import (
    LEAST_IN_SPACINGS,
    RATIO,
    Pair,
    finest_step,
    has_kinks_at_point,
    residuals,
)
from gradcheck.report import FloatArray

#: Random directions; each lets an entry's defect pass where it happens to move that entry by little.
DIRECTIONS = 4
#: Steps finer than the first two that may be tried, along the first direction.
_FINER = 2
#: Noise may take this part of what the tolerances grant, and of a disagreement that is looked for by bisection.
_SHARE_OF_GRANTED, _SHARE_OF_DISAGREEMENT = 1 / 8, 1 / 16
#: By how much changes between two steps must outweigh the noise at a third for that to be tried.
_WILD = 4.0
#: How far beside S the directions are taken where kinks meet at S, and the number of the direction there.
_BESIDE = 2.0**-4
_BESIDE_NUMBER = 90
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Seen:
    """What K directions told.

    Attributes:
        residuals: K floats, the derivative along each less the projection of dS.
        bounds: K floats, on the errors of the numerics, the rounding of dS among them.
        granted: K floats, what the user's tolerances grant beside.
    """

    residuals: FloatArray
    bounds: FloatArray
    granted: FloatArray

    @property
    def allowed(self) -> FloatArray:
        """K floats, what a direction may leave."""
        return self.bounds + self.granted

    def excess(self, left: FloatArray) -> FloatArray:
        """What directions leave in units of what they may: above 1 they disagree. Infinite where nothing is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            units = np.where(left == 0, 0.0, np.abs(left) / self.allowed)
        return np.nan_to_num(units, nan=np.inf)


class Directions:
    """Projections of dS around a point, and of parts of it.

    Args:
        setting: the problem; its buffer holds one direction at a time.
    """

    def __init__(self, setting: Setting) -> None:
        self._oracle, self._given, self._base = setting.oracle, setting.given, setting.base
        self._precision, self._rtol, self._atol = setting.precision, setting.rtol, setting.atol
        self.buffer = setting.buffer
        self._spacing = float(np.spacing(np.asarray(usual_size(self._base.scores), dtype=self._oracle.dtype)))
        self._alone: tuple[int, Oracle, Base] | None = None
        self.is_beside = self.meets_kinks = False
        self.calls_of_rows = 0

    @property
    def base(self) -> Base:
        """Where the directions are taken: S, or beside it."""
        return self._base

    def drawn(self, number: int) -> FloatArray:
        """A direction, N x C: good until the next is drawn."""
        return draw(self.buffer.shape, number, self.buffer)

    def look(self) -> Seen:
        """Every direction at two steps: 16 calls, up to 9 more to find the steps, 8 more for a third."""
        first = self._first_looks()
        noise = self._precision.value_noise
        steps = [look.step for look in first]
        looks, granted = [first], [self._granted(self.buffer)]
        for number in range(2, DIRECTIONS + 1):
            direction = self.drawn(number)
            looks.append([self._along().look(direction, step) for step in steps])
            granted.append(self._granted(direction))
        pair = _pair(*looks)
        told = residuals(pair, noise)
        least = float(pair.fine.noise_bound(noise)[0])
        finer = steps[1] / RATIO
        # The first direction was perhaps tame by chance: a finer step does more for the others than noise undoes.
        if told.bounds[0] > max(granted) and told.bounds[0] - least > _WILD * RATIO * least and self._can_take(finer):
            steps = [steps[1], finer]
            looks = [[fine, self._along().look(self.drawn(1 + k), finer)] for k, (_, fine) in enumerate(looks)]
            pair = _pair(*looks)
            told = residuals(pair, noise)
            least = float(pair.fine.noise_bound(noise)[0])
        self._of, self._fine, self._changes = told.of, steps[1], float(told.bounds[0]) - least
        self.meets_kinks = has_kinks_at_point(pair, noise, max(granted))
        rounding = SIGMAS * self._precision.slope_noise + _EPS * sqrt(self.buffer.size) * self._norm()
        return Seen(told.residuals, told.bounds + rounding, np.array(granted))

    def measuring(self, number: int, known: Sequence[dict[int, float]], weight: float | None) -> Measure:
        """What bisection along a direction asks.

        Args:
            number: of the direction, which is drawn now.
            known: by flat entry, how far derivatives are known to lie from dS; looked up at every measurement.
            weight: what a row's own value counts in the batch's: then parts of one row take calls of that row alone.
                None where they cannot.
        """
        direction, (N, C) = self.drawn(number), self.buffer.shape

        def measure(start: int, stop: int, size: float) -> tuple[float, float]:
            row, last = start // C, (stop - 1) // C
            part = (last - row + 1) / N
            noise = self._precision.value_noise
            if weight is not None and row == last:
                along, moved, within = (
                    self._along_row(row, weight),
                    direction[row],
                    slice(start - row * C, stop - row * C),
                )
                noise /= sqrt(N)
                self.calls_of_rows += 2
            else:
                along, moved, within = Along(self._oracle, self._base), direction, slice(start, stop)
            step = finest_step(noise, _SHARE_OF_DISAGREEMENT * size, self._spacing)
            look = along.look(moved, step, within)
            residual = float(self._of(look.stencil)[0]) - look.expected
            for off in known:
                residual -= sum(off[entry] * float(direction.flat[entry]) for entry in off if start <= entry < stop)
            changes = self._changes * sqrt(part * step / self._fine)
            rounding = SIGMAS * self._precision.slope_noise * sqrt(part)
            bound = float(look.stencil.noise_bound(noise)[0]) + changes + rounding
            return residual, bound + self._granted(direction, slice(start, stop))

        return measure

    def _first_looks(self) -> list[Look]:
        """The best two neighbouring steps along the first direction; at S, or beside it if kinks meet there."""
        granted = self._usually_granted()
        if self._precision.starts_at_kinks:
            self._go_beside()
            return self._best_looks(granted)
        two = self._best_looks(granted)
        if has_kinks_at_point(_pair(two), self._precision.value_noise, granted):
            self._go_beside()
            two = self._best_looks(granted)
        return two

    def _best_looks(self, granted: float) -> list[Look]:
        direction, noise = self.drawn(1), self._precision.value_noise
        fine = finest_step(noise, _SHARE_OF_GRANTED * granted, self._spacing)
        looks = [self._along().look(direction, step) for step in (RATIO * fine, fine)]
        for _ in range(_FINER):
            finer = looks[-1].step / RATIO
            pair, best = _pair(looks[-2:]), min(_bounds(looks, noise))
            noisier = float(pair.fine.noise_bound(noise)[0]) * RATIO
            enough = best <= granted or noisier > best / 2
            leave = not self.is_beside and has_kinks_at_point(pair, noise, granted)
            if enough or leave or not self._can_take(finer):
                break
            looks.append(self._along().look(direction, finer))
        best_of = int(np.argmin(_bounds(looks, noise)))
        return looks[best_of : best_of + 2]

    def _can_take(self, step: float) -> bool:
        return step >= LEAST_IN_SPACINGS * self._spacing

    def _usually_granted(self) -> float:
        """What tolerances grant a projection, of dS at S or of what it is elsewhere if it is nothing at S."""
        assert self._oracle.gradient_scale is not None  # it has been called
        norm = max(self._norm(), float(np.max(self._oracle.gradient_scale)))
        return SIGMAS * (self._rtol * norm + self._atol * sqrt(self.buffer.size))

    def _go_beside(self) -> None:
        """Take the directions where no kink is: one call, or two in the user's dtype."""
        point = Along(self._given, self._base).point(self.drawn(_BESIDE_NUMBER), _BESIDE)
        scores = point.astype(np.float64)
        value, gradient = self._given.handed(point)
        del point
        analytic = np.array(gradient, order="C")
        del gradient
        reference = analytic
        if self._oracle is not self._given:
            value, gradient = self._oracle.handed(scores.copy())
            reference = np.array(gradient, order="C")
        self._base, self.is_beside = Base(scores, value, reference, analytic), True

    def _along(self) -> Along:
        return Along(self._oracle, self._base)

    def _along_row(self, row: int, weight: float) -> Along:
        """One row alone, at the same point."""
        if self._alone is None or self._alone[0] != row:
            alone, scores = self._oracle.alone(row), self._base.scores[row : row + 1]
            value, gradient = alone.handed(scores.astype(alone.dtype))
            self.calls_of_rows += 1
            self._alone = row, alone, Base(scores, value, gradient.copy(), self._base.analytic[row : row + 1] / weight)
        _, alone, base = self._alone
        return Along(alone, base, weight)

    def _granted(self, direction: FloatArray, within: slice = WHOLE) -> float:
        """What the tolerances of single entries grant their sum: by chance, and never more than all together."""
        part = direction.reshape(-1)[within]
        norm, together = norms(self._base.analytic, part, within)
        granted = self._rtol * min(together, SIGMAS * norm)
        if self._atol:
            granted += self._atol * min(float(np.sum(np.abs(part))), SIGMAS * sqrt(part.size))
        return granted

    def _norm(self) -> float:
        return norms(self._base.analytic)[0]


def _pair(*looks: list[Look]) -> Pair:
    """Looks at a coarse and at a fine step along each of K directions."""
    coarse, fine = (joined([look.stencil for look in at]) for at in zip(*looks, strict=True))
    return Pair(coarse, fine, np.array([fine.expected for _, fine in looks]))


def _bounds(looks: list[Look], value_noise: float) -> list[float]:
    """The bound that each two neighbouring steps along one direction leave."""
    return [float(residuals(_pair(list(two)), value_noise).bounds[0]) for two in pairwise(looks)]
