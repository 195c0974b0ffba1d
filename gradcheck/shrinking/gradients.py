"""The predicate for a gradient that is wrong: is it still, at this candidate, and for the same reason?

Tried cheaply: along one direction that moves every entry, by three calls. Where that tells of a size that has not
failed before, entry by entry, by two calls for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.errors import LossDefect
from gradcheck.functions.answer import Answer
from gradcheck.numerics.differences import Stencil
from gradcheck.report import VERDICTS, FloatArray, Verdict
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.pattern import Pattern
from gradcheck.shrinking.sharpness import Sharpness, told

#: Differences beyond so many bounds tell; beyond so many more there is no doubt.
_BOUNDS, _BEYOND_DOUBT = 10.0, 30.0
_MORE_THAN_ALLOWED = 1.2
#: And beyond so many jumps of the derivative there is none even at a kink, or near one.
_JUMPS = 3.0
#: The code of what is no matter of dS: the value at S alone is off.
LEAPING = "removable-jump"
#: Calls along a direction: of the loss as it is judged, and of the reference, which may be another.
_CALLS = 4
#: Entries up to which a candidate is looked at one by one.
_FEW = 8
#: Nothing is found by so many calls that a few did not find.
_ENOUGH = 1200
#: What dS may be off in float32, in units of that dtype's rounding.
_ROUNDING = 16
_EPS32 = float(np.finfo(np.float32).eps)

_OK, _SUBGRADIENT, _WRONG = (VERDICTS.index(each) for each in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.WRONG))


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of every entry.

    Attributes:
        seen: as a check would have it.
        surely: some entry is off by so much that any check would say so.
    """

    seen: Case
    surely: bool


def look_calls(entries: int) -> int:
    """Calls that it takes, at most, to look at so many entries one by one."""
    return 2 + 2 * entries


class StillWrong:
    """Whether dS is still not the gradient of the value.

    Args:
        evidence: what has been seen of the loss, and the calls that are left.
        sharpness: what differences can tell.
        pattern: of the wrong entries.
        code: of the finding that leads; ``wrong`` for none.
        reserve: calls that are to be left beside a candidate of so many entries.
        closely: candidates of a size that has not failed before are looked at entry by entry.

    Attributes:
        vouched: sizes of which a candidate was looked at entry by entry, and was wrong.
    """

    def __init__(
        self, evidence: Evidence, sharpness: Sharpness, pattern: Pattern, code: str, reserve: Callable[[int], int],
        closely: bool,
    ) -> None:  # fmt: skip
        self._ask, self._rtol, self._sharpness, self._pattern = evidence.ask, evidence.rtol, sharpness, pattern
        self._leaping, self._reserve, self._closely = code == LEAPING, reserve, closely
        #: Of the last candidate that failed, and calls then: the best one is to be made sure of.
        self._entries, self._begun = 0, evidence.ask.calls
        self.vouched: set[tuple[int, int]] = set()
        self._reference: np.dtype[Any] = np.dtype(np.float64)

    def __call__(self, candidate: Candidate) -> bool:
        """
        Raises:
            Spent: no more calls can be had.
        """
        entries = candidate.S.size
        if self._ask.left < _CALLS + self._reserve(self._entries) or self._ask.calls - self._begun > _ENOUGH:
            raise Spent
        if self._ask.left < _CALLS + self._reserve(entries):  # too large to be made sure of
            return False
        try:
            if not self._along_a_direction(candidate):
                return False
            is_new = self._closely and candidate.size not in self.vouched and entries <= _FEW
            look = self.entry_by_entry(candidate) if is_new else None
        except LossDefect as defect:
            if defect.code == "hangs":  # a time-out each is too much
                raise Spent from None
            return False
        if is_new and (look is None or not self.agrees(look.seen)):
            return False
        self.vouched.add(candidate.size)
        self._entries = entries
        return True

    def shows(self, seen: Case) -> bool:
        """Whether it is wrong, for whatever reason."""
        return bool(seen.leaps.any()) if self._leaping else seen.is_wrong

    def agrees(self, seen: Case) -> bool:
        """Whether it is wrong, and for the same reason as far as one can see."""
        return self.shows(seen) and (self._leaping or self._pattern.fits(seen))

    def _along_a_direction(self, candidate: Candidate) -> bool:
        """The derivative of the value along a direction that moves every entry, beside that of dS."""
        S, y = candidate.S, candidate.y
        rng = np.random.default_rng(S.shape)
        direction = rng.choice([-1.0, 1.0], size=S.shape) * rng.uniform(0.5, 1.0, size=S.shape)
        given, at = self._at(candidate)
        if at is None:
            return False
        values, gradients = self._beside(S, y, direction[np.newaxis])
        slopes = np.einsum("kij,ij->k", gradients, direction)
        slope = np.array([np.sum(at.gradient * direction)])
        stencil = self._stencil(values[:1], at.value, values[1:], slopes[:1], slope, slopes[1:])
        tells = told(stencil, np.array([np.sum(given.gradient * direction)]), self._usual(S))
        if self._leaping:
            return bool(tells.leaps[0] != 0)
        # Of all entries together less is allowed than of each: a few may be wrong, and hide among the others.
        allowed = self._rtol / 4 * float(np.max(np.abs(given.gradient))) + float(np.max(self._tolerance(given)))
        return bool(tells.gap[0] > allowed)

    def entry_by_entry(self, candidate: Candidate) -> Look | None:
        """What differences of single entries tell; None where the loss is not finite there."""
        S, y = candidate.S, candidate.y
        if self._ask.left < look_calls(S.size):
            raise Spent
        given, at = self._at(candidate)
        if at is None:
            return None
        units = np.eye(S.size).reshape(S.size, *S.shape)
        values, gradients = self._beside(S, y, units)
        slopes = gradients.reshape(2 * S.size, S.size)[np.arange(2 * S.size), np.tile(np.arange(S.size), 2)]
        stencil = self._stencil(
            values[: S.size], at.value, values[S.size :], slopes[: S.size], at.gradient.ravel(), slopes[S.size :]
        )
        tells = told(stencil, given.gradient.ravel(), self._usual(S))
        gap, jump, kinked = (part.reshape(S.shape) for part in (tells.gap, tells.jump, tells.kinked))
        tolerance = self._tolerance(given)
        allowed = self._rtol * np.maximum(np.abs(given.gradient), np.abs(tells.numerical.reshape(S.shape)))
        wrong = gap > allowed + tolerance
        verdicts = np.where(wrong, _WRONG, np.where(kinked, _SUBGRADIENT, _OK)).astype(np.int8)
        seen = Case(
            S=S, y=y, seed=0, scores="", value=at.value, analytic=given.gradient,
            numerical=tells.numerical.reshape(S.shape), bounds=tolerance, granted=np.zeros(S.shape), verdicts=verdicts,
            kinked=kinked.astype(np.bool_), leaps=tells.leaps.reshape(S.shape), whole_numbers=given.whole_numbers,
            by_rows=given.parts is not None,
        )  # fmt: skip
        sure = (
            seen.leaps != 0
            if self._leaping
            else gap > _MORE_THAN_ALLOWED * allowed + _BEYOND_DOUBT * tolerance + _JUMPS * jump
        )
        return Look(seen, bool(np.any(sure)))

    # --- calls --------------------------------------------------------------------------------------------

    def _at(self, candidate: Candidate) -> tuple[Answer, Answer | None]:
        """The loss at a candidate: as it is judged, and as the reference has it, None where one is not finite."""
        given = self._ask.evaluate(candidate.S, candidate.y)
        at = given if self._ask.dtype == np.float64 else self._exactly(candidate.S, candidate.y)
        finite = all(np.isfinite(each.value) and np.isfinite(each.gradient).all() for each in (given, at))
        return given, at if finite else None

    def _beside(self, S: FloatArray, y: npt.NDArray[Any], directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and gradients a step below S along each direction, and then above."""
        step = self._sharpness.step
        there = [self._exactly(S + sign * step * direction, y) for sign in (-1, 1) for direction in directions]
        return np.array([each.value for each in there]), np.array([each.gradient for each in there])

    def _exactly(self, S: FloatArray, y: npt.NDArray[Any]) -> Answer:
        """The loss in float64, if it takes that."""
        try:
            return self._ask.evaluate(S, y, self._reference)
        except LossDefect:
            if self._reference == self._ask.dtype:
                raise
        self._reference = self._ask.dtype
        return self._exactly(S, y)

    def _stencil(
        self,
        below: FloatArray,
        at: float,
        above: FloatArray,
        g_below: FloatArray,
        g_at: FloatArray,
        g_above: FloatArray,
    ) -> Stencil:
        step = np.full(len(below), self._sharpness.step)
        return Stencil(step, step, below, np.full(len(below), at), above, g_below, g_at, g_above)

    def _usual(self, S: FloatArray) -> float:
        return self._sharpness.scale / len(S)

    def _tolerance(self, given: Answer) -> FloatArray:
        """N x C, how far each entry may seem off by the numerics' fault, or dS be by rounding."""
        dS = given.gradient
        own = 0.0
        if self._ask.dtype != np.float64:  # of what dS was made of, which may have been larger
            own = _ROUNDING * _EPS32 * max(float(np.max(np.abs(dS))), self._usual(dS))
        return np.full(dS.shape, _BOUNDS * self._sharpness.bound / len(dS) + own)
