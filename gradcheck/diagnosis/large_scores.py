"""The loss at scores near 1000: it overflows, or a guard against overflow changes its value."""

from __future__ import annotations

from collections.abc import Iterator

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
_LOGADDEXP = "log(1 + exp(z)) overflows where np.logaddexp(0, z) does not, and log p_y is s_y - log(sum_m e^{s_m})"
_IN_DS = "subtract each row's own maximum before exp, and do not divide by p_y; log(1 + exp(z)) is np.logaddexp(0, z)"


def overflows(evidence: Evidence) -> Iterator[Finding]:
    """One call at scores near 1000; if that is not finite, another one to see whether a stable form would be.

    It would be if the value is a built-in's; or if dS is bounded, as the value then grows no faster than the scores.
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
    if np.isfinite(value) and np.isfinite(dS).all():
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
    known = next(recognised(evidence), None)
    reason = f"a stable {known.known.built_in} does not" if known else ""
    if not reason and not evidence.wrong:
        size = _MODERATE.get(ask.dtype.name, 1.0)
        moderate, slope = _evaluate(ask, size * scores, labels)
        if np.isfinite(moderate) and np.max(np.abs(slope)) <= usual:
            reason = f"dS does not grow up to scores near {size:g}, so a stable form is finite"
    if reason:
        count = int(np.count_nonzero(~np.isfinite(dS)))
        message = f"{count} of {dS.size} entries of dS are not finite" if count else "dS is finite,"
        message = message if np.isfinite(value) else f"the value is {value:g}, and {message}"
        in_the_value = _P_IS_0 if known and "log p" in known.known.formula else _LOGADDEXP
        hint = in_the_value if np.max(np.abs(dS)) <= usual else _IN_DS
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
        return seen.y
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
