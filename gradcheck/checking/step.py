"""Which step suits this loss, here: tried along two directions, coarse steps first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import SIGMAS, Stencil
from gradcheck.numerics.verdict import largest
from gradcheck.report import FloatArray

#: Steps that are tried along a direction; the best is taken. The first two are for noisy losses alone.
STEPS: FloatArray = 2.0 ** -np.arange(-1.0, 16.0, 2.0)
_COARSEST = 2
_FEWEST = 3
_NOISY = 1e-8
#: Noise below this part of the gradients is precise enough for any purpose.
_PRECISE = 1e-13
_NARROWEST = 2.0**-9
_LEAST_IN_SPACINGS = 64.0


def choose_step(
    oracle: Oracle,
    scores: FloatArray,
    at_scores: Answer,
    value_noise: float,
    directions: tuple[FloatArray, ...],
    in_short: bool = False,
) -> float:
    """The step of least error among ``STEPS``, for corrected central differences along a few directions.

    ``in_short`` leaves out the coarsest of those that suit a precise loss, which is seldom the best.

    The error at a step is how far its difference lies from those at finer steps beyond their noise, plus the bound on
    its own noise.
    """
    assert oracle.gradient_scale is not None  # it has been called
    scale = float(np.max(oracle.gradient_scale))
    best, coarsest = float("inf"), 0 if value_noise > _NOISY * scale else _COARSEST + in_short
    for direction in directions:
        difference = _along(oracle, scores, at_scores, direction, value_noise)
        best = min(best, _best_step(difference, STEPS[coarsest:]))
        # The next direction need not begin where this one was far from done.
        coarsest = max(coarsest, int(np.searchsorted(-STEPS, -best)) - 2)
    return min(best, wide_enough(value_noise, scale))


def wide_enough(value_noise: float, scale: float) -> float:
    """The step that is precise enough: a wider one gains nothing, and meets more kinks.

    Args:
        value_noise: standard deviation of the noise of a value.
        scale: the largest gradient seen near.
    """
    return max(SIGMAS * value_noise / (_PRECISE * scale or np.inf), _NARROWEST)


def above_rounding(
    step: float, oracle: Oracle, scores: FloatArray, rows: IndexArray, columns: IndexArray
) -> FloatArray:
    """This step for each of E entries, or more where the spacing of floats at an entry's score asks for it.

    Args:
        step: for all of them.
        oracle: the loss at this problem.
        scores: N x C float64.
        rows, columns: E entries.
    """
    least = _LEAST_IN_SPACINGS * oracle.spacing(np.array([largest(scores)]))
    if float(least[0]) <= step:
        return np.full(len(rows), step)
    return np.asarray(np.maximum(step, _LEAST_IN_SPACINGS * oracle.spacing(scores[rows, columns])))


def directions(curvature: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Two directions that move one entry of each row by about 1: the entry of the most curvature, and any.

    One entry of each row, so that a direction is about as wild as the axes; the most curved, so that a loss which is
    flat almost everywhere does not hide where it is not; by different lengths, so that rows alike do not cancel.

    Args:
        curvature: N x C, how much each derivative changes nearby.
        rng: draws the rest.
    """
    rows, columns = curvature.shape
    lengths = rng.choice([-1.0, 1.0], size=(2, rows)) * rng.uniform(0.7, 1.0, size=(2, rows))
    picks = (np.argmax(curvature, axis=1), rng.integers(0, columns, size=rows))
    most_curved, any_entry = np.zeros(curvature.shape), np.zeros(curvature.shape)
    most_curved[np.arange(rows), picks[0]] = lengths[0]
    any_entry[np.arange(rows), picks[1]] = lengths[1]
    return most_curved, any_entry


#: 4 would be the optimum for the direction that was tried; an axis may be a few times as wild.
_PRUDENCE = 50.0


def _best_step(difference: Callable[[float], tuple[float, float]], steps: FloatArray) -> float:
    """The step that suits one direction: steps are tried, coarse ones first, until noise outweighs what is gained.

    Args:
        difference: the corrected difference along the direction at a step, and the bound on its noise.
        steps: to try, falling.
    """
    corrected: list[float] = []
    bounds: list[float] = []
    closest = np.inf
    for step in steps.tolist():
        estimate, bound = difference(step)
        if corrected:
            closest = min(closest, abs(estimate - corrected[-1]))
        corrected.append(estimate)
        bounds.append(bound)
        if len(bounds) >= _FEWEST and closest <= bound + bounds[-2]:
            break
    return _optimum(steps, np.array(corrected), np.array(bounds))


def _along(
    oracle: Oracle, scores: FloatArray, at_scores: Answer, direction: FloatArray, value_noise: float
) -> Callable[[float], tuple[float, float]]:
    """The corrected central difference along a direction, and the bound on its noise, as a function of the step."""

    at = at_scores.value, float(np.einsum("ij,ij", at_scores.gradient, direction))

    def difference(step: float) -> tuple[float, float]:
        away = step * direction
        above, below = (oracle.slope(point, direction) for point in (scores + away, scores - away))
        f_below, f_at, f_above = (np.array([value]) for value, _ in (below, at, above))
        g_below, g_at, g_above = (np.array([slope]) for _, slope in (below, at, above))
        one_step = np.array([step])
        stencil = Stencil(one_step, one_step, f_below, f_at, f_above, g_below, g_at, g_above)
        return float(stencil.corrected()[0]), float(stencil.noise_bound(value_noise)[0])

    return difference


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
