"""The loss at scores near 1000: it overflows, or a guard against overflow changes its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Allowance, Evidence
from gradcheck.diagnosis.known import labels_of, recognised
from gradcheck.errors import LossDefect
from gradcheck.report import Finding, FloatArray

#: The size of the scores, and a size at which exp of the difference of two scores is still a number of the dtype.
_LARGE, _MODERATE = 1e3, {"float64": 250.0, "float32": 25.0}
#: dS grows with the scores if it exceeds the largest entry that was seen by this factor.
_GROWN = 10.0
#: A finite value is changed by a guard if it differs by this part from that of the built-in it is elsewhere.
_CHANGED = 1e-2

_P_IS_0 = "p_y is 0 there: take log p_y as a difference, s_y - s_max - log(sum_m e^{s_m - s_max})"
_P_IS_0_IN_DS = f"the row's maximum is subtracted, but dS divides by p_y or takes its log, and {_P_IS_0}; cancel 1/p_y"
_VALUE_ALONE = "dS is stable, and the value is not: subtract the row's maximum in its log(sum_m e^{s_m}) as well"
_NO_MAXIMUM = "subtract each row's own maximum before exp; log(1 + exp(z)) of a difference z is np.logaddexp(0, z)"
_LOGADDEXP = "log(1 + exp(z)) overflows where np.logaddexp(0, z) does not; log(sigmoid(z)) is -np.logaddexp(0, -z)"


def overflows(evidence: Evidence) -> Iterator[Finding]:
    """One call at scores near 1000; if that is not finite, one or two more to see whether a stable form would be.

    It would be if dS is bounded, as the value then grows no faster than the scores; if the value is a built-in's; or if
    the rows of the gradient sum to 0, as the value then does not change when a constant is added to a row.
    """
    observations = [seen for seen in evidence.observations if np.isfinite(seen.value)]
    if not observations:
        return
    ask = evidence.inspect or evidence.ask
    most = max((each.rows > 1, each.S.size) for each in observations)
    largest = [each for each in observations if (each.rows > 1, each.S.size) == most]
    seen = max(largest, key=lambda each: len(np.unique(each.S))) if len(largest) > 1 else largest[0]
    scores, labels = _spread_out(seen), _least_likely(seen)
    value, dS = _evaluate(ask, _LARGE * scores, labels)
    if _is_finite(value, dS):
        own = value / (seen.rows if seen.by_rows else 1)
        others = []
        for match in recognised(evidence):
            answer = match.known.at(_LARGE * scores, labels)
            its = match.value_of(answer[0]) if answer else own
            if abs(own - its) <= _CHANGED * abs(its):
                return
            others.append((match.known.built_in, its))
        if others:
            name, its = others[0]
            message = f"for scores near 1000 the value is {own:.6g}, and that of a stable {name} is {its:.6g}: "
            message += "a guard such as clip, maximum or + 1e-12 changes it there"
            hint = f"leave the guard out: a stable {name} needs none; for softmax, {_P_IS_0}"
            yield Finding("overflows", "warning", message, hint)
        return
    usual = _GROWN * max(float(np.max(np.abs(each.analytic))) for each in observations)
    is_bounded, hint = bool(np.max(np.abs(dS)) <= usual), _LOGADDEXP
    known = next(recognised(evidence), None)
    reason = f"a stable {known.known.built_in} does not" if known else ""
    if not reason and not evidence.wrong:
        size = _MODERATE.get(ask.dtype.name, 1.0)
        moderate, slope = _evaluate(ask, size * scores, labels)
        if np.isfinite(moderate) and np.max(np.abs(slope)) <= usual:
            reason = f"dS does not grow up to scores near {size:g}, so a stable form is finite"
    if _rows_sum_to_0(observations):
        shifts = _LARGE * np.linspace(1.0, 0.0, seen.rows)[:, np.newaxis]  # of the rows, no two equal
        if _is_finite(*_evaluate(ask, seen.S + shifts, seen.y)):
            hint = _P_IS_0 if is_bounded else _P_IS_0_IN_DS
        else:
            hint, why = _VALUE_ALONE if is_bounded else _NO_MAXIMUM, "adding 1000 to a row changes nothing"
            reason = reason or f"a stable form does not, because {why} (its gradient sums to 0)"
    if reason:
        count = int(np.count_nonzero(~np.isfinite(dS)))
        message = f"{count} of {dS.size} entries of dS are not finite" if count else "dS is finite,"
        message = message if np.isfinite(value) else f"the value is {value:g}, and {message}"
        yield Finding("overflows", "warning", f"{message} for scores near 1000; {reason}", hint)


def _spread_out(seen: Case) -> FloatArray:
    """Scores of size 1, like those of a problem: the highest in one row, and the other rows far below it."""
    if np.ptp(seen.S) > 0:
        scores = seen.S / np.max(np.abs(seen.S))
    else:
        scores = np.random.default_rng(seen.S.shape).uniform(-1, 1, seen.S.shape)
    highest = scores.max(axis=1, keepdims=True)
    is_top = np.arange(seen.rows)[:, np.newaxis] == np.argmax(highest)
    return np.asarray(np.where(is_top, scores + 1 - highest, scores - 1))


def _least_likely(seen: Case) -> npt.NDArray[np.generic]:
    """The labels of the problem; if they are classes, the class of the lowest score of every row."""
    if labels_of(seen) is None:
        return np.asarray(seen.y)
    lowest = np.argmin(seen.S, axis=1)
    return np.asarray(lowest if seen.y.ndim == 1 else np.eye(seen.classes)[lowest], dtype=seen.y.dtype)


def _evaluate(ask: Allowance, scores: FloatArray, labels: npt.NDArray[np.generic]) -> tuple[float, FloatArray]:
    """The value and dS, NaN for an overflow that Python's math raises; other defects are raised."""
    try:
        answer = ask.evaluate(scores, labels)
    except LossDefect as defect:
        cause = defect.__cause__
        if isinstance(cause, ArithmeticError) or "math domain" in str(cause) or defect.code == "not-finite":
            return float("nan"), np.full(scores.shape, np.nan)
        raise
    return answer.value, answer.gradient


def _is_finite(value: float, dS: FloatArray) -> bool:
    return bool(np.isfinite(value) and np.isfinite(dS).all())


def _rows_sum_to_0(observations: Sequence[Case]) -> bool:
    """Whether all known rows of the numerical gradient sum to 0 within their bounds, and one is not 0 itself."""
    known = np.concatenate([seen.known.all(axis=1) for seen in observations])
    sums = np.concatenate([np.abs(seen.numerical.sum(axis=1)) for seen in observations])[known]
    largest = np.concatenate([np.abs(seen.numerical).max(axis=1) for seen in observations])[known]
    bounds = np.concatenate([(seen.bounds + seen.granted).sum(axis=1) for seen in observations])[known]
    return bool(np.all(sums <= bounds) and np.any(largest > bounds))
