"""Whether what is wrong stays where it is when rows, or classes, change their places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.laws import ONE, Law
from gradcheck.diagnosis.regions import Region
from gradcheck.errors import LossDefect, OutOfTime

#: Values that differ by more than this part are those of a loss to which it matters which row or class is which.
_SAME_VALUE = 1e-5
#: Problems that are tried of each size, and places that rows or classes are moved by.
_TRIES, _SHIFTS = 1, (1, 2)


def stays(evidence: Evidence, region: Region, factor: Law = ONE, beside: Region | None = None) -> bool | None:
    """Whether a class or a row is wrong for its place, and not for its scores.

    Rows are rolled, or classes with their labels; the numerical gradient of most losses rolls with them, and their
    value stays as it is. So one call tells whether what is wrong has moved. Two calls, at most, for each size.

    Args:
        evidence: all problems; every wrong entry is in the region.
        region: a class or a row.
        factor: of the numerical gradient, which entries that are not wrong are.
        beside: another place where entries may be wrong.

    Returns:
        None where that cannot be told.
    """
    tried: list[int] = []
    for seen in evidence.wrong:
        size = seen.rows if region.is_row else seen.classes
        if size == 1 or tried.count(size) >= _TRIES:
            continue
        tried.append(size)
        found = None
        for shift in _SHIFTS:
            if found is None and shift < size:
                found = _stays_at(evidence, region, seen, shift, factor, beside)
        if not found:
            return found
    return True if tried else None


def _stays_at(
    evidence: Evidence, region: Region, seen: Case, shift: int, factor: Law, beside: Region | None
) -> bool | None:
    axis = 0 if region.is_row else 1
    rolled = _rolled(seen, shift, axis)
    try:
        answer = evidence.ask.evaluate(rolled.S, rolled.y)
    except (Spent, LossDefect, OutOfTime):
        return None
    if not abs(answer.value - seen.value) <= _SAME_VALUE * abs(seen.value):
        return None
    c = factor.at(seen.rows, seen.classes)
    off = ~evidence.same(rolled, answer.gradient, c * rolled.numerical, c)
    if beside is not None:
        off &= ~beside.of(rolled)
    if not off.any():
        return None
    return not np.any(off & ~region.of(rolled))


def _rolled(seen: Case, shift: int, axis: int) -> Case:
    moved = {
        name: np.roll(getattr(seen, name), shift, axis)
        for name in ("S", "analytic", "numerical", "bounds", "granted", "verdicts", "kinked")
    }
    is_moved = axis == 0 or seen.y.ndim == 2
    labels = np.roll(seen.y, shift, axis) if is_moved else (seen.y + shift) % seen.classes
    return replace(seen, y=labels, lines=(), **moved)
