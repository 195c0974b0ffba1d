"""Regions of dS that one slip may spoil: the label's column, the other columns, a class, a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradcheck.checking.case import BoolArray, Case

#: For each problem, N x C truth values.
Masks = Sequence[BoolArray]


@dataclass(frozen=True)
class Region:
    """The same place in every problem.

    Attributes:
        code: of the finding that names it.
        index: of the class or the row, from the front; negative, from the back.
    """

    code: str
    index: int = 0

    @property
    def needs_labels(self) -> bool:
        return self.code in ("label-column", "other-columns")

    @property
    def axis(self) -> int:
        return 0 if self.code == "one-row" else 1

    def of(self, seen: Case) -> BoolArray:
        """N x C truth values; none of them true where there is no such class or row."""
        if self.needs_labels:
            assert seen.at_label is not None
            return seen.at_label if self.code == "label-column" else ~seen.at_label
        entries = np.zeros(seen.S.shape, dtype=bool)
        if -seen.S.shape[self.axis] <= self.index < seen.S.shape[self.axis]:
            entries[(self.index, slice(None)) if self.axis == 0 else (slice(None), self.index)] = True
        return entries

    def outside(self, seen: Case) -> BoolArray:
        """All other entries of a problem."""
        return ~self.of(seen)

    def alternatives(self, observations: Sequence[Case]) -> int:
        """How many regions of the kind would have been named as readily: the first or the last, or any."""
        if self.needs_labels:
            return 1
        sizes: set[int] = {seen.S.shape[self.axis] for seen in observations}
        is_at_an_end = self.index in (0, -1) or sizes == {self.index + 1}
        most = max(sizes)
        return min(2, most) if is_at_an_end else most

    def words(self, observations: Sequence[Case]) -> str:
        """The place in a few words, after "in"."""
        if self.needs_labels:
            is_label = self.code == "label-column"
            return "the label's column (j = y)" if is_label else "the columns of the other classes (j != y)"
        sizes = {seen.S.shape[self.axis] for seen in observations}
        thing = "row" if self.axis == 0 else "class"
        if self.index >= 0:
            return f"{thing} {self.index}{', the last' if sizes == {self.index + 1} and self.index else ''}"
        return f"the last {thing}" if self.index == -1 else f"{thing} {self.index}, counted from the back"


def covering(observations: Sequence[Case], off: Masks) -> list[Region]:
    """The regions that all of some entries are in, those that people mean more often first."""
    regions = regions_at(observations, off)
    pairs = list(zip(observations, off, strict=True))
    return [region for region in regions if not any(np.any(each & ~region.of(seen)) for seen, each in pairs)]


def regions_at(observations: Sequence[Case], off: Masks) -> list[Region]:
    """The regions that the first of some entries is in: where all sizes are the same, counted from the front alone."""
    first = next((k for k, each in enumerate(off) if each.any()), None)
    if first is None:
        return []
    seen = observations[first]
    row, column = (int(i) for i in np.argwhere(off[first])[0])
    found = []
    if all(each.at_label is not None for each in observations):
        assert seen.at_label is not None
        found.append(Region("label-column" if seen.at_label[row, column] else "other-columns"))
    for code, axis, index in (("one-class", 1, column), ("one-row", 0, row)):
        found.append(Region(code, index))
        if len({each.S.shape[axis] for each in observations}) > 1:
            found.append(Region(code, index - seen.S.shape[axis]))
    return found


def halves(observations: Sequence[Case]) -> Iterator[Callable[[Case], BoolArray]]:
    """Parts of dS of which at least one lies outside of any region.

    Beside the label's column and the others, every second class or row, counted from the front and from the back: no
    class or row is both odd and even.
    """
    if all(seen.at_label is not None for seen in observations):
        yield Region("other-columns").of
        yield Region("label-column").of
    for axis in (1, 0):
        for step in (1, -1):
            for parity in (0, 1):
                yield partial(_every_second, axis, step, parity)


def _every_second(axis: int, step: int, parity: int, seen: Case) -> BoolArray:
    chosen = np.arange(seen.S.shape[axis])[::step] % 2 == parity
    return np.asarray(np.broadcast_to(chosen if axis else chosen[:, np.newaxis], seen.S.shape))


def log_chance(region: Region, observations: Sequence[Case], off: Masks, beside: Region | None = None) -> float:
    """The logarithm of how likely entries of the same rows, drawn at random, would all be in a region of its kind.

    In a row with w such entries of C, of which the region has r, that is (r choose w) / (C choose w); rows are drawn
    one by one. Where the region is a row, rows take the place of entries. The probability is multiplied by the number
    of regions of that kind.

    Args:
        region: holds all entries of ``off``.
        observations: all problems.
        off: the entries.
        beside: entries in this region do not count.

    Returns:
        At most 0.
    """
    log = 0.0
    for seen, each in zip(observations, off, strict=True):
        counted = np.ones(seen.S.shape, dtype=bool) if beside is None else beside.outside(seen)
        inside, off_there = region.of(seen) & counted, each & counted
        if region.axis == 0:
            log += _log_share(*(int(mask.any(axis=1).sum()) for mask in (inside, counted, off_there)))
        else:
            for r, C, w in zip(inside.sum(axis=1), counted.sum(axis=1), off_there.sum(axis=1), strict=True):
                log += _log_share(int(r), int(C), int(w))
    return min(0.0, log + math.log(region.alternatives(observations)))


def _log_share(r: int, C: int, w: int) -> float:
    return -math.inf if w > r else _log_choose(r, w) - _log_choose(C, w)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
