"""Points near x at which a function is asked for its gradient, such that every side of its kinks is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.evaluation.blocks import Blocks
from gradcheck.evaluation.objective import Objective
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.verdicts import BoolArray
from gradcheck.report import FloatArray

_RADIUS, _LARGEST_RADIUS = 1e-4, 0.1
#: Steps of differences at a point nearby, in radii: shorter than the way to any kink through x. The wider one is for
#: functions whose noise asks for it.
_STEP, _WIDEST_STEP = 1 / 256, 1 / 64
#: Directions that are sampled for all entries together; and once more at this part of the radius.
_SAMPLED, _SHRINK = 16, 16.0
#: Of evenly spaced levels: with a half, an entry in the middle would not be moved at all.
_OFF_CENTRE = 0.4


class Nearby:
    """The surroundings of x, wider where a function is noisy; gradients there are shared by all entries in doubt."""

    def __init__(self, objective: Objective, x: FloatArray, precision: Precision) -> None:
        self.objective, self.x, self.precision = objective, x, precision
        finest = SIGMAS * precision.value_noise / (1e-4 * precision.scale)
        #: How far from x to look, and the step of differences there.
        self.radius = min(_LARGEST_RADIUS, max(min(_RADIUS, precision.reach), finest / _WIDEST_STEP))
        self.step = max(self.radius * _STEP, min(finest, self.radius * _WIDEST_STEP))

    def gradient(self, direction: FloatArray, part: float = 1.0) -> FloatArray:
        """The gradient (n,) at x + radius * direction, or at a part of the radius: one call."""
        return self.objective(self.x + part * self.radius * direction).gradient

    @cached_property
    def directions(self) -> FloatArray:
        """(M, n), of at most 1."""
        rng = np.random.default_rng(self.objective.shape)
        return np.array(list(patterns(self.objective.blocks, _SAMPLED, rng)))

    @cached_property
    def gradients(self) -> FloatArray:
        """(M, n), at x + radius * direction: 16 calls."""
        return np.array([self.gradient(direction) for direction in self.directions])

    @cached_property
    def jumps(self) -> BoolArray:
        """(n,), entries whose derivative jumps around x: its spread is above its noise and does not shrink near x."""
        nearer = np.ptp([self.gradient(direction, 1 / _SHRINK) for direction in self.directions], axis=0)
        spread = np.ptp(self.gradients, axis=0)
        own = replace(self.precision.gradient_noise, beyond=None)  # gradients here are the reference's
        noise = SIGMAS * own.of(np.arange(len(self.x)))
        return np.asarray((spread > 2 * noise) & (nearer > spread / 4))

    def has_jump_at(self, entry: int) -> bool:
        """Whether a derivative by an entry of the same row or column jumps around x."""
        # Not the entry's own alone: where two of its kinks meet, one may go on as the other goes off at every point;
        # but across a kink the derivatives by all its scores jump.
        row, column = divmod(entry, self.objective.shape[1])
        jumps = self.jumps.reshape(self.objective.shape)
        return bool(jumps[row].any() or jumps[:, column].any())

    def derivative_along(self, direction: FloatArray, entry: int) -> tuple[float, float]:
        """The limit at x, along a direction, of the derivative by an entry, from values alone; and its bound."""
        slopes = []
        for distance in (self.radius, self.radius / 2):
            point = self.x + distance * direction
            after = self.objective.rounded(point[entry] + np.array([self.step, -self.step]))
            values, _ = self.objective.ask("whole", point, np.array([entry, entry]), after)
            slopes.append(float((values[0] - values[1]) / (after[0] - after[1])))
        far, near = slopes
        noise = SIGMAS * np.sqrt(2.0) * self.precision.value_noise / (2 * self.step)
        return 2 * near - far, abs(near - far) + 3 * noise


def patterns(blocks: Blocks, count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """So many directions (n,) of at most 1, of two kinds in turn: orders of the entries of each block, and signs."""
    for k in range(count):
        of_block = _signs if k % 2 else _order
        yield np.concatenate([of_block(each.stop - each.start, rng) for each in blocks.slices()])


def _signs(count: int, rng: np.random.Generator) -> FloatArray:
    """Every entry up or down, by different lengths: switches kinks of single entries and of pairs on or off."""
    lengths = rng.uniform(0.9, 1.0) * rng.permutation(np.linspace(0.6, 1.0, count))
    return np.asarray(lengths * rng.choice([-1.0, 1.0], size=count))


def _order(count: int, rng: np.random.Generator) -> FloatArray:
    """The entries in some order, evenly spaced: breaks ties of many in every way there is."""
    levels = (np.arange(count) + _OFF_CENTRE) / count * 2 - 1
    return np.asarray(rng.uniform(0.8, 1.0) * rng.permutation(levels))
