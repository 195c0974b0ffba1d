"""The predicate for a broken contract: is it still broken, at this candidate, in the same way?"""

from __future__ import annotations

import re

from gradcheck.checking.contract import inspect, inspect_again
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.errors import LossDefect
from gradcheck.report import Finding
from gradcheck.shrinking.candidate import Candidate

#: Of a candidate, at most; and one elsewhere and one back, to see whether the loss keeps state.
_CALLS, _CALLS_ELSEWHERE = 2, 2
_AGAIN = 3
_EXCEPTION = re.compile(r"raises (\w+)")


class StillBroken:
    """Whether the loss still breaks its contract.

    Args:
        ask: the loss.
        finding: what it did.
    """

    def __init__(self, ask: Allowance, finding: Finding) -> None:
        self._ask, self._finding = ask, finding
        self._loss = ask.charged()

    def __call__(self, candidate: Candidate) -> bool:
        """
        Raises:
            Spent: no more calls can be had.
        """
        if self._finding.code != "not-deterministic":
            return self._is_broken(candidate, _CALLS)
        # What hangs on chance must fail again and again.
        return all(self._is_broken(candidate, _CALLS + _CALLS_ELSEWHERE) for _ in range(_AGAIN))

    def _is_broken(self, candidate: Candidate, calls: int) -> bool:
        if self._ask.left < calls:
            raise Spent
        S, y = candidate.S.astype(self._ask.dtype), candidate.y
        inspection = inspect(self._loss, S, y, None)
        findings, before = list(inspection.findings), inspection.evaluation
        if any(finding.code == "hangs" for finding in findings):  # a time-out each is too much
            raise Spent
        if calls > _CALLS and before is not None:
            try:
                self._loss.evaluate(S + 1, y)
                findings += filter(None, [inspect_again(self._loss, S, y, before)])
            except LossDefect:
                return False
        return any(map(self._is_the_same, findings))

    def _is_the_same(self, finding: Finding) -> bool:
        """Of the same code; of exceptions, of the same type."""
        exceptions = (_EXCEPTION.match(each.message) for each in (finding, self._finding))
        first, second = (match[1] if match else "" for match in exceptions)
        return finding.code == self._finding.code and first == second
