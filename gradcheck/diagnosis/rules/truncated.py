"""dS holds whole numbers, and the numerical gradient does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis import statements
from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding, FloatArray

#: Entries of a dS of floats that are not 0 and were fractions, before this is more than chance.
_SEVERAL = 2


@dataclass(frozen=True)
class _Way:
    """A way to make numbers whole.

    Attributes:
        words: of what it makes, for example ``rounded``.
        whole: floats to whole floats, never downwards where they grow.
    """

    words: str
    whole: Callable[[FloatArray], FloatArray]


_WAYS = (
    _Way("truncated towards 0", np.trunc),
    _Way("rounded down", np.floor),
    _Way("rounded to whole numbers", np.rint),
    _Way("rounded up", np.ceil),
)


@rule("truncated-to-integer", rank=10, implies=LESS_SPECIFIC | {"constant-factor"})
def truncated(evidence: Evidence) -> Iterator[Finding]:
    """dS is whole everywhere, where neither the numerical gradient is nor N times it: so it is no count.

    Of floats it is only said where dS is the numerical gradient, or N times it, made whole in one way; an array of
    integers cannot be right in any case.
    """
    observations = evidence.observations
    if not all(np.array_equal(seen.analytic, np.rint(seen.analytic)) for seen in observations):
        return
    integers = any(seen.whole_numbers for seen in evidence.wrong)
    told = _way(observations, integers)
    if told is None and (not integers or _is_a_multiple(evidence) or _are_counts(observations)):
        return
    seen, (row, column) = _example(evidence)
    came = "came as an array of integers" if integers else "holds whole numbers only"
    if told is not None:
        way, by_n = told
        times = "N times " if by_n else ""
        came = f"{came if integers else 'is whole'}: {times}the numerical gradient {way.words}"
    statement = _statement(evidence, seen)
    yield Finding(
        "truncated-to-integer",
        "error",
        f"dS {came}, for example {seen.analytic[row, column]:g} where the numerical gradient is "
        f"{seen.numerical[row, column]:.6g} (dS[{row}, {column}] at batch size {seen.rows}, {seen.scores}, "
        f"seed {seen.seed})",
        hint=_hint(integers, told[0] if told else None),
        details=statement.shown() if statement else "",
    )


def _way(observations: Sequence[Case], integers: bool) -> tuple[_Way, bool] | None:
    """How the numerical gradient was made whole, and whether N times it was."""
    several_rows = any(seen.rows > 1 for seen in observations)
    for by_n in (False, True) if several_rows else (False,):
        scaled = [_Scaled(seen, seen.rows if by_n else 1) for seen in observations]
        for way in _WAYS:
            if not all(each.is_made_whole(way) for each in scaled):
                continue
            cut = sum(int(np.count_nonzero(each.is_fractional() & (each.dS != 0))) for each in scaled)
            if cut >= _SEVERAL or (integers and any(each.is_fractional().any() for each in scaled)):
                return way, by_n
    return None


class _Scaled:
    """What the numerical gradient, or N times it, may be in the known entries of a problem."""

    def __init__(self, seen: Case, factor: int) -> None:
        at = seen.known
        self.dS = seen.analytic[at]
        around = factor * (seen.bounds[at] + seen.granted[at])
        self.low, self.high = factor * seen.numerical[at] - around, factor * seen.numerical[at] + around

    def is_made_whole(self, way: _Way) -> bool:
        return bool(np.all((way.whole(self.low) <= self.dS) & (self.dS <= way.whole(self.high))))

    def is_fractional(self) -> BoolArray:
        """Which are no whole numbers, whatever they are within their bounds."""
        return np.asarray(np.floor(self.low) == np.ceil(self.high) - 1) & (self.low > np.floor(self.low))


def _is_a_multiple(evidence: Evidence) -> bool:
    """dS = c n at each problem, with a c of its own: that is a factor, and no truncation."""
    for seen in evidence.observations:
        at = seen.known & (np.abs(seen.numerical) > seen.bounds)
        if not at.any():
            continue
        largest = np.argmax(np.where(at, np.abs(seen.numerical), 0))
        factor = float(seen.analytic.flat[largest] / seen.numerical.flat[largest])
        if factor == 0 or not evidence.same(seen, seen.analytic, factor * seen.numerical, factor).all():
            return False
    return True


def _are_counts(observations: Sequence[Case]) -> bool:
    """N times the numerical gradient is whole everywhere, as a hinge's is: integers may well hold that."""
    return not any(_Scaled(seen, seen.rows).is_fractional().any() for seen in observations)


def _example(evidence: Evidence) -> tuple[Case, tuple[int, int]]:
    """The wrong entry that is farthest off."""

    def off(seen: Case) -> FloatArray:
        return np.where(seen.wrong, np.abs(seen.analytic - seen.numerical), -1.0)

    seen = max(evidence.wrong, key=lambda each: float(off(each).max()))
    row, column = np.unravel_index(int(np.argmax(off(seen))), seen.S.shape)
    return seen, (int(row), int(column))


def _statement(evidence: Evidence, seen: Case) -> statements.Statement | None:
    try:
        return statements.that_made_it_whole(evidence.ask, seen.S.astype(evidence.ask.dtype), seen.y)
    except (Spent, LossDefect, OutOfTime):
        return None


def _hint(integers: bool, way: _Way | None) -> str:
    if integers and way is not None and way.whole is np.floor:
        return "// divides whole numbers and rounds down: make dS float, astype(S.dtype), and divide it with /"
    if integers:
        return "make dS an array of floats before fractions are written to it: np.zeros(S.shape), astype(S.dtype)"
    return "look for round, rint, floor, //, int or astype(int) on the way to dS"
