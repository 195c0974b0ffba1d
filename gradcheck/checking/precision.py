"""Noise, steps and scales of a function at one problem: measured once, and frozen.

About 45 calls where the function is smooth, whatever the length of x. Nothing that is asked later changes them, so no
verdict depends on what was asked before it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking import steps
from gradcheck.errors import LossDefect
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.separability import Same
from gradcheck.functions.answer import Answer
from gradcheck.layout import Arguments, Blocks
from gradcheck.numerics import noise
from gradcheck.numerics.differences import Rounding
from gradcheck.numerics.verdicts import largest
from gradcheck.report import FloatArray, IndexArray

#: Standard deviation of dS that is always granted, in units of its precision and of the largest gradient of its block:
#: what a difference of two such numbers, as p - 1, leaves.
FLOOR = 2.0
#: dS that moves in steps wider than this part of the largest gradient jumps; it was not rounded so.
_MOST_ROUNDED = 1e-3
#: Below the smallest normal float, numbers lose digits.
_UNDERFLOW = float(np.finfo(np.float64).smallest_normal)
#: Gradients below this are 0: beside them, the underflow of floats would look like noise.
_SMALLEST = 1e-300
#: Whether x is rounded is tried for so many entries, at a power of two that is no less than this one. A change of the
#: value by so many units of its precision is seen; beside such a part of the gradients it is that of a flat end.
_TRIED, _ASIDE, _SEEN, _FLAT = 2, 16.0, 8.0, 1e-3
#: A move by this part of an entry is finer than half precision. Where dS explains changes of the value up to the other
#: part of them, nothing in the function is rounded more coarsely than the value.
_FINE, _EXPLAINED = 2.0**-13, 1e-5
#: Machine epsilons of bfloat16 and float16; where x is rounded to one, the largest leap exceeds the error of the fit by
#: this factor. For x^3 that factor is 2.0, at a kink 2.2.
_HALF_PRECISIONS, _LEAP = (2.0**-7, 2.0**-10), 16.0
#: Values that tell of half precision: beside such as do not move in steps there are no two that are so short.
_TELLING = 2
#: A kink on a line raises its level and nothing lowers it but chance; this is for the chance.
_LEAST_OF_LINES = 2.0
#: Where only one line was followed, an entry that met a jump, which is noisier than the others by more than this, is
#: taken for one like them.
_UNUSUAL = 8.0
#: An x longer than this meets so many kinks that a step is narrow where noise stays below this part of the gradients.
_LONG, _NARROW, _ENOUGH = 1000, 2.0**-15, 1e-9


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """Standard deviations of the noise of dS."""

    series: FloatArray  # (L, m, n), dS along L lines; or (L, m, W) of some entries
    watched: IndexArray | None  # those W entries; None for all
    blocks: Blocks  # of x
    least: FloatArray  # (B,), the rounding that every entry of a block has at least
    beyond: FloatArray | None = None  # (n,), what else dS is granted; None for nothing

    def at_least(self, entries: IndexArray) -> FloatArray:
        """E floats that the noise of E entries is not below."""
        floor = self.least[self.blocks.of(entries)]
        return floor if self.beyond is None else np.maximum(floor, self.beyond[entries])

    def of(self, entries: IndexArray) -> FloatArray:
        """The noise of E entries: that of the calmest line, but not less than what is usual in the block."""
        floor = self.at_least(entries)
        if self.watched is not None:
            return np.maximum(floor, _LEAST_OF_LINES * float(noise.median(_calmest(self.series))))
        measured, blocks, slices = np.empty(len(entries)), self.blocks.of(entries), self.blocks.slices()
        for block in sorted(set(blocks.tolist())):
            levels, here = _calmest(self.series[:, :, slices[block]]), blocks == block
            # Errors of a block are of one size; the median, because a few entries may have met a jump on every line.
            measured[here] = np.maximum(levels[entries[here] - slices[block].start], noise.median(levels))
        return np.maximum(_LEAST_OF_LINES * measured, floor)


@dataclass(frozen=True, eq=False)
class Precision:
    """What was measured at one problem."""

    value_noise: float  # standard deviation of the noise of a value
    rounding: float  # the same as a part of the value that was rounded
    smallest_part: float  # size that a row's part of the value is taken for at least, when its rounding is reckoned
    #: (N,), the noise of each row's part of the value; None where only the whole is known
    parts_noise: FloatArray | None
    gradient_noise: GradientNoise  # of dS
    step: float  # for central differences
    scale: float  # the largest gradient seen; where all are 0, the value beside x
    block_scales: FloatArray  # (B,), the largest gradient seen in each block
    reach: float  # how far from x the function was seen to be smooth along a line
    steps: tuple[float, ...]  # of each input, where there are several; ``step`` is the smallest of them
    inside: Rounding  # how the function rounds numbers of any size

    def of_input(self, number: int) -> Precision:
        """The same with the step and the scale of one input, where there are several."""
        if not self.steps:
            return self
        scale = float(self.block_scales[number])
        return replace(self, step=self.steps[number], scale=scale or self.scale, steps=())

    @property
    def same(self) -> Same:
        """When two values of the function are equal."""
        return Same(self.value_noise, self.rounding)

    def of_parts(self, rows: IndexArray, parts: FloatArray) -> FloatArray:
        """The noise of what E rows add to the value, as if each of these parts were rounded as the whole is."""
        rounded = self.rounding * np.maximum(np.abs(parts), self.smallest_part)
        if self.parts_noise is not None:
            rounded = np.maximum(rounded, self.parts_noise[rows])
        return np.asarray(np.minimum(rounded, self.value_noise))


def measure(
    objective: Objective, x: FloatArray, answer: Answer, *, in_short: bool = False, of_x: float | None = None
) -> Precision:
    """Measure a function around x (n,) float64, where it returned ``answer``.

    ``in_short`` is for millions of entries: one line, and a usual step without trying any. ``of_x`` is how x is rounded
    to half precision inside, where that is known.
    """
    seen = steps.Point(objective, x, answer)
    afar = _look_afar(seen)
    value_scale = abs(afar[0])
    found = steps.look_along_lines(seen, in_short)
    values = np.concatenate([line.values for line in found.lines])
    eps = noise.effective_eps(np.append(values, afar), answer.value_eps, _TELLING)
    floor = 0.5 * eps * max(largest(values), value_scale)
    if of_x is None:
        rounding = _SEEN * answer.value_eps * max(largest(values), value_scale)
        unexplained = np.max([noise.median(line.unexplained(rounding)) for line in found.lines])
        of_x = _rounding_of_x(objective, x, answer, eps) if not unexplained <= _EXPLAINED else 0.0
    inside = Rounding(eps, of_x)
    # Lines are too short to show the steps of a part beside others that move on.
    value_noise = max(floor, found.level, inside.of_x * seen.largest / np.sqrt(12))
    spacing = max(found.spacing, steps.SPACING) if inside.of_x else found.spacing
    several = [line.gradients for line in found.of_gradient]
    series = np.array(several) if len(several) > 1 else several[0][np.newaxis]  # no copy of a long one
    size = max(abs(answer.value), value_scale)
    by_inputs = not in_short and isinstance(objective.labels, Arguments) and len(objective.blocks) > 1
    if in_short:
        chosen = [steps.usual_step(value_noise, seen.largest)]
    else:
        top = 2.0**14 * (steps.SPACING if spacing in steps.WIDER else spacing)
        slices = objective.blocks.slices()
        chosen = [
            steps.choose_step(seen, value_noise, inside, series, top, by_inputs or found.spent, own)
            for own in ([[each] for each in slices] if by_inputs else [slices])
        ]
        if len(x) > _LONG:
            scales = seen.of_blocks if by_inputs else [seen.largest]
            needed = [steps.wide_enough(value_noise, float(scale), _NARROW, _ENOUGH) for scale in scales]
            chosen = [min(pair) for pair in zip(chosen, needed, strict=True)]
    gradient_eps = noise.effective_eps(series.ravel()[:: max(1, series.size // 4096)], answer.gradient_eps)
    quantum = noise.quantum(series)
    rounded = quantum / np.sqrt(12) if quantum <= _MOST_ROUNDED * float(np.max(seen.of_blocks)) else 0.0
    least = np.maximum(FLOOR * gradient_eps * seen.of_blocks, max(rounded, _UNDERFLOW))
    parts = [line.parts for line in found.lines if line.parts is not None]
    return Precision(
        value_noise=value_noise,
        rounding=value_noise / size if size > 0 else 0.0,
        smallest_part=value_scale / objective.shape[0],
        parts_noise=_calmest(np.array(parts)) * (_LEAST_OF_LINES if len(parts) > 1 else 1.0) if parts else None,
        gradient_noise=GradientNoise(series, steps.watched_entries(objective), objective.blocks, least),
        step=min(chosen),
        scale=max(seen.largest or abs(answer.value) / max(1.0, largest(x)), _SMALLEST),
        block_scales=seen.of_blocks,
        reach=float(spacing * noise.POSITIONS[-1]),
        steps=tuple(chosen) if by_inputs else (),
        inside=inside,
    )


def _rounding_of_x(objective: Objective, x: FloatArray, answer: Answer, eps: float) -> float:
    """The distance of numbers in the half precision that x is rounded to, as a part of them; 0 for none.

    The entry of the largest gradient, in each input if there are several, is moved to a power of two, and from there
    by parts of itself: three calls a side, and at most 24 more where the value does not move there as dS says. The side
    where the value grows is tried first, because losses are flat on the other; of scores, a second entry if both are.
    """
    sizes = np.abs(answer.gradient)
    if isinstance(objective.labels, Arguments):
        candidates = [each.start + int(np.argmax(sizes[each])) for each in objective.blocks.slices()]
    else:
        candidates = np.argpartition(-sizes, min(_TRIED, len(x)) - 1)[:_TRIED].tolist()
    for entry in candidates:
        uphill, is_smooth = np.copysign(1.0, answer.gradient[entry]), False
        for sign in (uphill, -uphill):
            aside = sign * 2 ** np.ceil(np.log2(max(_ASIDE, abs(x[entry]))))

            def at(part: float, entry: int = entry, aside: float = aside) -> tuple[float, float]:
                point = x.copy()
                point[entry] = aside * (1 + part)
                value, gradient = objective.without_copy(point.astype(objective.dtype))
                return value, float(gradient[entry])

            with suppress(LossDefect):
                here, slope = at(0.0)
                change, seen = abs(at(2.0**-4)[0] - here), _SEEN * eps * max(abs(here), abs(answer.value))
                if not change > max(2.0**9 * seen, _FLAT * largest(answer.gradient)):
                    continue
                there, slope_there = at(_FINE)
                if (move := there - here) != 0:
                    by_dS = (slope + slope_there) / 2 * aside * _FINE
                    is_smooth = abs(move - by_dS) <= _EXPLAINED * abs(move) + seen
                    if not is_smooth:
                        return _rounding_of_a_part_of_x(lambda part: at(part)[0], seen)
                elif abs(at(2.0**-6)[0] - here) > change / 8:  # else it is a kink that the entry has passed
                    return _HALF_PRECISIONS[0 if at(2.0**-10)[0] == here else 1]
        if is_smooth and not isinstance(objective.labels, Arguments):
            return 0.0
    return 0.0


def _rounding_of_a_part_of_x(value: Callable[[float], float], seen: float) -> float:
    """The machine epsilon of the half precision to which one part of a function rounds x; 0 for none: 12 or 24 calls.

    Rounding to nearest changes in the middle between two numbers: above a power of two, at 1/2, 3/2 and 5/2 of their
    spacing. The value leaps there; elsewhere it follows the other parts of the function, which one parabola fits.
    """
    positions = np.arange(0.125, 3, 0.25)
    between = np.floor(positions + 0.5) == np.arange(4)[:, np.newaxis]
    columns = np.array([*between, positions, positions**2]).T
    for eps in _HALF_PRECISIONS:
        values = np.array([value(eps * position) for position in positions])
        values -= values[0]
        fitted, *_ = np.linalg.lstsq(columns, values, rcond=None)
        if largest(np.diff(fitted[:4])) > _LEAP * largest(values - columns @ fitted) + seen:
            return eps
    return 0.0


def noise_of_parts(evaluator: Evaluator, entries: IndexArray) -> FloatArray:
    """The noise of what the rows of E entries add to the value, E standard deviations: 21 calls for each row.

    The middle one of three lines, since a kink on one raises its level. Infinite where the parts hardly change: what
    they were rounded from cannot be seen in them.
    """
    rng = np.random.default_rng(len(entries))
    levels = []
    for _ in range(steps.LINES):
        direction = rng.normal(size=len(evaluator.x))
        points = [evaluator.x + t * steps.SPACING * direction for t in noise.POSITIONS]
        series = np.array([evaluator.at(point).here(entries).values for point in points])
        levels.append(np.where(noise.is_stair(series), np.inf, noise.noise_level(series)))
    return noise.median(np.array(levels))


def rounding_of_gradient(given: Objective, exact: Objective, x: FloatArray, gradient_eps: float) -> FloatArray:
    """How far dS as ``given`` lies from the ``exact`` one by rounding alone: (n,) standard deviations; six calls.

    Measured at points near x and not at x, where it might be the very defect that is looked for. ``gradient_eps`` is
    the machine epsilon of dS as given.
    """
    rng = np.random.default_rng(given.shape)
    apart, scales = [], []
    for _ in range(3):
        near = given.rounded(x + steps.SPACING * rng.normal(size=len(x)))
        gradient = exact(near).gradient
        apart.append((given(near).gradient - gradient).reshape(given.shape))
        scales.append(given.blocks.largest(gradient))
    own = 2 * np.max(np.abs(apart), axis=0)  # of three, all may be small by chance
    # The errors of a row are mostly of one size, because they come from numbers of one size.
    usual = np.sqrt(np.mean(np.square(apart), axis=(0, 2)))
    least = np.maximum(usual, FLOOR * gradient_eps * np.max(scales, axis=0))
    least = np.maximum(least, float(np.finfo(given.dtype).smallest_normal))
    return np.asarray(np.maximum(own, least[:, np.newaxis])).reshape(-1)


def _look_afar(seen: steps.Point) -> tuple[float, float]:
    """The value at small x, and at x with entries handed on by one, or 0; gradients there are seen: two calls."""
    # A gradient of 1e-17 is right beside gradients of 1, because it was computed as a difference of such; and a value
    # of 0 was perhaps rounded from numbers of the size that it has at small x.
    values = [0.0, 0.0]
    for k, point in enumerate((seen.x / (2 * max(1.0, largest(seen.x))), np.roll(seen.x, 1))):
        with suppress(LossDefect):
            value, gradient = seen.objective.without_copy(point.astype(seen.objective.dtype))
            seen.see(gradient)
            values[k] = value if np.isfinite(value) else 0.0
    return values[0], values[1]


def _calmest(series: FloatArray) -> FloatArray:
    """E levels of noise, each of the calmest of L lines: (L, m, E) in."""
    levels = noise.noise_level(np.moveaxis(series, 0, 1))
    if len(levels) == 1:
        return np.asarray(np.minimum(levels[0], _UNUSUAL * noise.median(levels[0])))
    return np.asarray(np.min(levels, axis=0))
