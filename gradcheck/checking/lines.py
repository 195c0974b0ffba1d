"""Lines from x along which a function is followed: its values, its gradients, and the noise in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.checking.steps import Scales
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.objective import Objective
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
WIDER = (2.0**-7, 2.0**-4)
_DENSE = 2.0**-25
#: A level above rounding must hold at a spacing so many times finer; where it does not, these are tried in between.
_FINER = 2.0**-20
_BETWEEN = (2.0**-6, 2.0**-13)
#: No spacing is below so many distances between floats.
_LEAST_IN_SPACINGS = 2.0**10
#: Levels of lines that see the same noise hardly differ by more than this.
_ALIKE = 30.0
#: Where each row has a value of its own, a line is one line for each row, and one will do for so many rows.
_MANY_ROWS = 64
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
class Lines:
    """What was seen along lines.

    Attributes:
        lines: on which the noise of values was measured.
        of_gradient: on which that of dS is measured.
        spacing: of their points.
        level: of the noise in values.
        spent: finding the spacing took extra lines.
    """

    lines: tuple[Line, ...]
    of_gradient: tuple[Line, ...]
    spacing: float
    level: float
    spent: bool


def look_along_lines(
    objective: Objective, x: FloatArray, answer: Answer, rng: np.random.Generator, seen: Scales, in_short: bool
) -> Lines:
    """Lines from x, at a spacing at which the noise is settled.

    Source: Moré and Wild 2011. A line goes one way, so a tie at x is at its end. A kink or an oscillation raises the
    level of a line and is gone at a much finer spacing; noise stays where it was. So a level above rounding counts
    only where it holds 2^20 times finer, or where values do not change at all there.
    """
    watched = watched_entries(objective)
    floats = _LEAST_IN_SPACINGS * float(objective.spacing(np.array([largest(x)]))[0])

    def line(spacing: float) -> Line:
        # Where values move in stairs, lines reach far; gradients there say little of those near x.
        near = spacing <= max(SPACING, floats)
        return _line(objective, x, answer, spacing, rng, seen, near, watched)

    spacings = [max(s, floats) for s in ((_DENSE, SPACING, *WIDER) if in_short else (SPACING, *WIDER))]
    rounding = 10 * 0.5 * answer.value_eps * abs(answer.value)
    for spacing in spacings:  # finer than the function's own rounding, unless the function is flat
        first = line(spacing)
        if not first.is_stair:
            break
    if in_short:
        # dS is followed along a wider line: a coarse rounding hides in derivatives that hardly move.
        return Lines((first,), (line(max(SPACING, floats)),), SPACING, first.level, False)
    lines, checked, least = [first], False, 0.0
    count = 1 if answer.parts is not None and objective.shape[0] >= _MANY_ROWS else LINES
    while True:
        lines += [line(spacing) for _ in range(count - len(lines))]
        levels = [each.level for each in lines if not each.is_stair] or [each.level for each in lines]
        alike = max(levels) <= _ALIKE * min(levels)
        level = float(np.sqrt(np.mean(np.square(levels)))) if alike else 2 * min(levels)
        if max(levels) <= rounding or checked:
            return Lines(tuple(lines), tuple(lines), spacing, max(level, least), checked)
        checked = True
        fine = line(max(spacing * _FINER, floats))
        if fine.is_stair:
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


def watched_entries(objective: Objective) -> IndexArray | None:
    n = objective.blocks.n
    return None if n <= _WATCHED else np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.intp))


def _some(gradient: FloatArray, watched: IndexArray | None) -> FloatArray:
    return gradient if watched is None else gradient[watched]
