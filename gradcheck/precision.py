"""How precise is this loss, here: the noise of its value and of its dS, and the step that suits it.

All measured, once a problem, by a number of calls that does not depend on the size of S: some 45 where the loss is
smooth, and at most 87.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.loss import Evaluation
from gradcheck.numerics import noise
from gradcheck.oracle import Oracle
from gradcheck.report import FloatArray
from gradcheck.step import choose_step, directions

#: Spacing of the points on a line, for scores up to 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
_FACTOR = 64.0
_LINES = 3
_REFINEMENTS = 2
#: Levels of lines that see the same noise differ by chance, but hardly by more than this.
_ALIKE = 30.0
#: For dS, entry by entry: a jump on a line raises its level and nothing lowers it but chance; this is for the chance.
_LEAST_OF_LINES = 2.0

#: Standard deviation that dS is always granted, in units of the precision it was computed in and of the largest
#: gradient of its row: what a difference of two such numbers, p - 1 say, leaves.
_GRADIENT_FLOOR = 2.0


@dataclass(frozen=True, eq=False)
class Precision:
    """What was measured.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        gradient_noise: N x C, standard deviations of the noise of dS; never below its rounding.
        step: the step for central differences.
    """

    value_noise: float
    gradient_noise: FloatArray
    step: float


def measure(oracle: Oracle, scores: FloatArray, at_scores: Evaluation, rng: np.random.Generator) -> Precision:
    """Measure the loss around S.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        rng: draws the lines and directions.
    """
    oracle.look_afar(scores)
    before = oracle.calls
    lines = _lines(oracle, scores, at_scores, rng)
    spent = oracle.calls - before > _LINES * (noise.POINTS - 1)
    value_noise = _value_noise(lines, at_scores, oracle)
    along = directions(lines.curvature(), rng)
    # Where noise was hard to tell, one direction has to do for the step, the more curved one.
    step = choose_step(oracle, scores, at_scores, value_noise, along[:1] if spent else along)
    return Precision(value_noise, _gradient_noise(lines, at_scores, oracle), step)


# --- noise ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Line:
    values: FloatArray  # m values, the first at S
    gradients: FloatArray  # m x N x C
    level: float  # of noise in the values


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines from S, all at one spacing.

    Attributes:
        lines: three of them.
        level: of the noise in the values.
    """

    lines: list[_Line]
    level: float

    def curvature(self) -> FloatArray:
        """N x C, how far each derivative changed along the lines."""
        return np.asarray(np.max([np.abs(line.gradients[-1] - line.gradients[0]) for line in self.lines], axis=0))


def _lines(oracle: Oracle, scores: FloatArray, at_scores: Evaluation, rng: np.random.Generator) -> _Lines:
    """Lines from S, at a spacing where noise has settled. A line goes one way: a tie at S is then at its end.

    A kink on a line raises its level; at a much finer spacing it is gone, while noise stays where it was.
    """

    def line(spacing: float) -> _Line:
        return _line(oracle, scores, at_scores, spacing, rng)

    rounding = 10 * _floor(at_scores)
    spacing, settled = SPACING, False
    lines = [line(spacing)]
    if noise.is_stair(lines[0].values):  # finer than the loss's own rounding, or the loss is flat
        spacing *= _FACTOR
        lines = [line(spacing)]
    for _ in range(_REFINEMENTS):
        if settled or lines[0].level <= rounding:
            break
        finer = line(spacing / _FACTOR)
        if noise.is_stair(finer.values):
            settled = True
        elif noise.settled(lines[0].level, finer.level):
            lines.append(finer)
            settled = True
        else:
            lines, spacing = [finer], spacing / _FACTOR
    lines += [line(spacing) for _ in range(_LINES - len(lines))]
    # On a stair the differences say less than the noise is; but where every line is one, the loss is flat.
    levels = [each.level for each in lines if not noise.is_stair(each.values)] or [each.level for each in lines]
    if not settled and max(levels) > max(rounding, _ALIKE * min(levels)):
        finer = line(spacing / _FACTOR)
        if not noise.is_stair(finer.values) and finer.level < max(levels) / _ALIKE:
            return _Lines(lines, 2 * min(*levels, finer.level))
    return _Lines(lines, float(np.hypot.reduce(levels) / np.sqrt(len(levels))))


def _line(oracle: Oracle, scores: FloatArray, at_scores: Evaluation, spacing: float, rng: np.random.Generator) -> _Line:
    direction = rng.normal(size=scores.shape)
    there = [oracle(scores + t * spacing * direction) for t in noise.POSITIONS[1:]]
    values = np.array([at_scores.value] + [evaluation.value for evaluation in there])
    gradients = np.array([at_scores.gradient] + [evaluation.gradient for evaluation in there])
    level = float(noise.noise_level(values)) if np.all(np.isfinite(values)) else 0.0
    return _Line(values, gradients, level)


def _floor(at_scores: Evaluation) -> float:
    """Rounding of the value itself: no function has less noise than half a unit in its last place."""
    return 0.5 * at_scores.value_eps * abs(at_scores.value)


def _value_noise(lines: _Lines, at_scores: Evaluation, oracle: Oracle) -> float:
    values = np.concatenate([line.values for line in lines.lines])
    eps = noise.effective_eps(values, at_scores.value_eps)
    largest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    floor = 0.5 * eps * max(largest, oracle.value_scale)
    grid = noise.granularity(values) / np.sqrt(12)
    return float(max(floor, grid, lines.level))


def _gradient_noise(lines: _Lines, at_scores: Evaluation, oracle: Oracle) -> FloatArray:
    gradients = np.concatenate([line.gradients for line in lines.lines])
    eps = noise.effective_eps(gradients, at_scores.gradient_eps)
    measured = _LEAST_OF_LINES * np.min([noise.noise_level(line.gradients) for line in lines.lines], axis=0)
    # Most errors of a row are of one size; the median, for a few may have met a jump on every line.
    middle = measured.shape[1] // 2
    measured = np.maximum(measured, np.sort(measured, axis=1)[:, middle : middle + 1])
    assert oracle.gradient_scale is not None  # it has been called
    return np.asarray(np.maximum(measured, _GRADIENT_FLOOR * eps * oracle.gradient_scale[:, None]))


def rounding_of_gradient(given: Oracle, exact: Oracle, scores: FloatArray, at_scores: Evaluation) -> FloatArray:
    """How far dS in the user's dtype lies from that in float64, by rounding alone.

    Measured at points near S and not at S, where it might be the very defect that is looked for.

    Args:
        given: the loss in the user's dtype.
        exact: the loss in float64.
        scores: N x C float64.
        at_scores: what the loss answered at S in the user's dtype.

    Returns:
        N x C standard deviations: six calls.
    """
    rng = np.random.default_rng(scores.shape)
    apart = []
    for _ in range(3):
        near = (scores + SPACING * rng.normal(size=scores.shape)).astype(given.dtype).astype(np.float64)
        apart.append(given(near).gradient - exact(near).gradient)
    own = np.sqrt(np.mean(np.square(apart), axis=0))
    # The errors of a row are of one size, for they come from numbers of one size; three of them may all be small.
    row = np.sqrt(np.mean(np.square(own), axis=1, keepdims=True))
    assert exact.gradient_scale is not None  # it has been called
    floor = _GRADIENT_FLOOR * at_scores.gradient_eps * exact.gradient_scale[:, None]
    return np.asarray(np.maximum(np.maximum(own, row), floor))
