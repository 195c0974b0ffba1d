"""Is dS the gradient of anything? Its Jacobian would be symmetric, for second derivatives go in either order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.precision import Line
from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.remembered import remembered
from gradcheck.diagnosis.rule import rule
from gradcheck.diagnosis.slopes import Slope, slope_along
from gradcheck.errors import LossDefect
from gradcheck.report import Finding

#: Two slopes differ where they do so by this many times their errors; below the other they are the same.
_DIFFERENT = 20.0
_SAME = 3.0
#: Slopes below this many times their errors are too small to tell.
_TELLING = 100.0
#: Pairs of directions that must agree before dS is called symmetric.
_FEWEST = 3
#: The step of a line that has to be asked for: as those that noise was measured on.
_STEP = 2.0**-13
#: Such a step bends a smooth function by this part of what it changes, at most.
_MOST_BENT = 0.05


@dataclass(frozen=True)
class _Pair:
    """d1·J·d2 and d2·J·d1 at one problem."""

    seen: Case
    first: Slope
    second: Slope

    @property
    def apart(self) -> float:
        """How far they differ, in units of their errors."""
        return abs(self.first.value - self.second.value) / max(self.first.error + self.second.error, 1e-300)

    @property
    def says_something(self) -> bool:
        size = max(abs(self.first.value), abs(self.second.value))
        return size > _TELLING * (self.first.error + self.second.error)


@rule("not-a-gradient", rank=80, implies={"gradient-of-another-loss"})
def not_a_gradient(evidence: Evidence) -> Iterator[Finding]:
    """Somewhere the two differ by far more than their errors."""
    pairs = [pair for pair in _pairs(evidence) if pair.says_something and pair.apart > _DIFFERENT]
    if not pairs:
        return
    worst = max(pairs, key=lambda pair: pair.apart)
    seen = worst.seen
    yield Finding(
        "not-a-gradient",
        "error",
        f"dS is no function's gradient, for its Jacobian J is not symmetric: along two random directions d1·J·d2 = "
        f"{worst.first.value:.6g} and d2·J·d1 = {worst.second.value:.6g} (batch size {seen.rows}, {seen.scores}, "
        f"seed {seen.seed})",
        hint="look at dS, not at the value: something that depends on S was taken for a constant, or a term is missing",
    )


@rule("gradient-of-another-loss", rank=90)
def gradient_of_some_loss(evidence: Evidence) -> Iterator[Finding]:
    """Wherever they can be told they are the same: a defect of dS that leaves it a gradient is rare."""
    lines = [line for seen in _generic(evidence) for line in seen.lines if np.any(seen.analytic)]
    if len(lines) >= _FEWEST and all(_is_constant(line) for line in lines):
        yield Finding(
            "gradient-of-another-loss",
            "error",
            f"dS does not change along {len(lines)} random directions: it is the gradient of a piecewise linear "
            "function, and the value is none, or another",
            hint="is a factor missing in dS that depends on S (as of a square), or is a square too many in the value?",
        )
        return
    pairs = [pair for pair in _pairs(evidence) if pair.says_something]
    if len(pairs) < _FEWEST or any(pair.apart > _SAME for pair in pairs):
        return
    yield Finding(
        "gradient-of-another-loss",
        "error",
        f"dS is the gradient of some function, for its Jacobian is symmetric (along {len(pairs)} pairs of random "
        "directions), but not that of the value",
        hint="look at the value first; in dS a constant, or a term of each score by itself, may be wrong as well",
    )


def _generic(evidence: Evidence) -> list[Case]:
    """Wrong problems at which dS may have a Jacobian: two lines from a kink may see the two sides of it."""
    # A number, which a 1 x 1 Jacobian is, is symmetric.
    return [seen for seen in evidence.wrong if seen.S.size > 1 and not seen.is_round]


def _is_constant(line: Line) -> bool:
    """Whether dS stays the same along a line, as that of a piecewise linear function does."""
    return all(np.array_equal(gradient, line.gradients[0]) for gradient in line.gradients)


@remembered
def _pairs(evidence: Evidence) -> tuple[_Pair, ...]:
    pairs = []
    for seen in _generic(evidence):
        lines = [line for line in seen.lines if slope_along(line, line.direction, seen) is not None]
        if len(seen.lines) == 1 and lines:
            pairs += _with_another(evidence, seen, lines[0])
        for one, other in combinations(lines, 2):
            first, second = slope_along(one, other.direction, seen), slope_along(other, one.direction, seen)
            if first is not None and second is not None:
                pairs.append(_Pair(seen, first, second))
    return tuple(pairs)


def _with_another(evidence: Evidence, seen: Case, line: Line) -> list[_Pair]:
    """The line beside one more, for which dS is asked twice: at a step to either side of S."""
    if np.any(np.abs(line.gradients[0] - seen.analytic) > seen.granted):  # each row's own, or of another dtype
        return []
    # A seed that nothing else has: the line's own direction was drawn with the shape for one.
    direction = np.random.default_rng((*seen.S.shape, 80)).normal(size=seen.S.shape)
    try:
        before, after = (
            evidence.ask.evaluate(seen.S + way * _STEP * direction, seen.y, np.float64).gradient for way in (-1, 1)
        )
    except (Spent, LossDefect):
        return []
    noise = float(np.sqrt(np.sum((line.direction * seen.granted) ** 2)))
    bend = abs(float(np.sum(line.direction * (after - 2 * seen.analytic + before))))
    slope = float(np.sum(line.direction * (after - before))) / (2 * _STEP)
    if bend > _MOST_BENT * (abs(slope) * _STEP) + 4 * noise:  # a kink: no smooth function bends so on a step so short
        return []
    # The bend is of second order in the step, what the slope errs by of third; but it is all that is known.
    second = slope_along(line, direction, seen)
    return [] if second is None else [_Pair(seen, Slope(slope, (_STEP * bend + noise) / _STEP), second)]
