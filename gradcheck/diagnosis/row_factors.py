"""dS is the numerical gradient times factors: one for each label, class, place in the batch, batch, or row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.conditions import NUMBERS
from gradcheck.diagnosis.fits import factor_at, significant
from gradcheck.diagnosis.numbers import Interval, constant_law
from gradcheck.report import Finding

#: Entries that must determine factors, beside two of each; and rows, beside the first with each factor.
_ENTRIES, _ROWS = 4, 3
#: A factor is known within this part of 1, and so many are shown.
_KNOWN, _SHOWN = 1e-3, 5
#: Factors that are nearer to 1 than this many times the tolerance may be anything else as well.
_NEAR_ONE = 10.0
_WEIGHTS = "look for weights of this kind that only one of the value and dS has, or has twice"
_OUTER = (
    "look for what multiplies whole rows: a weight, a norm, a sum over the batch, or an outer function's derivative"
)
_SIZE, _BATCH, _OWN = "batch size", "batch", "row of all batches"
#: What has a factor, the hint, and its number, which broadcasts to N x C; NaN where there is none.
_GROUPS: dict[str, tuple[str, Callable[[Case], Any]]] = {
    _SIZE: ("", lambda seen: seen.rows),
    **{thing: (_WEIGHTS, of) for thing, of in NUMBERS.items()},
    _BATCH: (_OUTER, id),
    _OWN: (_OUTER, lambda seen: id(seen) + np.arange(seen.rows)[:, np.newaxis]),
}


def weights(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n, with a c of each label, of each class or of each place in the batch."""
    yield from _grouped(evidence, "label", "class", "row")


def row_factors(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n, with a c of each batch, or of each row of all batches."""
    yield from _grouped(evidence, _BATCH, _OWN)


def _grouped(evidence: Evidence, *things: str) -> Iterator[Finding]:
    """One c of each group, several of which are not 1; those that follow from N are left to ``batch_size``."""
    for thing in (_SIZE, *things):
        hint, of = _GROUPS[thing]
        factors = _factors(evidence, thing, of)
        off = [each for each in factors.values() if abs(each.middle - 1) > _NEAR_ONE * evidence.rtol]
        if not off:
            continue
        if thing != _SIZE and max(each.low for each in off) > min(each.high for each in off):
            middles = [each.middle for each in off]
            said = f"from {min(middles):.6g} to {max(middles):.6g}"
            if thing in NUMBERS:
                shown = [f"{constant_law(each)} for {thing} {key:g}" for key, each in list(factors.items())[:_SHOWN]]
                said = ", ".join(shown) + ", ..." * (len(factors) > _SHOWN)
            message = f"dS is the numerical gradient times a factor of each {thing}: {said}"
            yield Finding("row-factor", "error", message, hint)
        return


def _factors(evidence: Evidence, thing: str, of: Callable[[Case], Any]) -> dict[float, Interval]:
    """The factor of each group, over all problems; empty where one has none, or they are not well determined."""
    factors: dict[float, Interval] = {}
    rows = entries = 0
    for seen in evidence.observations:
        numbers = np.broadcast_to(of(seen), seen.S.shape)
        if np.isnan(numbers).any():
            return {}
        for group in np.unique(numbers).tolist():
            chosen = seen.known & (numbers == group)
            factor, so_far = factor_at(evidence, seen, chosen), factors.get(group, Interval())
            if factor is None or max(factor.low, so_far.low) > min(factor.high, so_far.high):
                return {}
            if factor.radius <= _KNOWN * max(1.0, abs(factor.middle)):
                factors[group] = Interval(max(factor.low, so_far.low), min(factor.high, so_far.high))
                determined = significant(seen) & chosen
                entries += int(np.count_nonzero(determined))
                rows += int(np.count_nonzero(determined.any(axis=1)))
    is_enough = entries - 2 * len(factors) >= _ENTRIES and (thing == _OWN or rows - len(factors) >= _ROWS)
    return dict(sorted(factors.items())) if is_enough else {}
