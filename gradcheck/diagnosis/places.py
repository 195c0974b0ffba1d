"""dS is wrong in one region only, or in two: the label's column, the other columns, a class, a row."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.factors import MORE_DEFECTS
from gradcheck.diagnosis.numbers import Law, Masks, Where, count, deviates, factor_fit, term_fit
from gradcheck.report import BoolArray, Finding, FloatArray

#: The largest log chance that a coincidence puts all wrong entries into a region; one of labels; makes a relation hold.
CHANCE, CHANCE_OF_LABELS, _CHANCE_OF_A_RELATION = math.log(0.02), math.log(0.05), math.log(0.1)
#: Wrong entries that a region must have, outside of another one, and rows that must determine a measured number.
_OF_ITS_OWN, _ROWS = 2, 3

_HINTS = {
    "label-column": "look at what is added to or assigned in dS[i, y[i]]: its count, its sign, before or after the 1/N",
    "other-columns": "look at what the columns j != y are filled with; the label's own is right",
    "one-class": "look at loops over classes (where they begin and end), and for a class that is left out or weighted",
    "one-row": "look at loops over rows (where they begin and end), and for an index left over from one",
}
#: Codes of the findings that a region gives.
CODES = tuple(_HINTS)


@dataclass(frozen=True)
class Region:
    """The same place in every problem."""

    code: str  #: of the finding that names it
    words: str  #: after "in"
    of: Where  #: none of its truth values is true where there is no such class or row
    alternatives: int = 1  #: how many regions of the kind would have been named as readily

    @property
    def is_of_labels(self) -> bool:
        return self.code in ("label-column", "other-columns")


def _at_label(seen: Case) -> BoolArray:
    assert seen.at_label is not None
    return seen.at_label


def _one(thing: str, axis: int, index: int, most: int) -> Region:
    """A class or a row of at most so many, by its index from the front; where that is negative, from the back."""

    def of(seen: Case) -> BoolArray:
        size = seen.S.shape[axis]
        along = np.arange(size) == (index if index >= 0 else size + index)
        return np.asarray(np.broadcast_to(along if axis else along[:, np.newaxis], seen.S.shape))

    words = f"the last {thing}" if index == -1 else f"{thing} {index}{', counted from the back' * (index < 0)}"
    return Region(f"one-{thing}", words, of, min(2, most) if index in (0, -1) else most)


def regions_at(observations: Sequence[Case], off: Masks) -> list[Region]:
    """The regions that the first of some entries is in, likely ones first; counted from the back if sizes differ."""
    first = next((k for k, each in enumerate(off) if each.any()), None)
    if first is None:
        return []
    seen, place, found = observations[first], np.argwhere(off[first])[0].tolist(), []
    if all(each.at_label is not None for each in observations):
        of_label = Region("label-column", "the label's column (j = y)", _at_label)
        others = "the columns of the other classes (j != y)"
        is_label = _at_label(seen)[tuple(place)]
        found.append(of_label if is_label else Region("other-columns", others, lambda seen: ~_at_label(seen)))
    for axis, thing in ((1, "class"), (0, "row")):
        sizes = {each.S.shape[axis] for each in observations}
        front, back = place[axis], place[axis] - seen.S.shape[axis]
        indices = (front, back) if len(sizes) > 1 else (-1 if front and back == -1 else front,)
        found += [_one(thing, axis, index, max(sizes)) for index in indices]
    return found


def covering(observations: Sequence[Case], off: Masks) -> list[Region]:
    """The regions that all of some entries are in, in the order of ``regions_at``."""
    pairs = list(zip(observations, off, strict=True))
    regions = regions_at(observations, off)
    return [region for region in regions if not any(np.any(each & ~region.of(seen)) for seen, each in pairs)]


def log_chance(region: Region, observations: Sequence[Case], off: Masks, beside: Region | None = None) -> float:
    """The logarithm of how likely entries of the same rows, drawn at random, would all be in a region of its kind.

    Of w entries in a row of C, r of them the region's, that is (r choose w) / (C choose w), times how many such regions
    there are; rows take the place of entries where the region is a row. Entries ``beside`` do not count.
    """
    log = math.log(region.alternatives)
    for seen, each in zip(observations, off, strict=True):
        counted = np.ones(seen.S.shape, dtype=bool) if beside is None else ~beside.of(seen)
        masks = np.array([region.of(seen) & counted, counted, each & counted])
        rows = masks.any(axis=2).sum(axis=1, keepdims=True) if region.code == "one-row" else masks.sum(axis=2)
        for r, C, w in rows.T.tolist():
            log += math.log(math.comb(r, w)) - math.log(math.comb(C, w)) if w <= r else -math.inf
    return min(0.0, log)


def places(evidence: Evidence) -> Iterator[Finding]:
    """Every wrong entry is in one region, or in two, and not by coincidence; of right ones the gradient may be 0."""
    wrong = [seen.wrong for seen in evidence.observations]
    if count(wrong) < _OF_ITS_OWN:
        return
    off = [deviates(evidence, seen) for seen in evidence.observations]
    likely = []  # with the chance of each, and its place in the order
    for k, region in enumerate(covering(evidence.observations, off)):
        odds = log_chance(region, evidence.observations, off)
        if odds > CHANCE and not region.is_of_labels and relation_in(evidence, region.of):
            odds += _CHANCE_OF_A_RELATION
        if odds <= (CHANCE_OF_LABELS if region.is_of_labels else CHANCE):
            likely.append((odds, k, region))
    if likely:
        region = min(likely)[2]
        yield _finding(evidence, region, relation(evidence, region.of))
        return
    pair = _two(evidence.observations, off)
    for this, other in (pair, pair[::-1]) if pair else ():
        there = relation(evidence, _without(this, other))
        yield _finding(evidence, this, there, f", and in {other.words}{MORE_DEFECTS}")


def _without(region: Region, other: Region) -> Where:
    return lambda seen: region.of(seen) & ~other.of(seen)


def _two(observations: Sequence[Case], off: Masks) -> tuple[Region, Region] | None:
    """The two regions that hold all wrong entries, each with some of its own; the smallest of such pairs."""

    def is_needed(region: Region, beside: Region) -> bool:
        own = count([each & _without(region, beside)(seen) for seen, each in zip(observations, off, strict=True)])
        return own >= _OF_ITS_OWN and log_chance(region, observations, off, beside) <= CHANCE

    found: list[tuple[int, int, Region, Region]] = []
    for one in regions_at(observations, off):
        rest = [each & ~one.of(seen) for seen, each in zip(observations, off, strict=True)]
        for other in covering(observations, rest):
            if one.code != other.code and is_needed(one, other) and is_needed(other, one):
                found.append((count([one.of(seen) | other.of(seen) for seen in observations]), len(found), one, other))
    return min(found)[2:] if found else None


def _finding(evidence: Evidence, region: Region, there: str, beside: str = "") -> Finding:
    """A finding that names a region, what dS is there, and what else is at work."""
    observations = evidence.observations
    inside = count([region.of(seen) for seen in observations])
    wrong = count([seen.wrong & region.of(seen) for seen in observations])
    which = _labels_of_wrong(observations, region) if region.is_of_labels and wrong < inside else ""
    message = f"dS is wrong {'' if beside else 'only '}in {region.words}{which}, {wrong} of {inside} entries"
    return Finding(region.code, "error", f"{message}{beside}{there and f'; {there}'}", _HINTS[region.code])


def _labels_of_wrong(observations: Sequence[Case], region: Region) -> str:
    """The labels of the rows in which a region of labels is wrong, if those of other rows differ, and not by chance."""
    rows: tuple[list[int], list[int]] = ([], [])  # labels of right ones, and of wrong ones
    for seen in observations:
        for i in np.flatnonzero((region.of(seen) & seen.known & ((seen.analytic != 0) | seen.wrong)).any(axis=1)):
            rows[bool((region.of(seen) & seen.wrong)[i].any())].append(int(seen.y[i]))
    right, wrong = map(set, rows)
    chance = len(right | wrong) * math.log(2) - math.log(math.comb(sum(map(len, rows)), len(rows[1])))
    if right & wrong or not right or chance > CHANCE_OF_LABELS:
        return ""
    return f", of rows with label {', '.join(map(str, sorted(wrong)))}"


def relation(evidence: Evidence, where: Where) -> str:
    """What dS is in some entries of all problems, or else in those of them that are wrong; empty for nothing simple."""
    there = relation_in(evidence, where)
    wrong = "" if there else relation_in(evidence, lambda seen: where(seen) & seen.wrong) or zeros(evidence.wrong)
    return f"there {there}" if there else f"where it is wrong, {wrong}" if wrong else ""


def zeros(wrong: Sequence[Any]) -> str:
    """Which of dS and the numerical gradient is 0 in all wrong entries of cases, or of inputs; empty for neither."""
    if not any(np.any(seen.analytic[seen.wrong]) for seen in wrong):
        return "dS = 0"
    is_flat = all(np.all(np.abs(seen.numerical) <= seen.bounds, where=seen.wrong) for seen in wrong)
    return "the numerical gradient is 0" if is_flat else ""


def relation_in(evidence: Evidence, where: Where) -> str:
    """The simplest of dS = c n, dS = d and dS = n + d that is determined there."""

    def one(seen: Case) -> tuple[FloatArray, FloatArray]:
        return np.ones(seen.S.shape), np.zeros(seen.S.shape)

    factor, level = factor_fit(evidence, where), term_fit(evidence, one, Law(0), where)
    if factor is not None and factor.rows >= (_ROWS if factor.law.is_free else 1) and not factor.law.is_one:
        return "dS = 0" if factor.law.k == 0 else f"dS = {factor.law} times the numerical gradient"
    for fit in (level, term_fit(evidence, one, where=where)):
        if fit is not None and fit.rows >= (_ROWS if fit.law.is_free else 2):
            sign = "minus" if fit.law.k < 0 else "plus"
            return f"dS = {fit.law}" if fit is level else f"dS is the numerical gradient {sign} {fit.law.size}"
    return ""
