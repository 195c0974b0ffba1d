"""Several problems taken together: what a line of totals, a test case or a sentence says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.output.selection import grouped, kind
from gradcheck.report import BatchReport, Verdict


@dataclass(frozen=True)
class Totals:
    """Problems, and their sums.

    Attributes:
        problems: any; at least one where it is asked what they have in common.
    """

    problems: Sequence[BatchReport]

    @property
    def first(self) -> BatchReport:
        """One that stands for what the problems have in common."""
        return self.problems[0]

    @property
    def entries(self) -> int:
        return sum(problem.entries for problem in self.problems)

    def count(self, verdict: Verdict) -> int:
        """How many entries have this verdict."""
        return sum(problem.count(verdict) for problem in self.problems)

    @property
    def max_relative_error(self) -> float:
        return max((problem.max_relative_error for problem in self.problems), default=0.0)

    @property
    def evaluations(self) -> int:
        return sum(problem.evaluations for problem in self.problems)

    @property
    def seconds(self) -> float:
        return sum(problem.seconds for problem in self.problems)


def totals_by_kind(problems: Sequence[BatchReport]) -> list[Totals]:
    """The problems of each batch size, class count and kind of scores, in the order of the first of each."""
    return [Totals(group) for group in grouped(problems, kind)]
