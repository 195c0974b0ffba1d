"""Simple relations between dS and the numerical gradient, over all problems, in some of their entries.

With a for dS and n for the numerical gradient: a = c n (a factor), a = c n + d (an offset), a = d (a level); c and d
follow one law of N and C. Each is found entry by entry: what an entry knows, within bounds, is an interval for c or d.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.intervals import Interval, meet, multiplier
from gradcheck.diagnosis.laws import ONE, Law, Told, simplest_law
from gradcheck.report import FloatArray

#: Which entries of a problem: N x C truth values.
Where = Callable[[Case], BoolArray]
#: A number for each entry of a problem: N x C.
Shape = Callable[[Case], FloatArray]

#: A number that is not this many times its bound says nothing.
_TELLING = 8.0
_MINUS_ONE = Law(-1.0, fraction=Fraction(-1))


@dataclass(frozen=True)
class Fit:
    """A relation that holds in every known entry of some.

    Attributes:
        law: of c, or of d.
        entries: known entries in which it holds.
        rows: of all problems together, rows with an entry that tells something of it.
        telling: entries that do.
    """

    law: Law
    entries: int
    rows: int
    telling: int


def everywhere(seen: Case) -> BoolArray:
    """Every entry."""
    return np.ones(seen.S.shape, dtype=bool)


def slack(evidence: Evidence, seen: Case, factor: float) -> FloatArray:
    """How far dS may lie from ``factor`` times the numerical gradient, as in ``Evidence.same``: N x C."""
    size = np.maximum(np.abs(seen.analytic), np.abs(factor * seen.numerical))
    rounding = 4 * np.finfo(float).eps * size
    return np.asarray(abs(factor) * seen.bounds + seen.granted + evidence.rtol * size + rounding)


def factor_at(evidence: Evidence, seen: Case, where: BoolArray) -> Interval | None:
    """All c with a = c n in one problem.

    Args:
        evidence: for its tolerance.
        seen: the problem.
        where: N x C, the entries that count, if they are known.

    Returns:
        None where there is no such c.
    """
    chosen = where & seen.known
    n, a = seen.numerical[chosen], seen.analytic[chosen]
    rounding = (evidence.rtol + 4 * np.finfo(float).eps) * np.abs(a)
    return multiplier(n, a, seen.granted[chosen] + rounding, seen.bounds[chosen])


def factor_fit(evidence: Evidence, where: Where = everywhere) -> Fit | None:
    """The law of c in a = c n.

    Args:
        evidence: all problems, right ones too.
        where: the entries that count.

    Returns:
        None where there is no such law, or too little tells of it: any but 1 and -1 takes two rows.
    """
    told, entries, rows, telling = [], 0, 0, 0
    for seen in sorted(evidence.observations, key=lambda each: -each.S.size):  # the largest says no the soonest
        chosen = where(seen) & seen.known
        interval = factor_at(evidence, seen, chosen)
        if interval is None:
            return None
        told.append(Told(seen.rows, seen.classes, interval))
        says = chosen & (np.abs(seen.numerical) > _TELLING * seen.bounds)
        entries, rows, telling = entries + int(chosen.sum()), rows + _rows_with(says), telling + int(says.sum())
    law = simplest_law(told)
    if law is None or telling < 2 or (rows < 2 and law not in (ONE, _MINUS_ONE)) or not _holds(evidence, where, law):
        return None
    return Fit(law, entries, rows, telling)


def _holds(evidence: Evidence, where: Where, law: Law) -> bool:
    """Whether the factor explains every entry, those too of which the problem's own interval told nothing."""
    for seen in evidence.observations:
        c = law.at(seen.rows, seen.classes)
        off = where(seen) & ~evidence.same(seen, seen.analytic, c * seen.numerical, c)
        if np.any(off):
            return False
    return True


def factors_by_size(evidence: Evidence) -> dict[int, Interval]:
    """c in a = c n at each batch size, where it hangs on nothing else: two problems of each size must agree.

    Returns:
        N to the interval of c, in rising order; empty where there is a size without such a c.
    """
    of_size: dict[int, list[Interval]] = {}
    for seen in evidence.observations:
        interval = factor_at(evidence, seen, everywhere(seen))
        if interval is None:
            return {}
        of_size.setdefault(seen.rows, []).append(interval)
    found = {}
    for size in sorted(of_size):
        told = [each for each in of_size[size] if each.is_bounded]
        both = meet(told)
        if both is None or len(told) < 2:
            return {}
        found[size] = both
    return found


def offset_fit(
    evidence: Evidence, where: Where, factor: Law = ONE, shape: Shape | None = None, least: int = 2
) -> Fit | None:
    """The law of d in a = c n + d, d not 0.

    Args:
        evidence: all problems.
        where: the entries that count.
        factor: the law of c.
        shape: what d is a multiple of; None for 1.
        least: rows that must tell of it.

    Returns:
        None where there is no such law, it is 0, or fewer rows tell of it.
    """

    def difference(seen: Case) -> tuple[FloatArray, FloatArray]:
        c = factor.at(seen.rows, seen.classes)
        return seen.analytic - c * seen.numerical, slack(evidence, seen, c)

    return _constant_fit(evidence, where, difference, least, shape)


def level_fit(evidence: Evidence, where: Where) -> Fit | None:
    """The law of d in a = d, d not 0; arguments as for ``offset_fit``, and likewise None."""

    def itself(seen: Case) -> tuple[FloatArray, FloatArray]:
        return seen.analytic, seen.granted + evidence.rtol * np.abs(seen.analytic)

    return _constant_fit(evidence, where, itself, least=2)


def _constant_fit(
    evidence: Evidence,
    where: Where,
    target: Callable[[Case], tuple[FloatArray, FloatArray]],
    least: int,
    shape: Shape | None = None,
) -> Fit | None:
    told, entries, rows, telling = [], 0, 0, 0
    for seen in evidence.observations:
        chosen = where(seen) & seen.known
        number, within = target(seen)
        x = np.ones(seen.S.shape) if shape is None else shape(seen)
        interval = multiplier(x[chosen], number[chosen], within[chosen])
        if interval is None:
            return None
        told.append(Told(seen.rows, seen.classes, interval))
        says = chosen & (np.abs(number) > _TELLING * within)
        entries, rows, telling = entries + int(chosen.sum()), rows + _rows_with(says), telling + int(says.sum())
    law = simplest_law(told, classes=1)
    return Fit(law, entries, rows, telling) if law is not None and not law.is_zero and rows >= least else None


def _rows_with(entries: BoolArray) -> int:
    return int(np.count_nonzero(entries.any(axis=1)))
