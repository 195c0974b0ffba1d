"""Which step suits a function here: tried along one or two directions of each input, wide steps first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import SIGMAS, Stencil
from gradcheck.numerics.verdicts import largest
from gradcheck.report import FloatArray

#: Noise below this part of the gradients is precise enough for any purpose.
_PRECISE = 1e-13
_NARROWEST = 2.0**-9
#: Gradients below this are 0: beside them, the underflow of floats would look like noise.
_SMALLEST = 1e-300
#: Each step that is tried is the one before it divided by this; those before ``_USUAL`` are for noisy functions.
_RATIO, _STEPS, _USUAL, _NOISY = 4.0, 9, 2, 1e-8
#: Steps that are tried at least, and wider ones that may be tried where noise is all that matters at the widest.
_FEWEST, _WIDER_STEPS = 3, 8
#: Where noise is above this part of the gradients, two differences agree whatever the function does in between.
_BLIND = 1 / 8
#: Where each block has a value of its own, one direction tries so many of them at once and will do.
_MANY_BLOCKS = 8
#: 4 would be the optimum for the direction that was tried; an axis may be a few times as wild.
_PRUDENCE = 50.0


class Scales:
    """The largest gradients seen while a problem is measured."""

    def __init__(self, objective: Objective, gradient: FloatArray) -> None:
        self._objective, self._slopes = objective, np.zeros(len(objective.layout.inputs))
        self._near = objective.blocks.largest(gradient)
        self._far = self._near

    def see(self, gradient: FloatArray, *, near: bool = True) -> None:
        """A gradient seen near x; or far from it, which counts only where all near ones are 0."""
        sizes = self._objective.blocks.largest(gradient)
        self._far = np.maximum(self._far, sizes)
        if near:
            self._near = np.maximum(self._near, sizes)

    @property
    def of_blocks(self) -> FloatArray:
        return self._near if self._near.any() else self._far

    def see_slope(self, number: int, slope: float) -> None:
        """A derivative of values along entries of one input."""
        self._slopes[number] = max(self._slopes[number], abs(slope))

    @property
    def largest(self) -> float:
        return max(float(np.max(self.of_blocks)), float(np.max(self._slopes)))

    def of_inputs(self, value: float, x: FloatArray) -> FloatArray:
        inputs = self._objective.layout.input_of(self._objective.blocks.starts)
        scales = self._slopes.copy()
        np.maximum.at(scales, inputs, self.of_blocks)
        return np.maximum(np.where(scales > 0, scales, np.max(scales) or abs(value) / max(1.0, largest(x))), _SMALLEST)


def wide_enough(value_noise: float, scale: float) -> float:
    """The step that is precise enough: at a wider one nothing is gained, and more kinks are met.

    Args:
        value_noise: standard deviation of the noise of a value.
        scale: the largest gradient seen near.
    """
    return max(SIGMAS * value_noise / (_PRECISE * scale or np.inf), _NARROWEST)


def choose_steps(
    objective: Objective,
    x: FloatArray,
    answer: Answer,
    value_noise: float,
    series: FloatArray,
    top: float,
    spent: bool,
    rng: np.random.Generator,
    seen: Scales,
) -> FloatArray:
    """For each input, the step of least error for corrected central differences along one or two directions.

    Directions move one entry of each block: of the first, the entry whose derivative changes most along the lines, so
    that a function which is flat almost everywhere does not hide where it is not.

    Args:
        series: (L, m, n), dS along lines.
        top: the widest step.
        spent: measuring noise took many calls: one direction has to do.
    """
    curvature = np.max(np.abs(series[:, -1] - series[:, 0]), axis=0) if series.shape[2] == len(x) else np.zeros(len(x))
    starts, slices = objective.blocks.starts, objective.blocks.slices()
    of_input = objective.layout.input_of(starts)
    steps = np.empty(len(objective.layout.inputs))
    for number in range(len(steps)):
        own = [slices[block] for block in np.flatnonzero(of_input == number).tolist()]
        picks = [[s.start + int(np.argmax(curvature[s])) for s in own]]
        if not spent and (answer.parts is None or len(own) < _MANY_BLOCKS):
            picks.append([int(rng.integers(s.start, s.stop)) for s in own])
        best, scale = np.inf, seen.largest
        for entries in picks:
            direction = np.zeros(len(x))
            direction[entries] = rng.choice([-1.0, 1.0], len(own)) * rng.uniform(0.7, 1.0, len(own))
            difference, slopes = _along(objective, x, answer, direction, value_noise)
            first = 0 if value_noise > _NOISY * scale else _USUAL
            found = _best_step(difference, top * _RATIO ** -np.arange(float(first), _STEPS), scale)
            # Slopes over wider steps say nothing of the gradient near x.
            seen.see_slope(number, max(s for h, s in slopes.items() if h <= max(found, min(slopes))))
            best = min(best, found)
        narrowest = max(SIGMAS * value_noise / (_PRECISE * scale or np.inf), min(_NARROWEST, top * 2.0**-10))
        steps[number] = min(best, narrowest)
    return steps


def _along(
    objective: Objective,
    x: FloatArray,
    answer: Answer,
    direction: FloatArray,
    value_noise: float,
) -> tuple[Callable[[float], tuple[float, float]], dict[float, float]]:
    """The corrected central difference along a direction, and the bound on its noise, as a function of the step.

    Also, filled by its calls, by step: how large the derivative along an entry of the direction is at least.
    """
    length, slopes = float(np.sum(np.abs(direction))), {}

    def ask(step: float) -> tuple[float, float]:
        value, gradient = objective.without_copy((x + step * direction).astype(objective.dtype, copy=False))
        return value, float(np.dot(gradient, direction))

    at = answer.value, float(np.dot(answer.gradient, direction))

    def difference(step: float) -> tuple[float, float]:
        (f_above, g_above), (f_below, g_below) = ask(step), ask(-step)
        numbers = (np.array([number]) for number in (f_below, at[0], f_above, g_below, at[1], g_above))
        stencil = Stencil(np.array([step]), np.array([step]), *numbers)
        bound = float(stencil.noise_bound(value_noise)[0])
        plain, corrected = float(stencil.plain()[0]), float(stencil.corrected()[0])
        slope = min(abs(plain), abs(corrected)) - bound
        slopes[step] = max(0.0, slope) / length if np.isfinite(slope) else 0.0
        return corrected, bound

    return difference, slopes


def _best_step(difference: Callable[[float], tuple[float, float]], steps: FloatArray, scale: float) -> float:
    """The step that suits one direction: steps are tried, wide ones first, until noise outweighs what is gained.

    The error at a step is how far its difference lies from those at finer steps beyond their noise, plus the bound on
    its own noise.

    Args:
        difference: the corrected difference along the direction at a step, and the bound on its noise.
        steps: to try, falling.
        scale: the largest gradient seen near.
    """
    tried = steps.tolist()
    told = []
    closest = np.inf
    for step in tried:
        told.append(difference(step))
        if len(told) > 1:
            closest = min(closest, abs(told[-1][0] - told[-2][0]))
        if len(told) >= _FEWEST and closest <= told[-1][1] + told[-2][1]:
            break
    tried = tried[: len(told)]
    for _ in range(_WIDER_STEPS):  # a function whose natural unit of length is large
        (difference_at, noise), (finer, more_noise) = told[:2]
        if not 1e-11 * scale < noise < _BLIND * scale or abs(difference_at - finer) > noise + more_noise:
            break
        tried.insert(0, tried[0] * _RATIO)
        told.insert(0, difference(tried[0]))
    estimates, bounds = np.array(told).T
    return _optimum(np.array(tried), estimates, bounds)


def _optimum(steps: FloatArray, corrected: FloatArray, bounds: FloatArray) -> float:
    """The step at which truncation error is well below noise, from differences at falling steps.

    Truncation errors are c·h^4 and noise b/h; the least sum is where h^5 = b/4c. c is read off the widest difference
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
