"""dS is wrong in one region only, or in two; or it is a multiple of the gradient around one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import Fit, Where, factor_fit, likely_factors, off_by, term_fit
from gradcheck.diagnosis.numbers import Law
from gradcheck.diagnosis.regions import Masks, Region, covering, log_chance, regions_at
from gradcheck.report import Finding, FloatArray

#: Where entries would all be in a region by coincidence no more often than this, it is none.
_CHANCE, _CHANCE_OF_LABELS = math.log(0.02), math.log(0.05)
#: That a simple relation holds in a region in which entries are wrong by coincidence is so unlikely at most.
_CHANCE_OF_A_RELATION = math.log(0.1)
#: Wrong entries that a region must have; where there are two, outside of the other one.
_OF_ITS_OWN = 2
#: Rows that must determine a factor around a region, and a number that is none of those that people write.
_ROWS = 3

_HINTS = {
    "label-column": "look at what is added to or assigned in dS[i, y[i]]: its count, its sign, before or after the 1/N",
    "other-columns": "look at what the columns j != y are filled with; the label's own is right",
    "one-class": "look at loops over classes (where they begin and end), and for a class that is left out or weighted",
    "one-row": "look at loops over rows (where they begin and end), and for an index left over from one",
}
#: Codes of the findings that a region gives.
CODES = tuple(_HINTS)


def places(evidence: Evidence) -> Iterable[Finding]:
    """Every wrong entry of every problem is in one region, or in two, and not by coincidence.

    Entries of it that are right do not contradict this: the gradient may be 0 there.
    """
    observations = evidence.observations
    wrong = [seen.wrong for seen in observations]
    if sum(int(each.sum()) for each in wrong) < _OF_ITS_OWN:
        return
    likely: list[tuple[float, int, Region]] = []
    for region in covering(observations, wrong):
        odds = log_chance(region, observations, wrong)
        if not _is_bound(region, odds) and not region.needs_labels and _relation_in(evidence, region.of):
            odds += _CHANCE_OF_A_RELATION
        if _is_bound(region, odds):
            likely.append((odds, len(likely), region))
    if likely:
        region = min(likely)[2]
        yield _place_finding(evidence, region, wrong, there=_relation(evidence, region.of))
        return
    pair = _two(evidence, wrong)
    for this, other in (pair, pair[::-1]) if pair else ():
        there = _relation(evidence, lambda seen, this=this, other=other: this.of(seen) & other.outside(seen))  # type: ignore[misc]
        yield _place_finding(evidence, this, wrong, f"in {other.words(observations)}", there)


def two_defects(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n outside of one region, with a law of c that is not 1, and not in it: both are named."""
    observations = evidence.observations
    likely: list[tuple[float, int, Region, Fit]] = []
    for law in dict.fromkeys(likely_factors(evidence)):
        off = list(off_by(evidence, law))
        for region in () if law.is_one else covering(observations, off):
            fit, odds = factor_fit(evidence, region.outside), log_chance(region, observations, off)
            if fit is not None and fit.law == law and fit.rows >= _ROWS and _is_bound(region, odds):
                likely.append((odds, len(likely), region, fit))
    if likely:
        _, _, region, fit = min(likely)
        where = f"in all {fit.entries} entries outside of {region.words(observations)}, where something else is wrong"
        yield from factor_findings(fit.law, where, ": more than one defect is at work")
        elsewhere = f"{fit.law} times the numerical gradient everywhere else"
        yield _place_finding(
            evidence, region, list(off_by(evidence, fit.law)), elsewhere, _relation(evidence, region.of)
        )


def _is_bound(region: Region, odds: float) -> bool:
    return odds <= (_CHANCE_OF_LABELS if region.needs_labels else _CHANCE)


def _two(evidence: Evidence, wrong: Masks) -> tuple[Region, Region] | None:
    """The two regions that hold all wrong entries, each with some of its own; the smallest of such pairs."""
    observations = evidence.observations
    found: list[tuple[int, int, tuple[Region, Region]]] = []
    for one in regions_at(observations, wrong):
        rest = [each & one.outside(seen) for seen, each in zip(observations, wrong, strict=True)]
        for other in covering(observations, rest):
            if _is_needed(observations, wrong, one, other) and _is_needed(observations, wrong, other, one):
                size = sum(int((one.of(seen) | other.of(seen)).sum()) for seen in observations)
                found.append((size, len(found), (one, other)))
    return min(found)[2] if found else None


def _is_needed(observations: Sequence[Case], wrong: Masks, region: Region, beside: Region) -> bool:
    """Whether a region has wrong entries that another one has not, and not by coincidence."""
    pairs = zip(observations, wrong, strict=True)
    own = sum(int((each & region.of(seen) & beside.outside(seen)).sum()) for seen, each in pairs)
    return own >= _OF_ITS_OWN and log_chance(region, observations, wrong, beside) <= _CHANCE


def _place_finding(evidence: Evidence, region: Region, off: Masks, beside: str = "", there: str = "") -> Finding:
    """A finding that names a region, what else is at work, and what dS is there."""
    observations = evidence.observations
    inside = [region.of(seen) for seen in observations]
    count = sum(int((each & there).sum()) for each, there in zip(off, inside, strict=True))
    message = f"dS is wrong {'' if beside else 'only '}in {region.words(observations)}, {count} of "
    message += f"{sum(int(each.sum()) for each in inside)} entries"
    message += f", and {beside}: more than one defect is at work" if beside else ""
    return Finding(region.code, "error", f"{message}; {there}" if there else message, _HINTS[region.code])


# --- what dS is there -------------------------------------------------------------------------------------


def _relation(evidence: Evidence, where: Where) -> str:
    """What dS is in some entries of all problems, or else in those of them that are wrong; empty for nothing simple."""
    there = _relation_in(evidence, where)
    if there:
        return f"there {there}"
    there = _relation_in(evidence, lambda seen: where(seen) & seen.wrong)
    return f"where it is wrong, {there}" if there else ""


def _relation_in(evidence: Evidence, where: Where) -> str:
    factor = factor_fit(evidence, where)
    if factor is not None and _is_telling(factor, 1) and not factor.law.is_one:
        return "dS = 0" if factor.law.is_zero else f"dS = {factor.law} times the numerical gradient"
    level = term_fit(evidence, _one, Law.simple(0), where)
    if level is not None and _is_telling(level):
        return f"dS = {level.law}"
    offset = term_fit(evidence, _one, where=where)
    if offset is not None and _is_telling(offset):
        plus = "minus" if offset.law.constant < 0 else "plus"
        return f"dS is the numerical gradient {plus} {offset.law.size}"
    undivided = term_fit(evidence, _one_less_one_nth, where=where)
    if undivided is not None and _is_telling(undivided) and not undivided.law.rows:
        return f"dS has {undivided.law} where {undivided.law}/N belongs"
    return ""


def _is_telling(fit: Fit, least: int = 2) -> bool:
    return fit.rows >= (_ROWS if fit.law.is_free else least)


def _one(seen: Case) -> tuple[FloatArray, FloatArray]:
    return np.ones(seen.S.shape), np.zeros(seen.S.shape)


def _one_less_one_nth(seen: Case) -> tuple[FloatArray, FloatArray]:
    """1 - 1/N, by which k is larger than k/N."""
    return np.full(seen.S.shape, 1 - 1 / seen.rows), np.zeros(seen.S.shape)
