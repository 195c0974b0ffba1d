"""A loss along lines from S: its values, dS and each row's part of the value there, and the noise that these show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from gradcheck.checking.case import Line
from gradcheck.checking.gradient_noise import LEAST_OF_LINES, UNUSUAL
from gradcheck.evaluation.oracle import Oracle
from gradcheck.functions.answer import Answer
from gradcheck.numerics import noise
from gradcheck.numerics.verdict import largest
from gradcheck.report import FloatArray

#: Spacing of the points on a line, for scores up to 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
#: Lines of a problem.
LINES = 3
_FACTOR = 64.0
_REFINEMENTS = 2
#: Where each row has its own values, a line is one line for each row, and so many of those will do.
_VERY_MANY_ROWS = 64
#: Levels of three lines that see the same noise differ by more than this in one problem of a hundred: then a line more
#: is spent in vain.
_ALIKE = 30.0


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was seen on one line."""

    line: Line
    values: FloatArray  # m values, the first at S
    level: float  # of noise in the values
    parts: FloatArray | None  # m x N, each row's part of the values


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines from S, all at one spacing.

    Attributes:
        seen: what was seen on each.
        level: of the noise in the values.
    """

    seen: list[_Seen]
    level: float

    @property
    def lines(self) -> tuple[Line, ...]:
        """dS along each."""
        return tuple(each.line for each in self.seen)

    def curvature(self) -> FloatArray:
        """N x C, how far each derivative changed along the lines."""
        return reduce(np.maximum, (np.abs(line.gradients[-1] - line.gradients[0]) for line in self.lines))

    def value_noise(self, at_scores: Answer, oracle: Oracle) -> float:
        """Standard deviation of the noise of a value, never below its rounding."""
        values = np.concatenate([each.values for each in self.seen])
        return noise_of_values(values, self.level, at_scores.value_eps, oracle.value_scale)

    def parts_noise(self) -> FloatArray | None:
        """N floats, of each row's part of the value; None where only the whole is known.

        The least of the lines, as for dS, since a kink on a line raises its level.
        """
        parts = [each.parts for each in self.seen if each.parts is not None]
        if len(parts) < len(self.seen):
            return None
        levels = noise.noise_level(np.stack(parts, axis=1))
        if len(levels) == 1:  # a row that met a kink on the only line is taken for one like the others
            return np.asarray(np.minimum(levels[0], UNUSUAL * np.median(levels[0])))
        return np.asarray(LEAST_OF_LINES * np.min(levels, axis=0))


def look_along_lines(oracle: Oracle, scores: FloatArray, at_scores: Answer, rng: np.random.Generator) -> Lines:
    """Lines from S, at a spacing where noise has settled. A line goes one way: a tie at S is then at its end.

    A kink on a line raises its level; at a much finer spacing it is gone, while noise stays where it was.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        rng: draws the lines.
    """

    def line(spacing: float) -> _Seen:
        return _look_along(oracle, scores, at_scores, spacing, rng)

    most = LINES if at_scores.parts is None or len(scores) < _VERY_MANY_ROWS else 1
    rounding = 10 * _floor(at_scores)
    spacing, settled = SPACING, False
    seen = [line(spacing)]
    if noise.is_stair(seen[0].values):  # finer than the loss's own rounding, or the loss is flat
        spacing *= _FACTOR
        seen = [line(spacing)]
    for _ in range(_REFINEMENTS):
        if settled or seen[0].level <= rounding:
            break
        finer = line(spacing / _FACTOR)
        if noise.is_stair(finer.values):
            settled = True
        elif noise.settled(seen[0].level, finer.level):
            seen.append(finer)
            settled = True
        else:
            seen, spacing = [finer], spacing / _FACTOR
    seen += [line(spacing) for _ in range(most - len(seen))]
    # On a stair the differences say less than the noise is; but where every line is one, the loss is flat.
    levels = [each.level for each in seen if not noise.is_stair(each.values)] or [each.level for each in seen]
    if not settled and max(levels) > max(rounding, _ALIKE * min(levels)):
        finer = line(spacing / _FACTOR)
        if not noise.is_stair(finer.values) and finer.level < max(levels) / _ALIKE:
            return Lines(seen, 2 * min(*levels, finer.level))
    return Lines(seen, float(np.hypot.reduce(levels) / np.sqrt(len(levels))))


def _look_along(
    oracle: Oracle, scores: FloatArray, at_scores: Answer, spacing: float, rng: np.random.Generator
) -> _Seen:
    direction = rng.normal(size=scores.shape)
    there = [at_scores, *(oracle.given(scores + t * spacing * direction) for t in noise.POSITIONS[1:])]
    values = np.array([evaluation.value for evaluation in there])
    parts = [evaluation.parts for evaluation in there if evaluation.parts is not None]
    line = Line(direction, spacing * noise.POSITIONS, tuple(evaluation.gradient for evaluation in there))
    return _Seen(line, values, level_on_a_line(values), np.array(parts) if len(parts) == len(there) else None)


def level_on_a_line(values: FloatArray) -> float:
    """The noise in values on a line; 0 where they are not all finite."""
    return float(noise.noise_level(values)) if np.all(np.isfinite(values)) else 0.0


def noise_of_values(values: FloatArray, level: float, eps: float, scale: float) -> float:
    """Standard deviation of the noise of a value: what was measured, or the rounding, if that is more.

    Args:
        values: on lines.
        level: of the noise in them.
        eps: machine epsilon of the dtype that they came in.
        scale: numbers of this size may have been rounded on the way.
    """
    floor = 0.5 * noise.effective_eps(values, eps) * max(largest(values), scale)
    return float(max(floor, noise.granularity(values) / np.sqrt(12), level))


def _floor(at_scores: Answer) -> float:
    """Rounding of the value itself: no function has less noise than half a unit in its last place."""
    return 0.5 * at_scores.value_eps * abs(at_scores.value)
