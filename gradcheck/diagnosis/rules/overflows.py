"""Not finite at scores of size 1e3, where a stable form of the loss is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Allowance, Evidence
from gradcheck.diagnosis.known import IntArray, built_ins, labels_of
from gradcheck.diagnosis.rule import rule
from gradcheck.diagnosis.values import Values
from gradcheck.errors import LossDefect
from gradcheck.functions.answer import Answer
from gradcheck.report import Finding, FloatArray

#: The size of the scores, and a size at which exp of the difference of two scores is still a number of the dtype.
_LARGE = 1e3
_MIDDLE = {"float64": 250.0, "float32": 25.0}
#: dS at large scores that is not so many times what it was at the problems' does not grow.
_ORDINARY = 10.0


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the loss answers at some scores.

    Attributes:
        value: NaN where it raised instead.
        gradient: N x C, NaN likewise.
        raised: what it raised, in words; empty for nothing.
    """

    value: float
    gradient: FloatArray
    raised: str = ""

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())

    def is_ordinary(self, size: float) -> bool:
        """dS is finite, and no larger than a few times this."""
        return bool(np.max(np.abs(self.gradient)) <= _ORDINARY * size)


@rule("overflows", rank=120, applies="always")
def overflows(evidence: Evidence) -> Iterator[Finding]:
    """One call at scores of size 1e3; if that is not finite, one or two more to see whether it had to be.

    A loss whose derivative is bounded grows with its scores and no faster, so its value at 1e3 is a number; of that dS
    tells where it is right. A loss whose rows' derivatives sum to 0 does not change when a constant is added to a row.
    """
    observations = [seen for seen in evidence.observations if np.isfinite(seen.value)]
    if not observations:
        return
    ask = evidence.inspect or evidence.ask
    seen = max(observations, key=lambda each: (each.rows > 1, each.S.size, len(np.unique(each.S))))
    scores, labels = _spread(seen), _least_likely(seen)
    large = _answer(ask, _LARGE * scores, labels)
    if large is None or large.is_finite:
        return
    usual = max(float(np.max(np.abs(each.analytic))) for each in observations)
    reason = ""
    if not evidence.wrong:
        size = _MIDDLE.get(ask.dtype.name, 1.0)
        middle = _answer(ask, size * scores, labels)
        if middle is not None and middle.is_finite and middle.is_ordinary(usual):
            reason = f"dS does not grow up to scores of size {size:g}"
    if not reason and (name := _built_in(observations)):
        reason = f"the value is {name}'s, which is finite there"
    if not reason and _rows_sum_to_0(observations):
        shifted = _answer(ask, seen.S + _shifts(seen), seen.y)
        if shifted is not None and not shifted.is_finite:
            reason = "the rows of the gradient sum to 0, so 1e3 added to a whole row must change nothing"
    if reason:
        yield Finding(
            "overflows",
            "warning",
            f"{_told(large)} at scores of size 1e3, where a stable form is finite: {reason}",
            hint=_hint(large, scores, usual, observations),
        )


def _spread(seen: Case) -> FloatArray:
    """Scores of size 1, like those of a problem: the highest in the first row, and the other rows far below it."""
    largest = float(np.max(np.abs(seen.S)))
    if np.ptp(seen.S) > 0:
        scores = seen.S / largest
    else:
        scores = np.random.default_rng(seen.S.shape).uniform(-1, 1, seen.S.shape)
    top = int(np.argmax(scores.max(axis=1)))
    below = np.arange(seen.rows) != top
    scores[top] += 1 - scores[top].max()
    return np.asarray(np.where(below[:, np.newaxis], scores - 1, scores))


def _least_likely(seen: Case) -> npt.NDArray[np.generic]:
    """The labels of the problem; where they are classes, the class of the lowest score of every row."""
    if labels_of(seen) is None:
        return seen.y
    lowest: IntArray = np.argmin(seen.S, axis=1)
    if seen.y.ndim == 1:
        return lowest.astype(seen.y.dtype)
    return np.eye(seen.classes, dtype=seen.y.dtype)[lowest]


def _shifts(seen: Case) -> FloatArray:
    """N x 1: one for each row, of size 1e3, no two alike."""
    return (_LARGE * np.linspace(1.0, 0.0 if seen.rows > 1 else 1.0, seen.rows))[:, np.newaxis]


def _answer(ask: Allowance, scores: FloatArray, labels: npt.NDArray[np.generic]) -> _Answer | None:
    """None where the loss does not take such scores, or hangs."""
    nothing = np.full(scores.shape, np.nan)
    try:
        answer: Answer = ask.evaluate(scores, labels)
    except LossDefect as defect:
        cause = defect.__cause__  # what Python's math raises in place of infinity
        beyond = isinstance(cause, ArithmeticError) or (isinstance(cause, ValueError) and "math domain" in str(cause))
        return _Answer(float("nan"), nothing, defect.message) if beyond or defect.code == "not-finite" else None
    return _Answer(answer.value, answer.gradient)


def _built_in(observations: Sequence[Case]) -> str:
    """The built-in loss whose value it is at every problem: those are finite at scores of size 1e3; empty for none."""
    values = Values(observations)
    matches = (values.match(known) for known in built_ins())
    return next((match.known.name for match in matches if match is not None), "")


def _rows_sum_to_0(observations: Sequence[Case]) -> bool:
    """Of the numerical gradient, at every problem, in rows that are known: within the bounds of their entries."""
    tried = False
    for seen in observations:
        known = seen.known.all(axis=1)
        sums = np.abs(seen.numerical.sum(axis=1))
        room = (seen.bounds + seen.granted).sum(axis=1)
        tells = np.abs(seen.numerical).max(axis=1) > room
        if np.any(known & (sums > room)):
            return False
        tried |= bool(np.any(known & tells))
    return tried


def _told(large: _Answer) -> str:
    if large.raised:
        return f"it {large.raised}"
    amiss = int(np.count_nonzero(~np.isfinite(large.gradient)))
    entries = f"{amiss} of {large.gradient.size} entries of dS are not finite"
    if np.isfinite(large.value):
        return entries
    return f"the value is {large.value:g}" + (f", and {entries}" if amiss else " (and dS finite)")


def _hint(large: _Answer, scores: FloatArray, usual: float, observations: Sequence[Case]) -> str:
    if not _rows_sum_to_0(observations):
        return "log(1 + exp(z)) overflows where np.logaddexp(0, z) does not; log(sigmoid(z)) is -np.logaddexp(0, -z)"
    if large.is_ordinary(usual):
        return "a probability of 0 has no log: take log p_y as a difference, s_y - s_max - log(sum_m e^{s_m - s_max})"
    finite = np.asarray(np.isfinite(large.gradient).all(axis=1))
    if len(finite) > 1 and np.flatnonzero(finite).tolist() == [np.argmax(scores.max(axis=1))]:
        return (
            "the maximum of the whole batch seems to be subtracted, and rows far below it vanish: subtract each row's "
            "own, S.max(axis=1, keepdims=True)"
        )
    return "subtract the row's maximum before exp; log(1 + exp(z)) of a difference z is np.logaddexp(0, z)"
