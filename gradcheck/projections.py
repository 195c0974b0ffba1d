"""What projections told of a problem too large to be judged entry by entry: plain data for a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Projections:
    """Directional derivatives of the whole, and the verdicts of those entries that were judged one by one.

    Attributes:
        directions: how many random directions dS was projected on.
        agree: they agree with dS in all of its entries, but for those that were found wrong.
        smallest_defect: what an entry would have to be off by, alone, for all the directions together to show it with a
            probability of 99%; infinite where they show nothing.
        largest_gradient: the largest abs(dS), to hold that beside; 0 where dS is 0 everywhere.
        checked: entries judged one by one.
        wrong, subgradient, undecided: how many of those were what.
        max_relative_error: the largest relative error of those judged ``ok`` or ``wrong``.
        remark: what a reader should know of how it went; empty for nothing.
    """

    directions: int
    agree: bool
    smallest_defect: float
    largest_gradient: float
    checked: int
    wrong: int
    subgradient: int
    undecided: int
    max_relative_error: float
    remark: str = ""

    @property
    def smallest_relative_defect(self) -> float:
        """The smallest defect as a part of the largest gradient; infinite where there is none."""
        return self.smallest_defect / self.largest_gradient if self.largest_gradient > 0 else float("inf")

    def count(self, verdict: str, entries: int) -> int:
        """How many of a problem's entries have this verdict.

        Where directions agree, what was not judged one by one is ``ok``; where they do not, it is ``unresolved``.
        """
        others = entries - self.checked
        counts = {
            "wrong": self.wrong,
            "subgradient": self.subgradient,
            "unresolved": self.undecided + (0 if self.agree else others),
        }
        return counts[verdict] if verdict in counts else entries - sum(counts.values())
