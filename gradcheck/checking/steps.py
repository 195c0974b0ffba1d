"""Lines from x along which a function is followed, to see its noise and its scale; and which step suits it there."""

from dataclasses import dataclass

import numpy as np

from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics import noise
from gradcheck.numerics.differences import SIGMAS, Rounding, Stencil
from gradcheck.numerics.verdicts import largest
from gradcheck.report import FloatArray, IndexArray

#: Lines along which noise is measured.
LINES = 3
#: Spacing of the points on a line, for scores of about 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
#: Coarser spacings, for functions whose values move in stairs wider than that; of a problem with millions of entries,
#: where kinks are dense, a much finer one is tried first.
WIDER = (2.0**-7, 2.0**-4, 2.0**-1, 2.0**2)
_DENSE = 2.0**-25
#: A level above rounding must hold at a spacing so many times finer; where it does not, these are tried in between.
_FINER = 2.0**-20
_BETWEEN = (2.0**-6, 2.0**-13)
#: No spacing is below so many distances between floats.
_LEAST_IN_SPACINGS = 2.0**10
#: A larger part of the value is no rounding to any format of floats; a smaller one may be curvature.
_COARSEST, _FINEST = 2.0**-8, 2.0**-36
#: On a line of this fraction of the length, rounding keeps its level, and a kink's falls as far.
_SHORTER = 2.0**-5
#: If a line's level is an oscillation's, dS times the spacing changes from point to point by at least 1/8 of it.
_ROUGH = 8.0
#: Levels of lines that see the same noise hardly differ by more than this.
_ALIKE = 30.0
#: Where each row has a value of its own, a line is one line for each row, and one will do for so many rows.
_MANY_ROWS = 64
#: Entries of dS that are followed along the lines; of a longer x, so many.
_WATCHED, _SAMPLE = 2**16, 512
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
_PIECE = 2**16


class Point:
    """A function at x, and the largest gradients seen around it; ``slope`` is the largest derivative of values."""

    def __init__(self, objective: Objective, x: FloatArray, answer: Answer) -> None:
        self.objective, self.x, self.answer, self.slope = objective, x, answer, 0.0
        self.rng = np.random.default_rng(objective.shape)
        self._near = self._far = objective.blocks.largest(answer.gradient)

    def see(self, gradient: FloatArray, *, near: bool = True) -> None:
        """A gradient seen near x; or far from it, which counts only where all near ones are 0."""
        sizes = self.objective.blocks.largest(gradient)
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


@dataclass(frozen=True, eq=False)
class Line:
    """What was seen at the m points of a line, the first of which is x."""

    spacing: float
    values: FloatArray  # (m,)
    gradients: FloatArray  # (m, n), or (m, W) of the entries that are followed
    parts: FloatArray | None  # (m, N), what each row adds to the value; None where only the whole is known
    slopes: FloatArray  # (m,), the derivative along the line that dS gives

    @property
    def level(self) -> float:
        """Noise in the values; 0 where they are not all finite."""
        return float(noise.noise_level(self.values)) if np.all(np.isfinite(self.values)) else 0.0

    def is_rough(self, n: int) -> bool:
        """Whether dS, of n entries, changes along the line as it must where values change so by oscillations."""
        slopes = n * float(np.mean(noise.noise_level(self.gradients)))
        return _ROUGH * slopes * self.spacing >= self.level > 0

    def unexplained(self, rounding: float) -> FloatArray:
        """(m - 2,), the part of each change, but not from x and its kinks on, that dS and rounding do not explain."""
        changes, by_dS = np.diff(self.values), (self.slopes[1:] + self.slopes[:-1]) / 2
        by_dS = by_dS * self.spacing * np.diff(noise.POSITIONS)
        off = np.maximum(np.abs(changes - by_dS) - rounding, 0.0)
        return np.asarray(off / np.where(off == 0, 1.0, np.abs(changes) + np.abs(by_dS)))[1:]

    @property
    def is_stair(self) -> bool:
        """Whether neighbouring values are often equal."""
        return bool(noise.is_stair(self.values))


@dataclass(frozen=True, eq=False)
class Lines:
    """What was seen along lines."""

    lines: list[Line]  # on which the noise of values was measured
    of_gradient: list[Line]  # on which that of dS is measured
    spacing: float  # of their points
    level: float  # of the noise in values
    spent: bool  # finding the spacing took extra lines


def look_along_lines(seen: Point, in_short: bool) -> Lines:
    """Lines from x, at a spacing at which the noise is settled.

    Source: Moré and Wild 2011. A line goes one way, so a tie at x is at its end. A kink or an oscillation raises the
    level of a line and is gone at a much finer spacing; noise stays where it was. So a level above rounding counts
    only where it holds 2^20 times finer, or where values do not change at all there.
    """
    objective, x, answer = seen.objective, seen.x, seen.answer
    watched = watched_entries(objective)
    some = slice(None) if watched is None else watched
    floats = _LEAST_IN_SPACINGS * float(objective.spacing(np.array([largest(x)]))[0])

    def line(spacing: float, rng: np.random.Generator = seen.rng) -> Line:
        spacing = max(spacing, floats)
        # Where values move in stairs, lines reach far; gradients there say little of those near x.
        near = spacing <= max(SPACING, floats)
        direction = rng.standard_normal(len(x))
        values, parts, gradients = [answer.value], [answer.parts], np.empty((noise.POINTS, answer.gradient[some].size))
        gradients[0], slopes = answer.gradient[some], [_along(answer.gradient, direction)]
        for k, t in enumerate(noise.POSITIONS[1:], start=1):
            point, part = x + t * spacing * direction, None
            if watched is None:
                there = objective(point)
                value, gradient, part = there.value, there.gradient, there.parts
            else:
                value, gradient = objective.without_copy(point.astype(objective.dtype, copy=False))
            seen.see(gradient, near=near)
            values.append(value)
            parts.append(part)
            slopes.append(_along(gradient, direction))
            gradients[k] = gradient[some]
        of_rows = None if parts[-1] is None else np.array(parts)
        return Line(spacing, np.array(values), gradients, of_rows, np.array(slopes))

    rounding = 10 * 0.5 * answer.value_eps * abs(answer.value)

    def rounding_of_a_part(lines: list[Line]) -> float:
        """The level where a part of the value stands still and the rest moves on, as float32 beside float64; else 0."""
        # No kink keeps its level where lines are so much shorter, and an oscillation shows in dS as well.
        long = max(lines, key=lambda each: each.level)
        size = max(abs(answer.value), largest(answer.gradient))
        if long.level <= max(_ALIKE * rounding, _FINEST * size) or long.is_rough(len(x)):
            return 0.0
        others = np.random.default_rng(len(x))
        shorter = [line(lines[0].spacing * _SHORTER, others) for _ in lines]
        usual, short = noise.median(np.array([each.level for each in lines])), max(shorter, key=lambda each: each.level)
        is_rounding = float(usual) / 8 <= short.level <= _COARSEST * abs(answer.value)
        return short.level if is_rounding and not short.is_rough(len(x)) else 0.0

    # Where the function may well be flat, no line is so long that it would leave the flat part.
    wider = WIDER if largest(answer.gradient) * WIDER[1] > rounding else WIDER[:2]
    for spacing in (_DENSE, SPACING, *wider) if in_short else (SPACING, *wider):
        first = line(spacing)
        if not first.is_stair:  # else it is finer than the function's own rounding, unless the function is flat
            break
    if in_short:
        # dS is followed along a wider line: a coarse rounding hides in derivatives that hardly move.
        wide = line(SPACING)
        coarse = rounding_of_a_part([wide]) if wide.level > max(rounding, _ALIKE * first.level) else 0.0
        return Lines([wide if coarse else first], [wide], SPACING, max(first.level, coarse), False)
    lines, checked, least = [first], False, 0.0
    count = 1 if answer.parts is not None and objective.shape[0] >= _MANY_ROWS else LINES
    while True:
        spacing = lines[0].spacing
        lines += [line(spacing) for _ in range(count - len(lines))]
        levels = [each.level for each in lines if not each.is_stair] or [each.level for each in lines]
        alike = max(levels) <= _ALIKE * min(levels)
        level = float(np.sqrt(np.mean(np.square(levels)))) if alike else 2 * min(levels)
        if max(levels) <= rounding or checked:
            return Lines(lines, lines, spacing, max(level, least), checked)
        checked = True
        fine = line(spacing * _FINER)
        if fine.is_stair:
            continue
        least = fine.level  # no kink and no oscillation raises it
        holds = fine.level >= min(levels) / 4
        if not holds and (alike or min(levels) > rounding):  # no line is free of what raises the level
            if coarse := rounding_of_a_part(lines):
                least = coarse
                continue
            enough = max(rounding, _ALIKE * fine.level)
            candidates = [line(spacing * factor) for factor in _BETWEEN]
            lines = [next((each for each in candidates if each.level <= enough), fine)]


def _along(gradient: FloatArray, direction: FloatArray) -> float:
    """The derivative along a direction; NaN where the gradient is none by the entries that move."""
    return float(np.dot(gradient, direction)) if gradient.shape == direction.shape else np.nan


def watched_entries(objective: Objective) -> IndexArray | None:
    """The entries of dS that are followed along lines; None for all."""
    n = objective.blocks.n
    return None if n <= _WATCHED else np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.intp))


def wide_enough(value_noise: float, scale: float, narrowest: float = _NARROWEST, precise: float = _PRECISE) -> float:
    """The step at which noise is a part ``precise`` of the gradients: a wider one only meets more kinks."""
    return max(SIGMAS * value_noise / (precise * scale or np.inf), narrowest)


def usual_step(value_noise: float, scale: float) -> float:
    """A step for a function whose derivatives are about as large as its gradient, without trying any."""
    return float(np.clip((value_noise / (_PRUDENCE * scale or np.inf)) ** 0.2, _NARROWEST / 2, _WIDEST_UNTRIED))


def choose_step(
    seen: Point, value_noise: float, rounding: Rounding, series: FloatArray, top: float, spent: bool, own: list[slice]
) -> float:
    """The step of least error for corrected central differences along one or two directions.

    Directions move one entry of each block: of the first, the entry whose derivative changes most along the lines, so
    that a function which is flat almost everywhere does not hide where it is not. ``series`` (L, m, n) is dS along
    lines, ``top`` the widest step, ``own`` the blocks that the step is for; if ``spent``, one direction has to do.
    """
    n, rng = len(seen.x), seen.rng
    curvature = np.max(np.abs(series[:, -1] - series[:, 0]), axis=0) if series.shape[2] == n else np.zeros(n)
    count, all_of_them = len(own), curvature[own[0].start : own[-1].stop]
    starts = np.array([each.start for each in own])  # of blocks of one width, as those of one input are
    picks = [(starts + np.argmax(all_of_them.reshape(count, -1), axis=1)).tolist()]
    if not spent and (seen.answer.parts is None or count < _MANY_BLOCKS):
        picks.append([int(rng.integers(each.start, each.stop)) for each in own])
    best, scale = np.inf, seen.largest
    steps = top * _RATIO ** -np.arange(0.0 if value_noise > _NOISY * scale else _USUAL, _STEPS)
    for entries in picks:
        direction = np.zeros(n)
        direction[entries] = rng.choice([-1.0, 1.0], count) * rng.uniform(0.7, 1.0, count)
        tried, (estimates, bounds, slopes) = _try_steps(seen, direction, value_noise, rounding, steps, scale)
        step = _optimum(tried, estimates, bounds)
        # Slopes over wider steps say nothing of the gradient near x.
        seen.slope = max(seen.slope, float(np.max(slopes[tried <= max(step, tried[-1])])))
        best = min(best, step)
    return min(best, wide_enough(value_noise, scale, min(_NARROWEST, top * 2.0**-10)))


def stencil_along(
    objective: Objective, x: FloatArray, answer: Answer, direction: FloatArray, step: float, within: slice = slice(None)
) -> Stencil:
    """Move x by ``step`` times a direction both ways, in some entries: two calls. ``answer`` is that at x."""
    part = direction[within]

    def ask(signed: float) -> tuple[float, float]:
        moved = x.astype(objective.dtype)
        for piece in pieces(len(part)):
            moved[within][piece] += signed * part[piece]
        value, gradient = objective.without_copy(moved)
        return value, float(np.dot(gradient[within], part))

    (f_below, g_below), (f_above, g_above) = ask(-step), ask(step)
    g_at = float(np.dot(answer.gradient[within], part))
    numbers = step, step, f_below, answer.value, f_above, g_below, g_at, g_above
    return Stencil(*np.array(numbers)[:, np.newaxis])


def pieces(length: int) -> list[slice]:
    """Slices that cover so many numbers: few at once, so that temporaries stay small."""
    return [slice(start, min(start + _PIECE, length)) for start in range(0, length, _PIECE)]


def _try_steps(
    at: Point, direction: FloatArray, value_noise: float, rounding: Rounding, steps: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """K falling steps, and at them 3 x K: corrected differences, bounds on noise, the least slope along an entry."""
    length, size = float(np.sum(np.abs(direction))), np.max(np.abs(at.x) * (direction != 0))

    def difference(step: float) -> tuple[float, float, float]:
        stencil = stencil_along(at.objective, at.x, at.answer, direction, step)
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
        (coarse, bound, _), (fine, other, _) = seen[:2]
        is_gain = 1e-11 * scale < bound < min(_BLIND * scale, other / 2)
        if not is_gain or abs(coarse - fine) > bound + other:
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
