"""dS as a multiple of something known: the coefficients of dS = c n + d x, n the numerical gradient, over all problems.

Each entry gives an interval for the coefficient; those of a problem are intersected, and the coefficient has to follow
one law of N and C in all problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.numbers import ONE, Interval, Law, multiplier, number_in_words, simplest_law
from gradcheck.diagnosis.regions import halves
from gradcheck.report import FloatArray

#: Which entries of a problem: N x C truth values.
Where = Callable[[Case], BoolArray]
#: x, and how far off it may be: N x C each; None where labels of that kind have none.
Basis = Callable[[Case], tuple[FloatArray, FloatArray] | None]

_EPS = float(np.finfo(np.float64).eps)
#: Bounds are made for verdicts, which have a tolerance on top: by themselves they hold within this factor.
_SLACK = 10.0
#: Rounding of what is computed here, relative to the problem's largest number.
_ROUNDING = 64 * _EPS
#: A number below this many times its bound is not significant.
_SIGNIFICANT = 8.0


@dataclass(frozen=True)
class Fit:
    """A coefficient that holds in every known entry of some.

    Attributes:
        law: of the coefficient.
        entries: known entries in which it holds.
        significant: for each problem, N x C, the entries that determine it.
    """

    law: Law
    entries: int
    significant: tuple[BoolArray, ...]

    @property
    def rows(self) -> int:
        """Rows of all problems with a significant entry."""
        return sum(int(np.count_nonzero(each.any(axis=1))) for each in self.significant)


def everywhere(seen: Case) -> BoolArray:
    """Every entry."""
    return np.ones(seen.S.shape, dtype=bool)


def factor_fit(evidence: Evidence, where: Where = everywhere) -> Fit | None:
    """The law of c in dS = c n.

    Args:
        evidence: all problems, right ones too.
        where: the entries that count.

    Returns:
        None where there is no such law, or too few entries are significant: any law but 1 and -1 takes two rows.
    """
    intervals = [factor_at(evidence, seen, where(seen)) for seen in evidence.observations]
    significant = tuple(
        where(seen) & seen.known & (np.abs(seen.numerical) > _SIGNIFICANT * seen.bounds)
        for seen in evidence.observations
    )
    fit = _fit(evidence, where, intervals, significant, classes=2)
    if fit is None or sum(int(each.sum()) for each in significant) < 2:
        return None
    is_unit = fit.law.size.is_one
    off = zip(evidence.observations, off_by(evidence, fit.law), strict=True)
    return None if (fit.rows < 2 and not is_unit) or any(np.any(where(seen) & each) for seen, each in off) else fit


def factor_at(evidence: Evidence, seen: Case, where: BoolArray) -> Interval | None:
    """All c with dS = c n in the known entries of one problem; None where there is no such c."""
    chosen = where & seen.known
    n, a = seen.numerical[chosen], seen.analytic[chosen]
    rounding = (evidence.rtol + 4 * _EPS) * np.abs(a)
    return multiplier(n, a, seen.granted[chosen] + rounding, seen.bounds[chosen])


def off_by(evidence: Evidence, factor: Law) -> Iterator[BoolArray]:
    """For each problem, N x C: known entries in which dS is not the numerical gradient times a law."""
    for seen in evidence.observations:
        c = factor.at(seen.rows, seen.classes)
        yield ~evidence.same(seen, seen.analytic, c * seen.numerical, c)


def likely_factors(evidence: Evidence) -> list[Law]:
    """The laws of c with dS = c n in a half of dS; where something else is wrong in one region, c is among them."""
    found = [factor_fit(evidence, half) for half in halves(evidence.observations)]
    return list(dict.fromkeys(fit.law for fit in found if fit and not (fit.law.is_zero or fit.law.is_free)))


def term_fit(evidence: Evidence, basis: Basis, factor: Law = ONE, where: Where = everywhere) -> Fit | None:
    """The law of d in dS = c n + d x.

    Args:
        evidence: all problems, right ones too.
        basis: x; an entry where it is not finite does not count.
        factor: the law of c.
        where: the entries that count.

    Returns:
        None where there is no such law, or it is 0.
    """
    intervals, significant = [], []
    for seen in evidence.observations:
        c = factor.at(seen.rows, seen.classes)
        values = basis(seen)
        if values is None:
            return None
        x, error = (np.broadcast_to(each, seen.S.shape) for each in values)
        chosen = where(seen) & seen.known & np.isfinite(x)
        target, scaled = seen.analytic - c * seen.numerical, np.abs(c * seen.numerical)
        largest = max(float(np.abs(seen.analytic).max()), float(scaled[chosen].max(initial=0.0)))
        slack = _SLACK * (abs(c) * seen.bounds + seen.granted) + _ROUNDING * largest
        intervals.append(multiplier(x[chosen], target[chosen], slack[chosen], _SLACK * error[chosen]))
        significant.append(chosen & (np.abs(target) > _SIGNIFICANT * slack))
    fit = _fit(evidence, where, intervals, tuple(significant), classes=1)
    return None if fit is None or fit.law.is_zero else fit


def _fit(
    evidence: Evidence,
    where: Where,
    intervals: list[Interval | None],
    significant: tuple[BoolArray, ...],
    classes: int,
) -> Fit | None:
    observations = evidence.observations
    known = [(seen.rows, seen.classes, each) for seen, each in zip(observations, intervals, strict=True) if each]
    law = simplest_law(known, classes=classes) if len(known) == len(observations) else None
    entries = sum(int((where(seen) & seen.known).sum()) for seen in observations)
    return None if law is None else Fit(law, entries, significant)


def how_many(entries: int, evidence: Evidence) -> str:
    """``in all 120 entries``, or ``in all 113 entries that have a derivative`` where that is not all of them."""
    total = sum(seen.S.size for seen in evidence.observations)
    return f"in all {entries} entries" if entries == total else f"in all {entries} entries that have a derivative"


def factors_by_size(evidence: Evidence) -> dict[int, float]:
    """c in dS = c n at each batch size, in rising order; empty where at some size there is none, or one problem."""
    found = {}
    for size in sorted({seen.rows for seen in evidence.observations}):
        there = tuple(seen for seen in evidence.observations if seen.rows == size)
        fit = factor_fit(replace(evidence, observations=there))
        if fit is None or sum(bool(each.any()) for each in fit.significant) < 2:
            return {}
        found[size] = fit.law.at(size, there[0].classes)
    return found


def factors_in_words(by_size: dict[int, float]) -> str:
    """What dS is at each batch size.

    Example:
        >>> factors_in_words({1: 2.0, 3: 0.5, 8: 0.0})
        '2 times the numerical gradient at N = 1, 1/2 times at N = 3, 0 times at N = 8'
    """
    sizes: dict[str, list[str]] = {}
    for size, factor in by_size.items():
        sizes.setdefault(number_in_words(factor, 1e-7 * abs(factor)), []).append(str(size))
    said = [f"{number} times at N = {', '.join(each)}" for number, each in sizes.items()]
    return ", ".join(said).replace(" times", " times the numerical gradient", 1)
