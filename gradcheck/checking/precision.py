"""Noise, steps and scales of a function at one problem: measured once, and frozen.

About 45 calls where the function is smooth, whatever the length of x. Nothing that is asked later changes them, so no
verdict depends on what was asked before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.checking.steps import Scales, choose_steps, wide_enough
from gradcheck.errors import LossDefect
from gradcheck.evaluation.blocks import Blocks, IndexArray
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.separability import Same
from gradcheck.functions.answer import Answer
from gradcheck.numerics import noise
from gradcheck.numerics.verdicts import largest
from gradcheck.report import FloatArray

#: Lines along which noise is measured.
LINES = 3
#: Spacing of the points on a line, for scores of about 1: a float32 function still changes from one to the next.
SPACING = 2.0**-13
#: Coarser spacings, for functions whose values move in stairs wider than that; of a problem with millions of entries,
#: where kinks are dense, a much finer one is tried first.
_WIDER = (2.0**-7, 2.0**-4)
_DENSE = 2.0**-25
#: A level above rounding must hold at a spacing so many times finer; where it does not, these are tried in between.
_FINER = 2.0**-20
_BETWEEN = (2.0**-6, 2.0**-13)
#: No spacing is below so many distances between floats.
_LEAST_IN_SPACINGS = 2.0**10
#: Levels of lines that see the same noise hardly differ by more than this.
_ALIKE = 30.0
#: Standard deviation of dS that is always granted, in units of its precision and of the largest gradient of its block:
#: what a difference of two such numbers, as p - 1, leaves.
FLOOR = 2.0
#: dS that moves in steps wider than this part of the largest gradient jumps; it was not rounded so.
_MOST_ROUNDED = 1e-3
#: A kink on a line raises its level and nothing lowers it but chance; this is for the chance.
_LEAST_OF_LINES = 2.0
#: Where each row has a value of its own, a line is one line for each row, and one will do for so many rows. There an
#: entry that met a jump, which is noisier than the others by more than this, is taken for one like them.
_MANY_ROWS, _UNUSUAL = 64, 8.0
#: Entries of dS that are followed along the lines; of a longer x, so many.
_WATCHED = 2**16
_SAMPLE = 512


@dataclass(frozen=True, eq=False)
class Line:
    """dS along a line from x.

    Attributes:
        direction: (n,).
        offsets: (m,), the first 0: dS was seen at x + offset * direction.
        gradients: (m, n), or (m, W) of the entries that were followed.
        values: (m,).
        parts: (m, N), what each row adds to the value; None where only the whole is known.
    """

    direction: FloatArray
    offsets: FloatArray
    gradients: FloatArray
    values: FloatArray
    parts: FloatArray | None

    @property
    def level(self) -> float:
        """Noise in the values; 0 where they are not all finite."""
        return float(noise.noise_level(self.values)) if np.all(np.isfinite(self.values)) else 0.0

    @property
    def is_stair(self) -> bool:
        """Whether neighbouring values are often equal."""
        return bool(noise.is_stair(self.values))


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """Standard deviations of the noise of dS.

    Attributes:
        series: (L, m, n), dS along L lines; or (L, m, W) of some entries.
        watched: those W entries; None for all.
        blocks: of x.
        least: (B,), the rounding that every entry of a block has at least.
        beyond: (n,), what else dS is granted; None for nothing.
    """

    series: FloatArray
    watched: IndexArray | None
    blocks: Blocks
    least: FloatArray
    beyond: FloatArray | None = None

    def at_least(self, entries: IndexArray) -> FloatArray:
        """E floats that the noise of E entries is not below."""
        floor = self.least[self.blocks.of(entries)]
        return floor if self.beyond is None else np.maximum(floor, self.beyond[entries])

    def of(self, entries: IndexArray) -> FloatArray:
        """The noise of E entries: that of the calmest line, but not less than what is usual in the block."""
        floor = self.at_least(entries)
        if not len(entries):
            return floor
        if self.watched is not None:
            levels = _LEAST_OF_LINES * np.min(noise.noise_level(np.moveaxis(self.series, 0, 1)), axis=0)
            return np.maximum(floor, float(np.median(levels)))
        measured = np.empty(len(entries))
        of_blocks, slices = self.blocks.of(entries), self.blocks.slices()
        for block in np.unique(of_blocks).tolist():
            own = self.series[:, :, slices[block]]
            levels = _LEAST_OF_LINES * np.min(noise.noise_level(np.moveaxis(own, 0, 1)), axis=0)
            here = of_blocks == block
            # Errors of a block are of one size; the median, because a few entries may have met a jump on every line.
            usual = np.median(levels)
            if len(self.series) == 1:
                levels = np.minimum(levels, _UNUSUAL * usual)
            measured[here] = np.maximum(levels[entries[here] - slices[block].start], usual)
        return np.maximum(measured, floor)


@dataclass(frozen=True, eq=False)
class Precision:
    """What was measured at one problem.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        rounding: the same as a part of the value that was rounded.
        smallest_part: size that a row's part of the value is taken for at least, when its rounding is reckoned.
        parts_noise: (N,), the noise of each row's part of the value; None where only the whole is known.
        gradient_noise: of dS.
        steps: one for each input, for central differences.
        scales: the largest gradient seen, one for each input; where all are 0, the value beside x.
        block_scales: (B,), the largest gradient seen in each block.
        reach: how far from x the function was seen to be smooth along a line.
        quantised: values move in stairs: they do not change over distances at which rounding does not explain it.
        lines: dS along lines from x.
    """

    value_noise: float
    rounding: float
    smallest_part: float
    parts_noise: FloatArray | None
    gradient_noise: GradientNoise
    steps: FloatArray
    scales: FloatArray
    block_scales: FloatArray
    reach: float
    quantised: bool = False
    lines: tuple[Line, ...] = ()

    @property
    def same(self) -> Same:
        """When two values of the function are equal."""
        return Same(self.value_noise, self.rounding)

    @property
    def scale(self) -> float:
        """The largest gradient seen in any input."""
        return float(np.max(self.scales))

    def scales_of_entries(self, blocks: Blocks) -> FloatArray:
        """(n,), the largest gradient seen in the block of each entry."""
        return np.repeat(self.block_scales, np.diff(np.append(blocks.starts, blocks.n)))

    def of_parts(self, rows: IndexArray, parts: FloatArray) -> FloatArray:
        """Standard deviations of the noise of rows' parts of the value, as if each were rounded as the whole is.

        Args:
            rows: E rows.
            parts: E floats, what each adds to the value.
        """
        rounded = self.rounding * np.maximum(np.abs(parts), self.smallest_part)
        if self.parts_noise is not None:
            rounded = np.maximum(rounded, self.parts_noise[rows])
        return np.asarray(np.minimum(rounded, self.value_noise))


def measure(objective: Objective, x: FloatArray, answer: Answer, *, in_short: bool = False) -> Precision:
    """Measure a function around x.

    Args:
        objective: the function.
        x: (n,) float64.
        answer: what it returned at x.
        in_short: for millions of entries: one line, and a usual step without trying any.
    """
    rng = np.random.default_rng(objective.shape)
    seen = Scales(objective, answer.gradient)
    value_scale = _look_afar(objective, x, seen)
    found = _look_along_lines(objective, x, answer, rng, seen, in_short)
    lines = found.lines
    values = np.concatenate([line.values for line in lines])
    eps = noise.effective_eps(values, answer.value_eps)
    floor = 0.5 * eps * max(largest(values), value_scale)
    value_noise = max(floor, noise.granularity(values) / np.sqrt(12), found.level)
    watched = _watched(objective)
    series = np.array([line.gradients for line in found.of_gradient])
    if in_short:
        steps = np.full(len(objective.layout.inputs), min(max(2.0**-9, wide_enough(value_noise, seen.largest)), 0.125))
    else:
        top = 2.0**14 * (SPACING if found.spacing in _WIDER else found.spacing)
        steps = choose_steps(objective, x, answer, value_noise, series, top, found.spent, rng, seen)
    gradient_eps = noise.effective_eps(series.ravel()[:: max(1, series.size // 4096)], answer.gradient_eps)
    size = max(abs(answer.value), value_scale)
    quantum = noise.quantum(series)
    rounded = quantum / np.sqrt(12) if quantum <= _MOST_ROUNDED * float(np.max(seen.of_blocks)) else 0.0
    least = np.maximum(FLOOR * gradient_eps * seen.of_blocks, rounded)
    return Precision(
        value_noise=value_noise,
        rounding=value_noise / size if size > 0 else 0.0,
        smallest_part=value_scale / objective.shape[0],
        parts_noise=_parts_noise(lines),
        gradient_noise=GradientNoise(series, watched, objective.blocks, least),
        steps=steps,
        scales=seen.of_inputs(answer.value, x),
        block_scales=seen.of_blocks,
        reach=float(found.spacing * noise.POSITIONS[-1]),
        quantised=found.quantised,
        lines=lines if watched is None else (),
    )


def noise_of_parts(evaluator: Evaluator, entries: IndexArray) -> FloatArray:
    """The noise of what the rows of E entries add to the value: 21 calls for each row.

    Returns:
        E standard deviations, the middle one of three lines, since a kink on one raises its level. Infinite where the
        parts hardly change: what they were rounded from cannot be seen in them.
    """
    rng = np.random.default_rng(len(entries))
    levels = []
    for _ in range(LINES):
        direction = rng.normal(size=len(evaluator.x))
        points = [evaluator.x + t * SPACING * direction for t in noise.POSITIONS]
        series = np.array([evaluator.at(point).here(entries).values for point in points])
        levels.append(np.where(noise.is_stair(series), np.inf, noise.noise_level(series)))
    return np.asarray(np.median(levels, axis=0))


def rounding_of_gradient(given: Objective, exact: Objective, x: FloatArray, gradient_eps: float) -> FloatArray:
    """How far dS in the user's dtype lies from that in float64 by rounding alone: (n,) standard deviations; six calls.

    Measured at points near x and not at x, where it might be the very defect that is looked for.

    Args:
        given: the function in the user's dtype.
        exact: the function in float64.
        x: (n,) float64.
        gradient_eps: machine epsilon of dS in the user's dtype.
    """
    rng = np.random.default_rng(given.shape)
    apart, gradients = [], []
    for _ in range(3):
        near = given.rounded(x + SPACING * rng.normal(size=len(x)))
        gradients.append(exact(near).gradient)
        apart.append(given(near).gradient - gradients[-1])
    own = np.sqrt(np.mean(np.square(apart), axis=0))
    scales = np.max([given.blocks.largest(gradient) for gradient in gradients], axis=0)
    # The errors of a block are of one size, for they come from numbers of one size; three of them may all be small.
    counts = np.diff(np.append(given.blocks.starts, len(x)))
    usual = np.sqrt(np.add.reduceat(own**2, given.blocks.starts) / counts)
    least = np.maximum(usual, FLOOR * gradient_eps * scales)
    return np.asarray(np.maximum(own, np.repeat(least, counts)))


def _look_afar(objective: Objective, x: FloatArray, seen: Scales) -> float:
    """Size of the value at small x; gradients there, and elsewhere, are seen too: two calls.

    A gradient of 1e-17 is right beside gradients of 1, because it was computed as a difference of such; and a value of
    0 was perhaps rounded from numbers of the size that it has at small x. Two points: the same x made small, and its
    entries handed on by one. Where the function has no answer there, nothing is learnt.
    """
    value_scale = 0.0
    for k, point in enumerate((x / (2 * max(1.0, largest(x))), np.roll(x, 1))):
        try:
            value, gradient = objective.without_copy(point.astype(objective.dtype))
        except LossDefect:
            continue
        seen.see(gradient)
        if k == 0 and np.isfinite(value):
            value_scale = abs(value)
    return value_scale


@dataclass(frozen=True, eq=False)
class _Lines:
    """What was seen along lines.

    Attributes:
        lines: on which the noise of values was measured.
        of_gradient: on which that of dS is measured.
        spacing: of their points.
        level: of the noise in values.
        quantised: see ``Precision``.
        spent: finding the spacing took extra lines.
    """

    lines: tuple[Line, ...]
    of_gradient: tuple[Line, ...]
    spacing: float
    level: float
    quantised: bool
    spent: bool


def _look_along_lines(
    objective: Objective, x: FloatArray, answer: Answer, rng: np.random.Generator, seen: Scales, in_short: bool
) -> _Lines:
    """Lines from x, at a spacing at which the noise is settled.

    Source: Moré and Wild 2011. A line goes one way, so a tie at x is at its end. A kink or an oscillation raises the
    level of a line and is gone at a much finer spacing; noise stays where it was. So a level above rounding counts
    only where it holds 2^20 times finer, or where values do not change at all there: then they are quantised.
    """
    watched = _watched(objective)
    floats = _LEAST_IN_SPACINGS * float(objective.spacing(np.array([largest(x)]))[0])

    def line(spacing: float) -> Line:
        # Where values move in stairs, lines reach far; gradients there say little of those near x.
        near = spacing <= max(SPACING, floats)
        return _line(objective, x, answer, spacing, rng, seen, near, watched)

    spacings = [max(s, floats) for s in ((_DENSE, SPACING, *_WIDER) if in_short else (SPACING, *_WIDER))]
    rounding = 10 * 0.5 * answer.value_eps * abs(answer.value)
    for spacing in spacings:  # finer than the function's own rounding, unless the function is flat
        first = line(spacing)
        if not first.is_stair:
            break
    if in_short:
        # dS is followed along a wider line: a coarse rounding hides in derivatives that hardly move.
        return _Lines((first,), (line(max(SPACING, floats)),), SPACING, first.level, False, False)
    lines, checked, quantised, least = [first], False, False, 0.0
    count = 1 if answer.parts is not None and objective.shape[0] >= _MANY_ROWS else LINES
    while True:
        lines += [line(spacing) for _ in range(count - len(lines))]
        levels = [each.level for each in lines if not each.is_stair] or [each.level for each in lines]
        alike = max(levels) <= _ALIKE * min(levels)
        level = float(np.sqrt(np.mean(np.square(levels)))) if alike else 2 * min(levels)
        if max(levels) <= rounding or checked:
            return _Lines(tuple(lines), tuple(lines), spacing, max(level, least), quantised, checked)
        checked = True
        fine = line(max(spacing * _FINER, floats))
        if fine.is_stair:
            quantised = not noise.is_stair(lines[0].values)
            continue
        least = fine.level  # no kink and no oscillation raises it
        if fine.level >= min(levels) / 4:  # it holds
            continue
        if alike or min(levels) > rounding:  # no line is free of what raises the level: a finer spacing is needed
            enough = max(rounding, _ALIKE * fine.level)
            candidates = [line(max(spacing * factor, floats)) for factor in _BETWEEN]
            fitting = [each for each in candidates if each.level <= enough]
            chosen = fitting[0] if fitting else fine
            spacing = float(chosen.offsets[-1] / noise.POSITIONS[-1])
            lines = [chosen]


def _line(
    objective: Objective,
    x: FloatArray,
    answer: Answer,
    spacing: float,
    rng: np.random.Generator,
    seen: Scales,
    near: bool,
    watched: IndexArray | None,
) -> Line:
    direction = rng.normal(size=len(x))
    values, parts, gradients = [answer.value], [answer.parts], [_some(answer.gradient, watched)]
    for t in noise.POSITIONS[1:]:
        point = x + t * spacing * direction
        if watched is None:
            there = objective(point)
            value, gradient, part = there.value, there.gradient, there.parts
        else:
            (value, gradient), part = objective.without_copy(point.astype(objective.dtype, copy=False)), None
        seen.see(gradient, near=near)
        values.append(value)
        parts.append(part)
        gradients.append(_some(gradient, watched))
    known = [part for part in parts if part is not None]
    return Line(
        direction, spacing * noise.POSITIONS, np.array(gradients), np.array(values),
        np.array(known) if len(known) == len(values) else None,
    )  # fmt: skip


def _watched(objective: Objective) -> IndexArray | None:
    n = objective.blocks.n
    return None if n <= _WATCHED else np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.intp))


def _some(gradient: FloatArray, watched: IndexArray | None) -> FloatArray:
    return gradient if watched is None else gradient[watched]


def _parts_noise(lines: tuple[Line, ...]) -> FloatArray | None:
    """(N,), the noise of each row's part of the value: that of the calmest line."""
    parts = [line.parts for line in lines if line.parts is not None]
    if len(parts) < len(lines):
        return None
    levels = noise.noise_level(np.stack(parts, axis=1))
    if len(levels) == 1:
        return np.asarray(np.minimum(levels[0], _UNUSUAL * np.median(levels[0])))
    return np.asarray(_LEAST_OF_LINES * np.min(levels, axis=0))
