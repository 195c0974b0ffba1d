"""From directions that disagree to the entries that make them: bisection, and the verdicts of what it leads to."""

from __future__ import annotations

import numpy as np

from gradcheck.checking.projected.bisection import Measure, Range, bisect
from gradcheck.checking.projected.directions import Directions, Seen
from gradcheck.checking.projected.entrywise import Judged
from gradcheck.checking.projected.singly import Singly
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.report import FloatArray, Verdict

#: Entries that directions lead to and that are not wrong, after which the search is given up.
_IN_VAIN = 3


class Search:
    """What directions leave to be explained, and the entries that explain it.

    Args:
        directions: of the problem.
        seen: what they told.
        singly: judges single entries.
        worst: wrong entries that are looked for.
    """

    def __init__(self, directions: Directions, seen: Seen, singly: Singly, worst: int) -> None:
        self._directions, self._seen, self._singly, self._worst = directions, seen, singly, worst
        #: By flat entry, how far its derivative lies from dS where the directions were taken; and what only seemed so.
        self._known: dict[int, float] = {}
        self._cleared: dict[int, float] = {}
        #: Entries that are wrong where the directions were taken, and not at S: a kink there makes room for them.
        self.wrong_beside: list[Judged] = []

    def run(self) -> None:
        """Bisection along the direction that disagrees most, then along any that still does."""
        for judged in self._singly.wrong:
            self._take(judged.row, judged.column)
        for number in (1 + np.argsort(-self._seen.excess(self.left()), kind="stable")).tolist():
            if self._is_enough():
                return
            try:
                self._along(number)
            except Coupled as evidence:
                self._singly.take_the_whole(evidence)
                self._known.clear()
                self._cleared.clear()
                self.wrong_beside.clear()
                self._along(number)

    def left(self) -> FloatArray:
        """What every direction leaves once the entries that are known to be off are taken out: K floats."""
        if not self._known:
            return self._seen.residuals
        count = len(self._seen.residuals)
        return self._seen.residuals - [_sum(self._known, self._directions.drawn(1 + k)) for k in range(count)]

    def _is_enough(self) -> bool:
        return len(self._singly.wrong) + len(self.wrong_beside) >= self._worst

    def _along(self, number: int) -> None:
        base, allowed = self._directions.base, float(self._seen.allowed[number - 1])
        weight = self._singly.setting.weight if len(base.scores) > 1 else None
        measure = self._directions.measuring(number, (self._known, self._cleared), weight)
        direction, in_vain = self._directions.buffer, 0

        def left() -> float:
            explained = _sum(self._known, direction) + _sum(self._cleared, direction)
            return float(self._seen.residuals[number - 1]) - explained

        while abs(left()) > allowed:
            found = 0
            for leaf in bisect(measure, Range(0, direction.size, left(), allowed, measured=True), direction.shape[1]):
                found += 1
                in_vain = 0 if self._follow(leaf, measure, allowed) else in_vain + 1
                if self._is_enough() or in_vain >= _IN_VAIN:
                    return
                if abs(left()) <= allowed:
                    break
            if not found:
                return

    def _follow(self, leaf: Range, measure: Measure, allowed: float) -> bool:
        """Judge an entry that a direction has led to; whether it is wrong."""
        row, column = divmod(leaf.start, self._directions.buffer.shape[1])
        self._singly.judge(row, column)
        there = self._take(row, column)
        if there.verdict is Verdict.WRONG:
            return True
        residual, _ = measure(leaf.start, leaf.stop, allowed)
        # A kink explains what a direction sees of it; an entry that is right explains nothing, but is done with.
        into = self._cleared if there.verdict is Verdict.OK else self._known
        into[leaf.start] = into.get(leaf.start, 0.0) + residual / float(self._directions.buffer.flat[leaf.start])
        return False

    def _take(self, row: int, column: int) -> Judged:
        """An entry as it is where the directions were taken; if wrong there, that explains what they saw of it."""
        at_scores, base = self._singly.judged[row, column], self._directions.base
        there = self._singly.judge_at(base, row, column) if self._directions.is_beside else at_scores
        if there.verdict is Verdict.WRONG:
            self._known[row * base.scores.shape[1] + column] = there.defect
            if at_scores.verdict is not Verdict.WRONG:
                self.wrong_beside.append(there)
        return there


def _sum(off: dict[int, float], direction: FloatArray) -> float:
    """How much of a derivative along a direction these entries explain."""
    return float(sum(each * direction.flat[entry] for entry, each in off.items()))
