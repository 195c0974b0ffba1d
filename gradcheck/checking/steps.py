"""Which step suits a function here: tried along one or two directions, wide steps first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import SIGMAS, Rounding, Stencil
from gradcheck.report import FloatArray

#: Noise below this part of the gradients is precise enough for any purpose.
_PRECISE = 1e-13
_NARROWEST = 2.0**-9
_WIDEST_UNTRIED = 0.125
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
    """The largest gradients seen while a problem is measured; ``slope``, the largest derivative of values."""

    def __init__(self, objective: Objective, gradient: FloatArray) -> None:
        self._blocks, self.slope = objective.blocks, 0.0
        self._near = self._far = self._blocks.largest(gradient)

    def see(self, gradient: FloatArray, *, near: bool = True) -> None:
        """A gradient seen near x; or far from it, which counts only where all near ones are 0."""
        sizes = self._blocks.largest(gradient)
        self._far = np.maximum(self._far, sizes)
        if near:
            self._near = np.maximum(self._near, sizes)

    @property
    def of_blocks(self) -> FloatArray:
        """(B,), the largest gradient in each block."""
        return self._near if self._near.any() else self._far

    @property
    def largest(self) -> float:
        """The largest gradient."""
        return max(float(np.max(self.of_blocks)), self.slope)


def wide_enough(value_noise: float, scale: float, narrowest: float = _NARROWEST, precise: float = _PRECISE) -> float:
    """The step at which noise is a part ``precise`` of the gradients: a wider one only meets more kinks."""
    return max(SIGMAS * value_noise / (precise * scale or np.inf), narrowest)


def usual_step(value_noise: float, scale: float) -> float:
    """A step for a function whose derivatives are about as large as its gradient, without trying any."""
    return float(np.clip((value_noise / (_PRUDENCE * scale or np.inf)) ** 0.2, _NARROWEST / 2, _WIDEST_UNTRIED))


def choose_step(
    objective: Objective,
    x: FloatArray,
    answer: Answer,
    value_noise: float,
    rounding: Rounding,
    series: FloatArray,
    top: float,
    spent: bool,
    rng: np.random.Generator,
    seen: Scales,
    own: Sequence[slice],
) -> float:
    """The step of least error for corrected central differences along one or two directions.

    Directions move one entry of each block: of the first, the entry whose derivative changes most along the lines, so
    that a function which is flat almost everywhere does not hide where it is not. ``series`` (L, m, n) is dS along
    lines, ``top`` the widest step, ``own`` the blocks that the step is for; if ``spent``, one direction has to do.
    """
    curvature = np.max(np.abs(series[:, -1] - series[:, 0]), axis=0) if series.shape[2] == len(x) else np.zeros(len(x))
    count, all_of_them = len(own), curvature[own[0].start : own[-1].stop]
    starts = np.array([each.start for each in own])  # of blocks of one width, as those of one input are
    picks = [(starts + np.argmax(all_of_them.reshape(count, -1), axis=1)).tolist()]
    if not spent and (answer.parts is None or count < _MANY_BLOCKS):
        picks.append([int(rng.integers(each.start, each.stop)) for each in own])
    best, scale = np.inf, seen.largest
    steps = top * _RATIO ** -np.arange(0.0 if value_noise > _NOISY * scale else _USUAL, _STEPS)
    for entries in picks:
        direction = np.zeros(len(x))
        direction[entries] = rng.choice([-1.0, 1.0], count) * rng.uniform(0.7, 1.0, count)
        noise = value_noise, rounding
        tried, (estimates, bounds, slopes) = _try_steps(objective, x, answer, direction, noise, steps, scale)
        step = _optimum(tried, estimates, bounds)
        # Slopes over wider steps say nothing of the gradient near x.
        seen.slope = max(seen.slope, float(np.max(slopes[tried <= max(step, tried[-1])])))
        best = min(best, step)
    return min(best, wide_enough(value_noise, scale, min(_NARROWEST, top * 2.0**-10)))


def _try_steps(
    objective: Objective,
    x: FloatArray,
    answer: Answer,
    direction: FloatArray,
    noise_of_value: tuple[float, Rounding],
    steps: FloatArray,
    scale: float,
) -> tuple[FloatArray, FloatArray]:
    """K falling steps, and at them 3 x K: corrected differences, bounds on noise, the least slope along an entry."""
    length, at = float(np.sum(np.abs(direction))), (answer.value, float(np.dot(answer.gradient, direction)))
    (value_noise, rounding), size = noise_of_value, np.max(np.abs(x) * (direction != 0))

    def ask(step: float) -> tuple[float, float]:
        value, gradient = objective.without_copy((x + step * direction).astype(objective.dtype, copy=False))
        return value, float(np.dot(gradient, direction))

    def difference(step: float) -> tuple[float, float, float]:
        (f_above, g_above), (f_below, g_below) = ask(step), ask(-step)
        stencil = Stencil(
            *(np.array([each]) for each in (step, step, f_below, at[0], f_above, g_below, at[1], g_above))
        )
        bound = float(stencil.noise_bound(rounding.noise(stencil, size, value_noise))[0])
        corrected = float(stencil.corrected()[0])
        slope = min(abs(float(stencil.plain()[0])), abs(corrected)) - bound
        return corrected, bound, max(0.0, slope) / length if np.isfinite(slope) else 0.0

    tried, seen, closest = [], [], np.inf
    for step in steps.tolist():
        tried.append(step)
        seen.append(difference(step))
        if len(seen) > 1:
            closest = min(closest, abs(seen[-1][0] - seen[-2][0]))
        if len(seen) >= _FEWEST and closest <= seen[-1][1] + seen[-2][1]:
            break
    for _ in range(_WIDER_STEPS):  # a function whose natural unit of length is large
        (coarse, noise, _), (fine, more_noise, _) = seen[:2]
        is_gain = 1e-11 * scale < noise < min(_BLIND * scale, more_noise / 2)
        if not is_gain or abs(coarse - fine) > noise + more_noise:
            break
        tried.insert(0, tried[0] * _RATIO)
        seen.insert(0, difference(tried[0]))
    return np.array(tried), np.array(seen).T


def _optimum(steps: FloatArray, corrected: FloatArray, bounds: FloatArray) -> float:
    """The step at which truncation error is well below noise, from differences at falling steps."""
    # Truncation errors are c·h^4 and noise b/h; the least sum is where h^5 = b/4c. c is read off the widest difference
    # that says anything of it: off how far it lies from the finer ones.
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
