"""How precise is this loss, here: the noise of its value and of its dS, and the step that suits it.

All measured, once a problem, by a number of calls that does not depend on the size of S: some 45 where the loss is
smooth, and at most 87.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from gradcheck.answers import Evaluation
from gradcheck.asking import IndexArray
from gradcheck.gradient_noise import FLOOR, UNUSUAL, GradientNoise, gradient_noise
from gradcheck.numerics import noise
from gradcheck.observation import Line
from gradcheck.oracle import Oracle
from gradcheck.plans.plan import RowPlan
from gradcheck.report import FloatArray
from gradcheck.step import choose_step, directions

#: Spacing of the points on a line, for scores up to 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
_FACTOR = 64.0
_LINES = 3
_REFINEMENTS = 2
_MANY_ROWS = 8
#: Where each row has its own values, a line is one line for each row, and so many of those will do.
_VERY_MANY_ROWS = 64
#: Levels of three lines that see the same noise differ by more than this in one problem of a hundred: then a line more
#: is spent in vain.
_ALIKE = 30.0
#: Of each row's part: a kink on a line raises its level and nothing lowers it but chance; this is for the chance.
_LEAST_OF_LINES = 2.0


@dataclass(frozen=True, eq=False)
class Precision:
    """What was measured.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        gradient_noise: of dS, entry by entry.
        step: the step for central differences.
        rounding: value_noise beside the value that it was measured at, or of which it was rounded.
        smallest_part: what a row's part of the value is taken for at least, when its rounding is reckoned.
        parts_noise: N floats, as value_noise, of each row's own part of the value; None where only the whole is known.
        lines: dS along the lines that noise was measured on.
    """

    value_noise: float
    gradient_noise: GradientNoise
    step: float
    rounding: float
    smallest_part: float
    parts_noise: FloatArray | None = None
    lines: tuple[Line, ...] = ()

    def of_parts(self, rows: IndexArray, parts: FloatArray) -> FloatArray:
        """Standard deviations of the noise of rows' parts of the value, E floats, as if each were rounded as the whole.

        A row may be noisier than that, but hardly noisier than the whole, of which it is a part.

        Args:
            rows: E rows.
            parts: E floats, what each adds to the value.
        """
        rounded = self.rounding * np.maximum(np.abs(parts), self.smallest_part)
        if self.parts_noise is not None:
            rounded = np.maximum(rounded, self.parts_noise[rows])
        return np.asarray(np.minimum(rounded, self.value_noise))


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
    # Where noise was hard to tell, one direction has to do for the step, the more curved one; and where each row has
    # its own values, it does.
    enough = along[:1] if spent or (at_scores.parts is not None and len(scores) >= _MANY_ROWS) else along
    step = choose_step(oracle, scores, at_scores, value_noise, enough, in_short=spent)
    size = max(abs(at_scores.value), oracle.value_scale)
    assert oracle.gradient_scale is not None  # it has been called
    return Precision(
        value_noise,
        gradient_noise([line.gradients for line in lines.lines], at_scores.gradient_eps, oracle.gradient_scale),
        step,
        rounding=value_noise / size if size > 0 else 0.0,
        smallest_part=oracle.value_scale / len(scores),
        parts_noise=_parts_noise(lines),
        lines=tuple(Line(line.direction, line.offsets, tuple(line.gradients)) for line in lines.lines),
    )


# --- noise ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Line:
    direction: FloatArray  # N x C
    offsets: FloatArray  # m, the first 0
    values: FloatArray  # m values, the first at S
    gradients: list[FloatArray]  # m that are N x C
    level: float  # of noise in the values
    parts: FloatArray | None  # m x N, each row's part of the values


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
        return reduce(np.maximum, (np.abs(line.gradients[-1] - line.gradients[0]) for line in self.lines))


def _lines(oracle: Oracle, scores: FloatArray, at_scores: Evaluation, rng: np.random.Generator) -> _Lines:
    """Lines from S, at a spacing where noise has settled. A line goes one way: a tie at S is then at its end.

    A kink on a line raises its level; at a much finer spacing it is gone, while noise stays where it was.
    """

    most = _LINES if at_scores.parts is None or len(scores) < _VERY_MANY_ROWS else 1

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
    lines += [line(spacing) for _ in range(most - len(lines))]
    # On a stair the differences say less than the noise is; but where every line is one, the loss is flat.
    levels = [each.level for each in lines if not noise.is_stair(each.values)] or [each.level for each in lines]
    if not settled and max(levels) > max(rounding, _ALIKE * min(levels)):
        finer = line(spacing / _FACTOR)
        if not noise.is_stair(finer.values) and finer.level < max(levels) / _ALIKE:
            return _Lines(lines, 2 * min(*levels, finer.level))
    return _Lines(lines, float(np.hypot.reduce(levels) / np.sqrt(len(levels))))


def _line(oracle: Oracle, scores: FloatArray, at_scores: Evaluation, spacing: float, rng: np.random.Generator) -> _Line:
    direction = rng.normal(size=scores.shape)
    there = [oracle.given(scores + t * spacing * direction) for t in noise.POSITIONS[1:]]
    values = np.array([at_scores.value] + [evaluation.value for evaluation in there])
    gradients = [at_scores.gradient] + [evaluation.gradient for evaluation in there]
    level = float(noise.noise_level(values)) if np.all(np.isfinite(values)) else 0.0
    parts = [evaluation.parts for evaluation in (at_scores, *there) if evaluation.parts is not None]
    offsets = spacing * noise.POSITIONS
    return _Line(direction, offsets, values, gradients, level, np.array(parts) if len(parts) == len(values) else None)


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


def _parts_noise(lines: _Lines) -> FloatArray | None:
    """Of each row's part: the least of lines, as for dS, since a kink on a line raises its level."""
    parts = [line.parts for line in lines.lines if line.parts is not None]
    if len(parts) < len(lines.lines):
        return None
    levels = noise.noise_level(np.stack(parts, axis=1))
    if len(levels) == 1:  # a row that met a kink on the only line is taken for one like the others
        return np.asarray(np.minimum(levels[0], UNUSUAL * np.median(levels[0])))
    return np.asarray(_LEAST_OF_LINES * np.min(levels, axis=0))


def measure_parts(
    plan: RowPlan, scores: FloatArray, rows: IndexArray, parts: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """The noise of some rows' parts of the value, along lines that move these rows alone.

    Args:
        plan: asked for the rows' parts: 21 calls for each row, or in all.
        scores: N x C float64.
        rows: R rows, each once.
        parts: R floats, their parts of the value at S.
        rng: draws the lines.

    Returns:
        R standard deviations: the middle one of three lines, since a kink on one raises its level. Infinite where the
        parts hardly change: what they were rounded from cannot be seen in them.
    """
    levels = []
    for _ in range(_LINES):
        direction = rng.normal(size=(len(rows), scores.shape[1]))
        there = [plan.parts(rows, scores[rows] + t * SPACING * direction) for t in noise.POSITIONS[1:]]
        series = np.array([parts, *there])
        levels.append(np.where(noise.is_stair(series), np.inf, noise.noise_level(series)))
    return np.asarray(np.median(levels, axis=0))


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
    floor = FLOOR * at_scores.gradient_eps * exact.gradient_scale[:, None]
    return np.asarray(np.maximum(np.maximum(own, row), floor))
