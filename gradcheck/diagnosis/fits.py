"""dS as a multiple of something known: the coefficients of dS = c n + d x, n the numerical gradient, over all problems.

Each entry gives an interval for the coefficient; those of a problem are intersected, and the coefficient has to follow
one law of N and C in all problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.numbers import ONE, Interval, Law, multiplier, simplest_law
from gradcheck.report import Finding, FloatArray

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
    """A coefficient's law, and how many known entries it holds in."""

    law: Law
    entries: int
    significant: tuple[BoolArray, ...]  #: for each problem, N x C, the entries that determine it

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
    evidence: Evidence, where: Where, intervals: list[Interval | None], significant: tuple[BoolArray, ...], classes: int
) -> Fit | None:
    """One law through the intervals of all problems."""
    observations = evidence.observations
    known = [(seen.rows, seen.classes, each) for seen, each in zip(observations, intervals, strict=True) if each]
    law = simplest_law(known, classes=classes) if len(known) == len(observations) else None
    entries = sum(int((where(seen) & seen.known).sum()) for seen in observations)
    return None if law is None else Fit(law, entries, significant)


def how_many(entries: int, evidence: Evidence) -> str:
    """``in all 120 entries``, or ``in all 113 entries that have a derivative`` where that is not all of them."""
    total = sum(seen.S.size for seen in evidence.observations)
    return f"in all {entries} entries" if entries == total else f"in all {entries} entries that have a derivative"


# --- the words of findings ----------------------------------------------------------------------------------

#: Codes of the findings that a factor gives, the most surprising first.
CODES = ("sign-flipped", "missing-mean", "averaged-twice", "constant-factor")

_SIGN = "look for a minus that is lost or one too many, in dS or in the value"
_MISSING_MEAN = "divide dS by N once, as the value is"
_TWICE = "look for a second division by N on the way to dS, or for a sum in the value where a mean is meant"
_CONSTANT = (
    "look for a factor that only one of the two has: the 2 of a square, a weight, a temperature, a logarithm's base"
)
_CLASSES = "look for a mean over all N·C entries (np.mean, dS.size) in one of the two, and over the N rows in the other"
#: Smaller numbers are factors of other kinds than a batch size.
_SMALLEST_BATCH = 4


def factor_findings(law: Law, where: str, beside: str = "") -> list[Finding]:
    """All that is wrong with a factor: its sign, its power of N, what else there is; a finding for each.

    Args:
        law: of c in dS = c n.
        where: which entries, for example ``in all 45 entries``.
        beside: what else is to be said of them.

    Example:
        >>> [each.code for each in factor_findings(Law.simple(-2, rows=1), "in all 45 entries")]
        ['sign-flipped', 'missing-mean', 'constant-factor']
    """
    or_else = f" (or {law.alternative})" if law.alternative else ""
    said = f"dS = {law} times the numerical gradient {where}{or_else}{beside}"
    if law.is_zero:
        said = f"dS is 0 {where}, and the numerical gradient is not{beside}"
    told: list[tuple[str, str, str]] = []
    over_rows = "1/N" if abs(law.rows) == 1 else "1/N^2"
    if law.constant < 0:
        told.append(("sign-flipped", "" if law.constant == -1 and not law.rows else "its sign is wrong", _SIGN))
    if law.rows > 0:
        told.append(("missing-mean", f"dS lacks a {over_rows} that the value has", _MISSING_MEAN))
    if law.rows < 0:
        more = "dS is divided by N once more than the value" if law.rows == -1 else "dS has 1/N^2 more than the value"
        told.append(("averaged-twice", f"{more}, or the value is a sum where a mean is meant", _TWICE))
    if abs(law.constant) != 1 or law.classes:
        told.append(("constant-factor", *_constant(law)))
    return [Finding(code, "error", f"{said}: {tail}" if tail else said, hint) for code, tail, hint in told]


def _constant(law: Law) -> tuple[str, str]:
    if law.is_zero:
        return "", "look for where dS is filled: it is what it was made as"
    if law.classes:
        divided, other = ("dS", "the value") if law.classes < 0 else ("the value", "dS")
        return f"{divided} is divided by C, as a mean over all N·C entries is, and {other} is not", _CLASSES
    name = law.name.removeprefix("-")
    if name in ("log 2", "log 10"):
        return f"the value has a logarithm to base {name[4:]}, dS that of a natural one", _CONSTANT
    size = abs(law.fraction) ** -law.rows if law.fraction and abs(law.rows) == 1 else 0
    if size >= _SMALLEST_BATCH and size == int(size):  # N/B or B/N: where N is meant, the number B is written
        return f"as if the batch size were written as {size}", "take N from S.shape[0]"
    return "", _CONSTANT
