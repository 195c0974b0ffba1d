"""How precise is this loss, here: the noise of its value and of its dS, and the step that suits it.

All measured, once a problem, by a fixed number of calls (at most 56), whatever the size of S.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.numerics import noise
from gradcheck.numerics.differences import SIGMAS, Stencil
from gradcheck.loss import Evaluation
from gradcheck.oracle import Oracle
from gradcheck.report import FloatArray

#: Spacing of the points on a line, for scores up to 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
_FACTOR = 64.0
_LINES = 3
_REFINEMENTS = 2
#: Levels of lines that see the same noise differ by chance, but hardly by more than this.
_ALIKE = 30.0
#: For dS, entry by entry: a jump on a line raises its level and nothing lowers it but chance; this is for the chance.
_LEAST_OF_LINES = 2.0

#: Standard deviation that dS is always granted, in units of the precision it was computed in and of the largest gradient
#: of its row: what a difference of two such numbers, p - 1 say, leaves.
_GRADIENT_FLOOR = 2.0

#: Steps that are tried along a direction; the best is taken. The first two are for noisy losses alone.
STEPS = 2.0 ** -np.arange(-1, 16, 2)
_COARSEST = 2
_NOISY = 1e-8
#: Noise below this part of the gradients is precise enough for any purpose.
_PRECISE = 1e-13
_NARROWEST = 2.0**-9


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
    lines = _lines(oracle, scores, at_scores, rng)
    value_noise = _value_noise(lines, at_scores, oracle)
    step = _choose_step(oracle, scores, at_scores, value_noise, _directions(lines, rng))
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
    return _Lines(lines, float(np.sqrt(np.mean(np.square(levels)))))


def _line(
    oracle: Oracle, scores: FloatArray, at_scores: Evaluation, spacing: float, rng: np.random.Generator
) -> _Line:
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
    return max(floor, grid, lines.level)


def _gradient_noise(lines: _Lines, at_scores: Evaluation, oracle: Oracle) -> FloatArray:
    gradients = np.concatenate([line.gradients for line in lines.lines])
    eps = noise.effective_eps(gradients, at_scores.gradient_eps)
    measured = _LEAST_OF_LINES * np.min([noise.noise_level(line.gradients) for line in lines.lines], axis=0)
    assert oracle.gradient_scale is not None  # it has been called
    return np.maximum(measured, _GRADIENT_FLOOR * eps * oracle.gradient_scale[:, None])


def rounding_of_gradient(given: Oracle, exact: Oracle, scores: FloatArray, at_scores: Evaluation) -> FloatArray:
    """How far dS in the user's dtype lies from that in float64, by rounding alone.

    Measured at points near S and not at S, where it might be the very defect that is looked for.

    Args:
        given: the loss in the user's dtype.
        exact: the loss in float64.
        scores: N x C float64.
        at_scores: what the loss answered at S in the user's dtype.

    Returns:
        N x C standard deviations: four calls.
    """
    rng = np.random.default_rng(scores.shape)
    apart = []
    for _ in range(2):
        near = (scores + SPACING * rng.normal(size=scores.shape)).astype(given.dtype).astype(np.float64)
        apart.append(np.abs(given(near).gradient - exact(near).gradient))
    assert exact.gradient_scale is not None  # it has been called
    floor = _GRADIENT_FLOOR * at_scores.gradient_eps * exact.gradient_scale[:, None]
    return np.maximum(np.min(apart, axis=0), floor)


# --- step -------------------------------------------------------------------------------------------------


def _choose_step(
    oracle: Oracle,
    scores: FloatArray,
    at_scores: Evaluation,
    value_noise: float,
    directions: tuple[FloatArray, ...],
) -> float:
    """The step of least error among ``STEPS``, for corrected central differences along a few directions.

    The error at a step is how far its difference lies from those at finer steps beyond their noise, plus the bound on
    its own noise.
    """
    assert oracle.gradient_scale is not None  # it has been called
    scale = float(np.max(oracle.gradient_scale))
    best, coarsest = float("inf"), 0 if value_noise > _NOISY * scale else _COARSEST
    for direction in directions:
        tries = _Tries(oracle, scores, at_scores, direction, value_noise)
        best = min(best, tries.best_step(coarsest))
        # The next direction need not begin where this one was far from done.
        coarsest = max(coarsest, int(np.searchsorted(-STEPS, -best)) - 2)
    # A step wider than precision asks for gains nothing, and meets more kinks.
    wanted = SIGMAS * value_noise / (_PRECISE * scale or np.inf)
    return min(best, max(wanted, _NARROWEST))


def _directions(lines: _Lines, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Two directions that move one entry of each row by about 1: the entry of the most curvature, and any.

    One entry of each row, so that a direction is about as wild as the axes; the most curved, so that a loss which is
    flat almost everywhere does not hide where it is not; by different lengths, so that rows that are alike do not cancel.
    """
    curvature = np.max([np.abs(line.gradients[-1] - line.gradients[0]) for line in lines.lines], axis=0)
    rows, columns = curvature.shape
    lengths = rng.choice([-1.0, 1.0], size=(2, rows)) * rng.uniform(0.7, 1.0, size=(2, rows))
    picks = (np.argmax(curvature, axis=1), rng.integers(0, columns, size=rows))
    most_curved, any_entry = np.zeros(curvature.shape), np.zeros(curvature.shape)
    most_curved[np.arange(rows), picks[0]] = lengths[0]
    any_entry[np.arange(rows), picks[1]] = lengths[1]
    return most_curved, any_entry


#: 4 would be the optimum for the direction that was tried; an axis may be a few times as wild.
_PRUDENCE = 50.0


class _Tries:
    """Corrected central differences along one direction, at coarse steps first, until noise outweighs the gain."""

    def __init__(
        self, oracle: Oracle, scores: FloatArray, at_scores: Evaluation, direction: FloatArray, value_noise: float
    ) -> None:
        self.oracle, self.scores, self.at_scores = oracle, scores, at_scores
        self.direction, self.value_noise = direction, value_noise

    def best_step(self, coarsest: int) -> float:
        """The step that suits this direction.

        Args:
            coarsest: index into ``STEPS`` of the first to try.
        """
        steps = STEPS[coarsest:]
        corrected, bounds = [], []
        for k, step in enumerate(steps):
            estimate, bound = self._difference(float(step))
            corrected.append(estimate)
            bounds.append(bound)
            if k >= 2 and abs(corrected[k] - corrected[k - 1]) <= bounds[k] + bounds[k - 1]:
                break
        return _optimum(steps, np.array(corrected), np.array(bounds))

    def _difference(self, step: float) -> tuple[float, float]:
        """The corrected difference along the direction, and the bound on its noise."""
        above = self.oracle(self.scores + step * self.direction)
        below = self.oracle(self.scores - step * self.direction)
        one = np.array([step])
        stencil = Stencil(
            below=one,
            above=one,
            f_below=np.array([below.value]),
            f_at=np.array([self.at_scores.value]),
            f_above=np.array([above.value]),
            g_below=np.array([np.sum(below.gradient * self.direction)]),
            g_at=np.array([np.sum(self.at_scores.gradient * self.direction)]),
            g_above=np.array([np.sum(above.gradient * self.direction)]),
        )
        return float(stencil.corrected()[0]), float(stencil.noise_bound(self.value_noise)[0])


def _optimum(steps: FloatArray, corrected: FloatArray, bounds: FloatArray) -> float:
    """The step at which truncation error is well below noise, from differences at falling steps.

    Truncation errors are c·h^4 and noise b/h; the least sum is where h^5 = b/4c. c is read off the coarsest difference
    that says anything of it: off how far it lies from the finer ones.
    """
    apart = np.zeros(len(bounds))
    for k in range(len(bounds) - 1):
        apart[k] = np.max(np.abs(corrected[k] - corrected[k + 1 :]) - bounds[k + 1 :])
    errors = np.where(np.isfinite(apart), np.maximum(apart, 0.0) + bounds, np.inf)
    best = int(np.argmin(errors))
    seen = best if best == 0 or apart[best] > bounds[best] else best - 1
    truncation = apart[seen] + bounds[seen + 1] if seen + 1 < len(bounds) else apart[seen]
    if not np.isfinite(truncation) or truncation <= 0 or bounds[seen] == 0:
        return float(steps[best])
    step = steps[seen] * (bounds[seen] / (_PRUDENCE * truncation)) ** 0.2
    return float(np.clip(2.0 ** np.floor(np.log2(step)), steps[best] / 4, steps[seen]))
