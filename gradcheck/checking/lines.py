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
WIDER = (2.0**-7, 2.0**-4, 2.0**-1, 2.0**2)
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
_WATCHED, _SAMPLE = 2**16, 512


@dataclass(frozen=True, eq=False)
class Line:
    """What was seen at the m points of a line, the first of which is x."""

    spacing: float
    values: FloatArray  # (m,)
    gradients: FloatArray  # (m, n), or (m, W) of the entries that are followed
    parts: FloatArray | None  # (m, N), what each row adds to the value; None where only the whole is known

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
    """What was seen along lines."""

    lines: list[Line]  # on which the noise of values was measured
    of_gradient: list[Line]  # on which that of dS is measured
    spacing: float  # of their points
    level: float  # of the noise in values
    spent: bool  # finding the spacing took extra lines


def look_along_lines(
    objective: Objective, x: FloatArray, answer: Answer, rng: np.random.Generator, seen: Scales, in_short: bool
) -> Lines:
    """Lines from x, at a spacing at which the noise is settled.

    Source: Moré and Wild 2011. A line goes one way, so a tie at x is at its end. A kink or an oscillation raises the
    level of a line and is gone at a much finer spacing; noise stays where it was. So a level above rounding counts
    only where it holds 2^20 times finer, or where values do not change at all there.
    """
    watched = watched_entries(objective)
    some = slice(None) if watched is None else watched
    floats = _LEAST_IN_SPACINGS * float(objective.spacing(np.array([largest(x)]))[0])

    def line(spacing: float) -> Line:
        spacing = max(spacing, floats)
        # Where values move in stairs, lines reach far; gradients there say little of those near x.
        near = spacing <= max(SPACING, floats)
        direction = rng.standard_normal(len(x))
        values, parts, gradients = [answer.value], [answer.parts], np.empty((noise.POINTS, answer.gradient[some].size))
        gradients[0] = answer.gradient[some]
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
            gradients[k] = gradient[some]
        known = [part for part in parts if part is not None]
        return Line(spacing, np.array(values), gradients, np.array(known) if len(known) == len(parts) else None)

    rounding = 10 * 0.5 * answer.value_eps * abs(answer.value)
    wider = WIDER if answer.gradient.any() else WIDER[:2]  # without a gradient the function may well be flat
    for spacing in (_DENSE, SPACING, *wider) if in_short else (SPACING, *wider):
        first = line(spacing)
        if not first.is_stair:  # else it is finer than the function's own rounding, unless the function is flat
            break
    if in_short:
        # dS is followed along a wider line: a coarse rounding hides in derivatives that hardly move.
        return Lines([first], [line(SPACING)], SPACING, first.level, False)
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
            enough = max(rounding, _ALIKE * fine.level)
            candidates = [line(spacing * factor) for factor in _BETWEEN]
            lines = [next((each for each in candidates if each.level <= enough), fine)]


def watched_entries(objective: Objective) -> IndexArray | None:
    """The entries of dS that are followed along lines; None for all."""
    n = objective.blocks.n
    return None if n <= _WATCHED else np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.intp))
