"""dS is wrong in one region only, or in two; or it is a multiple of the gradient around one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeGuard

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
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
_MORE_DEFECTS = ": more than one defect is at work"

_HINTS = {
    "label-column": "look at what is added to or assigned in dS[i, y[i]]: its count, its sign, before or after the 1/N",
    "other-columns": "look at what the columns j != y are filled with; the label's own is right",
    "one-class": "look at loops over classes (where they begin and end), and for a class that is left out or weighted",
    "one-row": "look at loops over rows (where they begin and end), and for an index left over from one",
}
#: Codes of the findings that a region gives.
CODES = tuple(_HINTS)


def places(evidence: Evidence) -> Iterator[Finding]:
    """Every wrong entry of every problem is in one region, or in two, and not by coincidence.

    Entries of it that are right do not contradict this: the gradient may be 0 there.
    """
    wrong = [seen.wrong for seen in evidence.observations]
    if sum(int(each.sum()) for each in wrong) < _OF_ITS_OWN:
        return
    likely = list(_likely(evidence, wrong))
    pair = None if likely else _two(evidence, wrong)
    if likely:
        region = min(likely)[2]
        yield _finding(evidence, region, wrong, "", _relation(evidence, region.of))
    for this, other in (pair, pair[::-1]) if pair else ():
        there = _relation(evidence, _without(this, other))
        yield _finding(evidence, this, wrong, f"in {other.words(evidence.observations)}", there)


def two_defects(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n outside of one region, with a law of c that is not 1, and not in it: both are named."""
    found: list[tuple[float, int, Region, Fit]] = []
    for law in likely_factors(evidence):
        for odds, _, region in () if law.is_one else _likely(evidence, list(off_by(evidence, law))):
            fit = factor_fit(evidence, region.outside)
            if fit is not None and fit.law == law and fit.rows >= _ROWS:
                found.append((odds, len(found), region, fit))
    if not found:
        return []
    _, _, region, fit = min(found)
    words = region.words(evidence.observations)
    where = f"in all {fit.entries} entries outside of {words}, where something else is wrong"
    elsewhere = f"{fit.law} times the numerical gradient everywhere else"
    there = _relation(evidence, region.of)
    place = _finding(evidence, region, list(off_by(evidence, fit.law)), elsewhere, there)
    return [*factor_findings(fit.law, where, _MORE_DEFECTS), place]


def _likely(evidence: Evidence, off: Masks) -> Iterator[tuple[float, int, Region]]:
    """The regions that hold entries, and not by coincidence, each with its chance and its place in the order."""
    for k, region in enumerate(covering(evidence.observations, off)):
        odds = log_chance(region, evidence.observations, off)
        if odds > _CHANCE and not region.needs_labels and _relation_in(evidence, region.of):
            odds += _CHANCE_OF_A_RELATION
        if odds <= (_CHANCE_OF_LABELS if region.needs_labels else _CHANCE):
            yield odds, k, region


def _without(region: Region, other: Region) -> Where:
    return lambda seen: region.of(seen) & other.outside(seen)


def _two(evidence: Evidence, wrong: Masks) -> tuple[Region, Region] | None:
    """The two regions that hold all wrong entries, each with some of its own; the smallest of such pairs."""
    observations = evidence.observations
    found: list[tuple[int, int, tuple[Region, Region]]] = []
    for one in regions_at(observations, wrong):
        rest = [each & one.outside(seen) for seen, each in zip(observations, wrong, strict=True)]
        for other in covering(observations, rest):
            if _is_needed(evidence, wrong, one, other) and _is_needed(evidence, wrong, other, one):
                size = sum(int((one.of(seen) | other.of(seen)).sum()) for seen in observations)
                found.append((size, len(found), (one, other)))
    return min(found)[2] if found else None


def _is_needed(evidence: Evidence, wrong: Masks, region: Region, beside: Region) -> bool:
    """Whether a region has wrong entries that another one has not, and not by coincidence."""
    own = zip(evidence.observations, wrong, strict=True)
    count = sum(int((each & _without(region, beside)(seen)).sum()) for seen, each in own)
    return count >= _OF_ITS_OWN and log_chance(region, evidence.observations, wrong, beside) <= _CHANCE


def _finding(evidence: Evidence, region: Region, off: Masks, beside: str, there: str) -> Finding:
    """A finding that names a region, what else is at work, and what dS is there."""
    inside = [region.of(seen) for seen in evidence.observations]
    count = sum(int((each & there).sum()) for each, there in zip(off, inside, strict=True))
    message = f"dS is wrong {'' if beside else 'only '}in {region.words(evidence.observations)}, {count} of "
    message += f"{sum(int(each.sum()) for each in inside)} entries"
    message += f", and {beside}{_MORE_DEFECTS}" if beside else ""
    return Finding(region.code, "error", f"{message}; {there}" if there else message, _HINTS[region.code])


# --- what dS is there -------------------------------------------------------------------------------------


def _relation(evidence: Evidence, where: Where) -> str:
    """What dS is in some entries of all problems, or else in those of them that are wrong; empty for nothing simple."""
    there = _relation_in(evidence, where)
    wrong = "" if there else _relation_in(evidence, lambda seen: where(seen) & seen.wrong)
    return f"there {there}" if there else f"where it is wrong, {wrong}" if wrong else ""


def _relation_in(evidence: Evidence, where: Where) -> str:
    factor = factor_fit(evidence, where)
    if _is_determined(factor, 1) and not factor.law.is_one:
        return "dS = 0" if factor.law.is_zero else f"dS = {factor.law} times the numerical gradient"
    level = term_fit(evidence, _one, Law.simple(0), where)
    if _is_determined(level):
        return f"dS = {level.law}"
    offset = term_fit(evidence, _one, where=where)
    if _is_determined(offset):
        plus = "minus" if offset.law.constant < 0 else "plus"
        return f"dS is the numerical gradient {plus} {offset.law.size}"
    undivided = term_fit(evidence, _one_less_one_nth, where=where)
    if _is_determined(undivided) and not undivided.law.rows:
        return f"dS has {undivided.law} where {undivided.law}/N belongs"
    return ""


def _is_determined(fit: Fit | None, least: int = 2) -> TypeGuard[Fit]:
    return fit is not None and fit.rows >= (_ROWS if fit.law.is_free else least)


def _one(seen: Case) -> tuple[FloatArray, FloatArray]:
    return np.ones(seen.S.shape), np.zeros(seen.S.shape)


def _one_less_one_nth(seen: Case) -> tuple[FloatArray, FloatArray]:
    """1 - 1/N, by which k is larger than k/N."""
    return np.full(seen.S.shape, 1 - 1 / seen.rows), np.zeros(seen.S.shape)
