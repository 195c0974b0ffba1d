"""Where dS is wrong: the one region, or the two, that hold every wrong entry of every problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.laws import ONE, Law
from gradcheck.diagnosis.regions import Entries, Region, candidates, covering, log_chance
from gradcheck.diagnosis.rolling import stays

#: Where as many wrong entries would all be in a region by chance no more often than this, they are not by chance.
_CHANCE = math.log(0.02)
#: Likewise, where columns of labels are all that wrong entries are in: nothing but more problems could bear that out.
_CHANCE_OF_LABELS = math.log(0.05)
#: Below this it is worth a call or two to find out.
_PERHAPS = math.log(0.2)
#: Regions whose chances differ by less are as likely as each other.
_ALIKE = math.log(20)
#: Wrong entries that a region must have; where there are two, outside of the other one.
_OF_ITS_OWN = 2


@dataclass(frozen=True)
class Placed:
    """A region beside what is wrong in it.

    Attributes:
        region: the region.
        wrong, entries: wrong entries in it, and all, over all problems.
    """

    region: Region
    wrong: int
    entries: int


def judged_wrong(seen: Case) -> BoolArray:
    """The entries that the verdicts call wrong."""
    return seen.wrong


def is_bound(
    evidence: Evidence, region: Region, wrong: Entries, factor: Law = ONE, beside: Region | None = None
) -> bool:
    """Whether wrong entries, which are all in a region, are wrong for being there, and not by chance.

    Args:
        evidence: all problems. Where chance is neither ruled out nor likely, a few calls are asked for.
        region: the region.
        wrong: the wrong entries.
        factor: of the numerical gradient, which entries that are not wrong are.
        beside: another place where entries may be wrong.
    """
    odds = log_chance(region, evidence.observations, wrong, outside=beside)
    if odds <= _CHANCE or odds > _PERHAPS:
        return odds <= _CHANCE
    return not region.needs_labels and bool(stays(evidence, region, factor, beside))


def told_apart(evidence: Evidence, likely: Sequence[tuple[float, Region]], factor: Law = ONE) -> Region:
    """Of regions that hold all wrong entries, that which would do so by chance the least often.

    Of those that are about as likely, the one that stays when rows or classes change places: a call or two.

    Args:
        evidence: all problems.
        likely: regions, each with its ``log_chance``; one at least.
        factor: of the numerical gradient, which entries that are not wrong are.
    """
    least = min(odds for odds, _ in likely)
    alike = [region for odds, region in sorted(likely, key=lambda each: each[0]) if odds < least + _ALIKE]
    moved = []
    for region in alike if len(alike) > 1 else ():
        if not region.needs_labels and not region.by_size:
            stands = stays(evidence, region, factor)
            if stands:
                return region
            if stands is False:
                moved.append(region)
    return next((region for region in alike if region not in moved), alike[0])


def placed(region: Region, observations: Sequence[Case], wrong: Entries) -> Placed:
    """A region with its counts."""
    inside = [region.of(seen) for seen in observations]
    amiss = sum(int((wrong(seen) & each).sum()) for seen, each in zip(observations, inside, strict=True))
    return Placed(region, amiss, sum(int(each.sum()) for each in inside))


def place(evidence: Evidence) -> tuple[Placed, ...]:
    """The region that holds every wrong entry, or the two; that which would do so by chance the least often.

    Args:
        evidence: all problems, right ones too. A few calls are asked for where chance is not ruled out, or where two
            regions do as well.

    Returns:
        One, two, or none.
    """
    seen = evidence.observations
    if sum(int(each.wrong.sum()) for each in seen) < _OF_ITS_OWN:
        return ()
    single = [(log_chance(region, seen, judged_wrong), region) for region in _single(evidence)]
    likely = [(odds, each) for odds, each in single if odds <= (_CHANCE_OF_LABELS if each.needs_labels else _CHANCE)]
    regions: Sequence[Region]
    if likely:
        regions = [told_apart(evidence, likely)]
    elif single:
        regions = [region for _, region in single if not region.needs_labels and stays(evidence, region)][:1]
    else:
        regions = _two(evidence)
    return tuple(placed(region, seen, judged_wrong) for region in regions)


def _single(evidence: Evidence) -> list[Region]:
    found = covering(evidence.observations, judged_wrong)
    if any(region.is_row for region in found):
        return found
    row_by_size: dict[int, int] = {}
    for seen in evidence.wrong:
        rows = np.flatnonzero(seen.wrong.any(axis=1)).tolist()
        if len(rows) > 1 or row_by_size.setdefault(seen.rows, rows[0]) != rows[0]:
            return found
    row_of = Region("one-row", by_size=tuple(sorted(row_by_size.items())))
    return [*found, row_of]


def _two(evidence: Evidence) -> tuple[Region, ...]:
    observations = evidence.observations
    first = next(seen for seen in observations if seen.is_wrong)
    row, column = (int(i) for i in np.argwhere(first.wrong)[0])
    labelled = all(seen.at_label is not None for seen in observations)
    found: list[tuple[int, int, tuple[Region, Region]]] = []
    for one in candidates(first, row, column):
        if one.needs_labels and not labelled:
            continue

        def rest(seen: Case, one: Region = one) -> BoolArray:
            return np.asarray(seen.wrong & ~one.of(seen))

        for other in covering(observations, rest):
            pair = (one, other)
            if all(_is_needed(evidence, a, b) for a, b in (pair, pair[::-1])):
                size = sum(int((one.of(seen) | other.of(seen)).sum()) for seen in observations)
                found.append((size, len(found), pair))
    return min(found)[2] if found else ()


def _is_needed(evidence: Evidence, region: Region, beside: Region) -> bool:
    """Whether a region has wrong entries that another one has not, and more than by chance."""
    own = sum(int((seen.wrong & region.of(seen) & ~beside.of(seen)).sum()) for seen in evidence.observations)
    return own >= _OF_ITS_OWN and is_bound(evidence, region, judged_wrong, beside=beside)
