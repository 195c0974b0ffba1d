"""Many calls that are asked for at once, and how far they have come."""

from __future__ import annotations

import numpy as np

from gradcheck.evaluation.asking import IndexArray, one_of_each_row
from gradcheck.evaluation.objective import Objective as Oracle
from gradcheck.evaluation.workers.errand import Errand, Points, Source


class Bulk:
    """Calls that are asked for at once, in order; those before ``done`` have been made, or given out.

    Attributes:
        oracle: who asks.
        points: what for: E entries.
        done: so many calls.
        values, derivatives: E floats, as far as they are known.
    """

    def __init__(self, oracle: Oracle, points: Points) -> None:
        self.oracle, self.points, self.done = oracle, points, 0
        entries = len(points.rows)
        self.values, self.derivatives = np.empty(entries), np.empty(entries)
        if points.asking == "each-row":
            groups = one_of_each_row(points.rows)
            self._order = np.concatenate([*groups, np.zeros(0, dtype=np.intp)])
            self._ends = np.cumsum([0, *map(len, groups)])
        else:
            self._order, self._ends = np.arange(entries), np.arange(entries + 1)

    @property
    def left(self) -> int:
        """Calls that are still to be made."""
        return len(self._ends) - 1 - self.done

    def next(self, count: int) -> IndexArray:
        """The entries that the next so many calls are for."""
        first, self.done = self.done, min(self.done + count, len(self._ends) - 1)
        return self._order[self._ends[first] : self._ends[self.done]]

    def here(self, count: int) -> int:
        """Make so many calls, or those that are left, in this process; how many they were."""
        before = self.done
        which = self.next(count)
        if which.size:
            points = self.points
            self.values[which], self.derivatives[which] = self.oracle.ask_here(
                points.asking, points.scores, points.rows[which], points.columns[which], points.after[which]
            )
        return self.done - before

    def errand(self, source: Source, which: IndexArray) -> Errand:
        """To have some of the entries asked for elsewhere; the first call has been made here."""
        first = self._order[: self._ends[1]]
        control = self.points.only(first)
        return Errand(source, self.points.only(which), control, self.values[first], dict(np.geterr()))
