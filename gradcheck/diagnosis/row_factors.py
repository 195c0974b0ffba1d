"""dS is the numerical gradient times factors: one for each label, class, place in the batch, batch, or row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.fits import factor_at, significant
from gradcheck.diagnosis.known import labels_of
from gradcheck.diagnosis.numbers import Interval, constant_law
from gradcheck.report import Finding

#: Entries that must determine factors, beside two of each; and rows, beside the first with each factor.
_ENTRIES, _ROWS = 4, 3
#: A factor is known within this part of 1, and so many are shown.
_KNOWN, _SHOWN = 1e-3, 5
_SIZE, _OWN = "batch size", "row "
#: What has a factor, the hint, and its number, N x C or what broadcasts to it; None where there is none.
_GROUPS: tuple[tuple[str, str, Callable[[Case], Any]], ...] = (
    (_SIZE, "", lambda seen: seen.rows),
    ("label", "look for class weights that only one of the value and dS has, or has twice",
     lambda seen: None if (labels := labels_of(seen)) is None else labels[:, np.newaxis]),
    ("class", "look for weights of the classes that only one of the value and dS has, or has twice",
     lambda seen: np.arange(seen.classes)),
    ("row", "look for weights of the rows that only one of the value and dS has, or has twice",
     lambda seen: np.arange(seen.rows)[:, np.newaxis]),
    ("batch", "look at what each of the two is divided by: a sum of weights, a norm or a count over the batch", id),
    (_OWN, "look for what multiplies the whole row: a weight, a norm, or the derivative of an outer function",
     lambda seen: id(seen) + np.arange(seen.rows)[:, np.newaxis]),
)  # fmt: skip


def weights(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n, with a c of each label, of each class or of each place in the batch."""
    yield from _grouped(evidence, "label", "class", "row")


def row_factors(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n, with a c of each batch, or of each row of all batches."""
    yield from _grouped(evidence, "batch", _OWN)


def _grouped(evidence: Evidence, *things: str) -> Iterator[Finding]:
    """One c of each group, several of which are not 1; those that follow from N are left to ``batch_size``."""
    for thing, hint, of in [each for each in _GROUPS if each[0] in (_SIZE, *things)]:
        factors = _factors(evidence, thing, of)
        if not factors:
            continue
        off = [each for each in factors.values() if not each.low <= 1 <= each.high]
        if thing == _SIZE or not off or max(each.low for each in off) <= min(each.high for each in off):
            return
        shown = [f"{constant_law(each)} for {thing} {key}" for key, each in list(factors.items())[:_SHOWN]]
        said = ", ".join(shown) + ", ..." * (len(factors) > _SHOWN)
        if thing in ("batch", _OWN):
            said = f"from {min(each.middle for each in off):.3g} to {max(each.middle for each in off):.3g}"
        message = f"dS is the numerical gradient times a factor of each {thing.strip()}: {said}"
        yield Finding("row-factor", "error", message, hint)
        return


def _factors(evidence: Evidence, thing: str, of: Callable[[Case], Any]) -> dict[int, Interval]:
    """The factor of each group, over all problems; empty where one has none, or they are not well determined."""
    found: dict[int, list[Interval]] = {}
    rows = entries = 0
    for seen in evidence.observations:
        groups = of(seen)
        if groups is None:
            return {}
        numbers = np.broadcast_to(groups, seen.S.shape)
        for group in np.unique(numbers).tolist():
            chosen = seen.known & (numbers == group)
            factor = factor_at(evidence, seen, chosen)
            if factor is None:
                return {}
            if factor.radius <= _KNOWN * max(1.0, abs(factor.middle)):
                found.setdefault(group, []).append(factor)
                determined = significant(seen) & chosen
                entries += int(np.count_nonzero(determined))
                rows += int(np.count_nonzero(determined.any(axis=1)))
    factors = {k: Interval(max(i.low for i in each), min(i.high for i in each)) for k, each in sorted(found.items())}
    is_one = all(each.low <= each.high for each in factors.values())
    enough = entries - 2 * len(factors) >= _ENTRIES and (thing == _OWN or rows - len(factors) >= _ROWS)
    return factors if is_one and enough else {}
