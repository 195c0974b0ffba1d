"""Places in dS that one slip may spoil: the label's column, the others, a class, a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from gradcheck.checking.case import BoolArray, Case

Kind = Literal["label-column", "other-columns", "one-class", "one-row"]
#: Entries of a problem, N x C.
Entries = Callable[[Case], BoolArray]


@dataclass(frozen=True)
class Region:
    """The same place in every problem.

    Attributes:
        kind: which; the code of the finding that names it.
        index: of the class or the row, from the front; negative, from the back.
        by_size: where the row is another one at each N: pairs of N and the row.
    """

    kind: Kind
    index: int = 0
    by_size: tuple[tuple[int, int], ...] = ()

    @property
    def needs_labels(self) -> bool:
        return self.kind in ("label-column", "other-columns")

    @property
    def is_row(self) -> bool:
        return self.kind == "one-row"

    def alternatives(self, observations: Sequence[Case]) -> int:
        """How many regions of the kind would have been named as readily."""
        if self.needs_labels:
            return 1
        sizes = {seen.rows if self.is_row else seen.classes for seen in observations}
        is_at_an_end = self.index in (0, -1) or sizes == {self.index + 1}
        return min(2, max(sizes)) if is_at_an_end else max(sizes)

    def of(self, seen: Case) -> BoolArray:
        """The place in one problem: N x C truth values; none of them where there is no such class or row."""
        entries = np.zeros(seen.S.shape, dtype=bool)
        if self.needs_labels:
            assert seen.at_label is not None
            return seen.at_label if self.kind == "label-column" else ~seen.at_label
        if self.by_size:
            entries[[row for size, row in self.by_size if size == seen.rows]] = True
            return entries
        size = seen.rows if self.is_row else seen.classes
        if -size <= self.index < size:
            entries[(self.index, slice(None)) if self.is_row else (slice(None), self.index)] = True
        return entries

    def outside(self, seen: Case) -> BoolArray:
        """All else in one problem."""
        return ~self.of(seen)

    def beyond(self, other: Region) -> Entries:
        """What of the place is not in another one."""
        return lambda seen: np.asarray(self.of(seen) & ~other.of(seen))

    def words(self, observations: Sequence[Case]) -> str:
        """The place in a few words, after "in".

        Args:
            observations: the problems that were tried.
        """
        if self.kind == "label-column":
            return "the label's column (j = y)"
        if self.kind == "other-columns":
            return "the columns of the other classes (j != y)"
        if self.by_size:
            return "one row, " + ", ".join(f"row {row} of {size}" for size, row in self.by_size if size > 1)
        sizes = {seen.rows if self.is_row else seen.classes for seen in observations}
        thing = "row" if self.is_row else "class"
        if self.index >= 0:
            last = ", the last" if sizes == {self.index + 1} and self.index else ""
            return f"{thing} {self.index}{last}"
        if len(sizes) == 1:
            return f"{thing} {sizes.pop() + self.index}{', the last' if self.index == -1 else ''}"
        return f"the last {thing}" if self.index == -1 else f"{thing} {self.index}, counted from the back"


def candidates(seen: Case, row: int, column: int) -> Iterator[Region]:
    """Every region that one entry of a problem is in, those that people mean more often first."""
    if seen.at_label is not None:
        yield Region("label-column" if seen.at_label[row, column] else "other-columns")
    yield Region("one-class", column)
    yield Region("one-class", column - seen.classes)
    yield Region("one-row", row)
    yield Region("one-row", row - seen.rows)


def halves(observations: Sequence[Case]) -> Iterator[Entries]:
    """Parts of dS, a few, of which one at least lies outside of any region.

    Beside the label's column and the others, every second class or row, counted from the front and from the back: no
    class or row is both odd and even.
    """
    if all(seen.at_label is not None for seen in observations):
        yield Region("other-columns").of
        yield Region("label-column").of
    for axis in (1, 0):
        for from_back in (False, True):
            for parity in (0, 1):
                yield partial(_every_second, axis, from_back, parity)


def _every_second(axis: int, from_back: bool, parity: int, seen: Case) -> BoolArray:
    index = np.arange(seen.S.shape[axis])
    chosen = (index[::-1] if from_back else index) % 2 == parity
    return np.asarray(np.broadcast_to(chosen if axis else chosen[:, np.newaxis], seen.S.shape))


def covering(observations: Sequence[Case], wrong: Entries) -> list[Region]:
    """The regions that all of some entries are in.

    Args:
        observations: all problems.
        wrong: the entries.

    Returns:
        Each once: where the classes of all problems are as many, or their rows, they are counted from the front.
    """
    first = next((seen for seen in observations if wrong(seen).any()), None)
    if first is None:
        return []
    row, column = (int(i) for i in np.argwhere(wrong(first))[0])
    labelled = all(seen.at_label is not None for seen in observations)
    found = []
    for region in candidates(first, row, column):
        if region.needs_labels and not labelled:
            continue
        if region.index < 0 and len({seen.rows if region.is_row else seen.classes for seen in observations}) == 1:
            continue
        if all(not np.any(wrong(seen) & ~region.of(seen)) for seen in observations):
            found.append(region)
    return found


def log_chance(region: Region, observations: Sequence[Case], wrong: Entries, outside: Region | None = None) -> float:
    """The logarithm of how likely entries of the same rows, drawn at random, would all be in a region of its kind.

    In a row with w wrong entries of C, of which a region has r, that is (r choose w) / (C choose w); rows are drawn
    one by one. In the place of entries stand rows where the region is a row. Any class would do as well, and any row:
    as many regions as there are of that kind share in the chance, or two, the first and the last.

    Args:
        region: which all of the wrong entries are in.
        observations: all problems.
        wrong: their wrong entries.
        outside: entries in this region do not count.

    Returns:
        At most 0; 0 for a row that is another one at each N, for that was chosen to hold them.
    """
    if region.by_size:
        return 0.0
    log = 0.0
    for seen in observations:
        counted = np.ones(seen.S.shape, dtype=bool) if outside is None else ~outside.of(seen)
        entries, inside = wrong(seen) & counted, region.of(seen) & counted
        if region.is_row:
            log += _log_share(*(int(each.any(axis=1).sum()) for each in (inside, counted, entries)))
        else:
            for r, C, w in zip(inside.sum(axis=1), counted.sum(axis=1), entries.sum(axis=1), strict=True):
                log += _log_share(int(r), int(C), int(w))
    return min(0.0, log + math.log(region.alternatives(observations)))


def _log_share(r: int, C: int, w: int) -> float:
    if w > r:
        return -math.inf
    return _log_choose(r, w) - _log_choose(C, w)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
