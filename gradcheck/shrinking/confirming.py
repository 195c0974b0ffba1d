"""Is the case that shrinking ended at surely one? A check like the user's own tells, where it can be afforded."""

from __future__ import annotations

from gradcheck.checking.case import Case
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.sampling import Problem
from gradcheck.settings import Settings
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.gradients import StillWrong, look_calls
from gradcheck.shrinking.snippet import tolerances

#: What a check takes: of any problem, and beside that of each entry that is wrong, at a kink and elsewhere.
_CHECK, _AT_KINK, _ELSEWHERE = 55, 60, 45
#: Calls for it are put by where they are at most this part of what there is.
_PART = 0.4
_FEW_CALLS = 80
#: What is left to look for a smaller case with, at least.
_LEAST = 20


class Confirmation:
    """Makes sure of a candidate.

    Args:
        ask: the loss.
        config, settings: of the run.
        at_kinks: the loss fails at kinks: there, nothing less than a check tells for certain.
    """

    def __init__(self, ask: Allowance, config: Config, settings: Settings, at_kinks: bool) -> None:
        self._ask, self._config, self._settings = ask, config, settings
        self._at_kinks, self._granted = at_kinks, ask.left

    @property
    def thrifty(self) -> bool:
        """Few calls were granted."""
        return self._granted < _FEW_CALLS

    def reserve(self, entries: int) -> int:
        """Calls that are to be left when a candidate of so many entries is found."""
        look, check = look_calls(entries), look_calls(entries) + self._price(entries)
        affordable = check + _LEAST <= self._granted
        if affordable and (self._at_kinks or check <= _PART * self._granted):
            return check
        return look

    def confirmed(self, candidate: Candidate, wrong: StillWrong) -> Case | None:
        """What is seen at a candidate, if it is wrong there beyond doubt, and for the same reason; else None."""
        try:
            look = wrong.entry_by_entry(candidate)
        except (Spent, OutOfTime, LossDefect):
            return None
        if look is None or (wrong.shows(look.seen) and not wrong.agrees(look.seen)):
            return None
        if self._ask.left >= self._price(candidate.S.size):
            try:
                seen = self._checked(candidate)
            except OutOfTime:  # it took more than it usually does
                pass
            else:
                return seen if seen is not None and wrong.shows(seen) else None
        return look.seen if look.surely else None

    def _price(self, entries: int) -> int:
        return _CHECK + (_AT_KINK if self._at_kinks else _ELSEWHERE) * entries

    def _checked(self, candidate: Candidate) -> Case | None:
        problem = Problem(candidate.S.astype(self._ask.dtype), candidate.y, self._config.seed, 0, "given")
        settings = Settings(reference=self._settings.reference)
        return check_problem(
            self._ask.charged(), problem, Config(**tolerances(self._config)), None, settings
        ).observation
