"""dS as a multiple of something known: one law of N and C for the c or d of dS = c n + d x in all problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.numbers import ONE, Interval, Law, multiplier, simplest_law
from gradcheck.report import FloatArray

#: For each problem, N x C truth values.
Masks = Sequence[BoolArray]
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
#: Where a part of dS is right, it is so within this part of the tolerance.
_PART = 0.02


@dataclass(frozen=True)
class Fit:
    """A coefficient's law, and how many known entries it holds in."""

    law: Law
    entries: int
    significant: Masks  #: the entries that determine it

    @property
    def rows(self) -> int:
        """Rows of all problems with a significant entry."""
        return sum(int(np.count_nonzero(each.any(axis=1))) for each in self.significant)


def everywhere(seen: Case) -> BoolArray:
    """Every entry."""
    return np.ones(seen.S.shape, dtype=bool)


def count(masks: Masks) -> int:
    """How many entries of all problems."""
    return sum(int(np.count_nonzero(each)) for each in masks)


def factor_fit(evidence: Evidence, where: Where = everywhere) -> Fit | None:
    """The law of c in dS = c n in some entries; None where there is none, or too few are significant to be sure."""
    observations = evidence.observations
    chosen = [where(seen) & seen.known for seen in observations]
    pairs = list(zip(observations, chosen, strict=True))
    determined = [each & significant(seen) for seen, each in pairs]
    fit = _fit(evidence, chosen, [factor_at(evidence, *pair) for pair in pairs], determined, classes=2)
    is_enough = fit is not None and count(determined) > 1 and (fit.rows > 1 or fit.law.size.is_one)
    return fit if is_enough else None


def significant(seen: Case) -> BoolArray:
    """N x C, where the numerical gradient is known not to be 0."""
    return np.asarray(seen.known & (np.abs(seen.numerical) > _SIGNIFICANT * seen.bounds))


def deviates(evidence: Evidence, seen: Case) -> BoolArray:
    """N x C, where dS is wrong, or clearly off and yet within the tolerance: not at round scores, of kinks and ties."""
    apart, size = np.abs(seen.analytic - seen.numerical), np.maximum(np.abs(seen.analytic), np.abs(seen.numerical))
    beyond = np.maximum(_SLACK * (seen.bounds + seen.granted), _PART * evidence.rtol * size)
    return seen.wrong | (seen.known & (apart > beyond) & (not seen.is_round))


def factor_at(evidence: Evidence, seen: Case, chosen: BoolArray) -> Interval | None:
    """All c with dS = c n in some entries of one problem; None where there is no such c."""
    n, a = seen.numerical[chosen], seen.analytic[chosen]
    rounding = (evidence.rtol + 4 * _EPS) * np.abs(a)
    return multiplier(n, a, seen.granted[chosen] + rounding, seen.bounds[chosen])


def term_fit(evidence: Evidence, basis: Basis, factor: Law = ONE, where: Where = everywhere) -> Fit | None:
    """The law of d in dS = c n + d x in some entries; None where there is none, or it is 0.

    ``basis`` gives x, and entries where it is not finite do not count; ``factor`` is the law of c.
    """
    intervals, significant, known = [], [], [where(seen) & seen.known for seen in evidence.observations]
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
    fit = _fit(evidence, known, intervals, significant, classes=1)
    return None if fit is None or fit.law.k == 0 else fit


def _fit(
    evidence: Evidence, chosen: Masks, intervals: Sequence[Interval | None], significant: Masks, classes: int
) -> Fit | None:
    """One law through the intervals of all problems."""
    pairs = zip(evidence.observations, intervals, strict=True)
    known = [(seen.rows, seen.classes, each) for seen, each in pairs if each is not None]
    law = simplest_law(known, classes=classes) if len(known) == len(intervals) else None
    return None if law is None else Fit(law, count(chosen), significant)
