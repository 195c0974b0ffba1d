"""The loss at scores near 1000: it overflows, or a guard against overflow changes its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.diagnosis.another_loss import recognised
from gradcheck.diagnosis.evidence import Allowance, Evidence
from gradcheck.diagnosis.known import labels_of
from gradcheck.errors import LossDefect
from gradcheck.report import Finding, FloatArray

#: The size of the scores, and a size at which exp of the difference of two scores is still a number of the dtype.
_LARGE = 1e3
_MODERATE = {"float64": 250.0, "float32": 25.0}
#: dS grows with the scores if it exceeds the largest entry that was seen by this factor.
_GROWN = 10.0
#: A finite value is changed by a guard if it differs by this part from that of the built-in it is elsewhere.
_CHANGED = 1e-2

#: A value and N x C derivatives.
_Answer = tuple[float, FloatArray]
_NO_LOG_OF_0 = "p_y is 0 there: take log p_y as a difference, s_y - s_max - log(sum_m e^{s_m - s_max})"


def overflows(evidence: Evidence) -> Iterator[Finding]:
    """One call at scores near 1000; if that is not finite, one or two more to see whether a stable form would be.

    It would be if dS is bounded, as the value then grows no faster than the scores; if the value is a built-in's; or if
    the rows of the gradient sum to 0, as the value then does not change when a constant is added to a row.
    """
    observations = [seen for seen in evidence.observations if np.isfinite(seen.value)]
    if not observations:
        return
    ask = evidence.inspect or evidence.ask
    seen = max(observations, key=lambda each: (each.rows > 1, each.S.size, len(np.unique(each.S))))
    scores, labels = _spread_out(seen), _least_likely(seen)
    large = _evaluate(ask, _LARGE * scores, labels)
    if large is None:
        return
    if _is_finite(large):
        value = large[0] / seen.rows if seen.by_rows else large[0]
        yield from _changed_by_a_guard(evidence, value, _LARGE * scores, labels)
        return
    usual = max(float(np.max(np.abs(each.analytic))) for each in observations)
    reason = ""
    if not evidence.wrong:
        size = _MODERATE.get(ask.dtype.name, 1.0)
        moderate = _evaluate(ask, size * scores, labels)
        if moderate is not None and np.isfinite(moderate[0]) and _is_bounded(moderate[1], usual):
            reason = f"dS does not grow up to scores near {size:g}, so a stable form is finite"
    if matches := recognised(evidence):
        reason = f"a stable {matches[0].known.name} does not"
    is_invariant = _rows_sum_to_0(observations)
    shifted = _evaluate(ask, seen.S + _shifts(seen), seen.y) if is_invariant else None
    if shifted is not None and not reason and not _is_finite(shifted):
        reason = "a stable form does not, because adding 1000 to a row changes nothing (its gradient sums to 0)"
    if reason:
        yield Finding(
            "overflows",
            "warning",
            f"{_what_overflows(large)} for scores near 1000; {reason}",
            hint=_mend(large, shifted, scores, usual) if is_invariant else _LOGADDEXP,
        )


def _changed_by_a_guard(
    evidence: Evidence, value: float, S: FloatArray, y: npt.NDArray[np.generic]
) -> Iterator[Finding]:
    """The value is a built-in's at the problems, and not at large scores."""
    for match in recognised(evidence):
        answer = match.known.at(S, y)
        its = match.value_of(answer[0]) if answer else np.nan
        if not abs(value - its) > _CHANGED * abs(its):
            return
    if matches := recognised(evidence):
        name = matches[0].known.name
        yield Finding(
            "overflows",
            "warning",
            f"for scores near 1000 the value is {value:.6g}, and that of a stable {name} is {its:.6g}: a guard such as "
            "clip, maximum or + 1e-12 changes it there",
            hint=f"leave the guard out: a stable {name} needs none; for softmax, {_NO_LOG_OF_0}",
        )


def _spread_out(seen: Case) -> FloatArray:
    """Scores of size 1, like those of a problem: the highest in one row, and the other rows far below it."""
    if np.ptp(seen.S) > 0:
        scores = seen.S / float(np.max(np.abs(seen.S)))
    else:
        scores = np.random.default_rng(seen.S.shape).uniform(-1, 1, seen.S.shape)
    top = int(np.argmax(scores.max(axis=1)))
    others = np.arange(seen.rows) != top
    scores[top] += 1 - scores[top].max()
    return np.asarray(np.where(others[:, np.newaxis], scores - 1, scores))


def _least_likely(seen: Case) -> npt.NDArray[np.generic]:
    """The labels of the problem; if they are classes, the class of the lowest score of every row."""
    if labels_of(seen) is None:
        return seen.y
    lowest = np.argmin(seen.S, axis=1)
    return np.asarray(lowest if seen.y.ndim == 1 else np.eye(seen.classes)[lowest], dtype=seen.y.dtype)


def _shifts(seen: Case) -> FloatArray:
    """N x 1, a constant for each row, at most 1000, no two equal."""
    return (_LARGE * np.linspace(1.0, 0.0 if seen.rows > 1 else 1.0, seen.rows))[:, np.newaxis]


def _evaluate(ask: Allowance, scores: FloatArray, labels: npt.NDArray[np.generic]) -> _Answer | None:
    """The answer, NaN for an overflow that Python's math raises; None if the loss rejects such scores, or hangs."""
    try:
        answer = ask.evaluate(scores, labels)
    except LossDefect as defect:
        cause = defect.__cause__
        overflow = isinstance(cause, ArithmeticError) or (isinstance(cause, ValueError) and "math domain" in str(cause))
        is_overflow = overflow or defect.code == "not-finite"
        return (float("nan"), np.full(scores.shape, np.nan)) if is_overflow else None
    return answer.value, answer.gradient


def _is_finite(answer: _Answer) -> bool:
    return bool(np.isfinite(answer[0]) and np.isfinite(answer[1]).all())


def _is_bounded(gradient: FloatArray, usual: float) -> bool:
    """All entries are finite and of the size that was seen at the problems."""
    return bool(np.max(np.abs(gradient)) <= _GROWN * usual)


def _rows_sum_to_0(observations: Sequence[Case]) -> bool:
    """Whether all known rows of the numerical gradient sum to 0 within their bounds, and one is not 0 itself."""
    found = False
    for seen in observations:
        known, bound = seen.known.all(axis=1), (seen.bounds + seen.granted).sum(axis=1)
        if np.any(known & (np.abs(seen.numerical.sum(axis=1)) > bound)):
            return False
        found |= bool(np.any(known & (np.abs(seen.numerical).max(axis=1) > bound)))
    return found


def _what_overflows(large: _Answer) -> str:
    value, gradient = large
    count = int(np.count_nonzero(~np.isfinite(gradient)))
    entries = f"{count} of {gradient.size} entries of dS are not finite"
    return entries if np.isfinite(value) else f"the value is {value:g}, and {entries if count else 'dS is finite,'}"


_LOGADDEXP = "log(1 + exp(z)) overflows where np.logaddexp(0, z) does not; log(sigmoid(z)) is -np.logaddexp(0, -z)"


def _mend(large: _Answer, shifted: _Answer | None, scores: FloatArray, usual: float) -> str:
    """What to change in a loss that does not depend on a constant in a row's scores."""
    dS_is_finite = _is_bounded(large[1], usual)
    if shifted is not None and _is_finite(shifted):
        if dS_is_finite:
            return _NO_LOG_OF_0
        return (
            f"the row's maximum is subtracted, but dS divides by p_y or takes its log, and {_NO_LOG_OF_0}; cancel 1/p_y"
        )
    if dS_is_finite:
        return (
            "dS is stable, and the value is not: subtract the row's maximum in log(sum_m e^{s_m}) of the value as well"
        )
    finite = np.asarray(np.isfinite(large[1]).all(axis=1))
    if len(finite) > 1 and np.flatnonzero(finite).tolist() == [np.argmax(scores.max(axis=1))]:
        return (
            "the maximum of the whole batch seems to be subtracted, and rows far below it become 0: subtract each "
            "row's own, S.max(axis=1, keepdims=True)"
        )
    return "subtract the row's maximum before exp; log(1 + exp(z)) of a difference z is np.logaddexp(0, z)"
