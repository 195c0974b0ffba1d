"""Limits of floats: overflow at scores near 1000, guards against it, and numbers that are rounded inside the loss."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.diagnosis.conditions import drawn
from gradcheck.diagnosis.known import recognised
from gradcheck.diagnosis.numbers import known_entries
from gradcheck.errors import LossDefect
from gradcheck.layout import Arguments
from gradcheck.numerics.differences import EPS
from gradcheck.numerics.noise import effective_eps
from gradcheck.numerics.verdicts import UNRESOLVED
from gradcheck.report import Array, Finding, FloatArray, Severity

#: The size of the scores, and a size at which exp of the difference of two scores is still a number of the dtype.
_LARGE, _MODERATE = 1e3, {"float64": 250.0, "float32": 25.0}
#: dS grows with the scores if it exceeds the largest entry that was seen by this factor.
_GROWN = 10.0
#: A finite value is changed by a guard if it differs by this part from that of the built-in it is elsewhere.
_CHANGED = 1e-2
#: Softmax is saturated at scores of this size; so many problems tell which loss it is; dS may be off by so much.
_SATURATED, _PROBLEMS, _DS_RTOL = 30.0, 3, 1e-6
#: Decimals that dS may be rounded to, and so many different numbers that need all of them.
_MOST_DECIMALS, _TELLING, _FEW = 12, 6, 50
#: The half precisions by their machine epsilons; and below what the numbers of float16 are equally spaced.
_NAMES, _SMALLEST_NORMAL = {2.0**-7: "bfloat16", 2.0**-10: "float16"}, 2.0**-14
#: What dS may be rounded to: decimals, or else a precision.
_ROUNDED = [*((k, 0.0) for k in range(1, _MOST_DECIMALS)), *((0, eps) for eps in _NAMES)]

_P_IS_0 = "p_y is 0 there: take log p_y as a difference, s_y - s_max - log(sum_m e^{s_m - s_max})"
_GUARD = ": a guard such as clip, maximum or + 1e-12 changes it there"
_NO_GUARD = f"leave the guard out: the stable form needs none; for softmax, {_P_IS_0}"
#: What mends the value, and dS, where it overflows: if it does not where no score is above 0, and if it does there too.
_MENDS = {
    "value": (
        "exp overflows in the value: take log(sum_m e^{s_m}) as s_max + log(sum_m e^{s_m - s_max}), with each row's "
        "own maximum, and log(1 + exp(z)) as np.logaddexp(0, z)",
        f"the value has log(0) or 0/0 where a probability is 0: for softmax, {_P_IS_0}",
    ),
    "dS": (
        "exp overflows in dS: subtract each row's own maximum before exp; 1/(1 + exp(-z)) does not overflow",
        "dS divides by a probability that is 0 there: let it cancel, as (1/p_y)·p_y p_j = p_j does in softmax",
    ),
}


def overflows(evidence: Evidence) -> Iterator[Finding]:
    """One call at scores near 1000; if that is not finite, another one to see whether a stable form would be.

    It would be if the value is a built-in's; or if dS is bounded, as the value then grows no faster than the scores.
    """
    observations = [seen for seen in evidence.observations if np.isfinite(seen.value)]
    if not observations:
        return
    ask = evidence.inspect or evidence.ask
    seen = max(observations, key=lambda each: (each.rows > 1, each.S.size, len({*each.S.flat[:100]})))
    scores, labels = _spread_out(seen), seen.y
    value, dS = _evaluate(ask, _LARGE * scores, labels)
    if np.isfinite(value) and np.isfinite(dS).all():
        own = value / (seen.rows if seen.by_rows else 1)
        pairs = ((match, match.known.at(_LARGE * scores, labels)) for match in recognised(evidence))
        its = ((match.value_of(answer[0]), match.known.built_in) for match, answer in pairs if answer)
        first = next(its, None)
        least = 64 * EPS * _LARGE  # the rounding of its terms
        if first and not any(abs(own - each) <= _CHANGED * abs(each) + least for each, _ in chain([first], its)):
            message = f"for scores near 1000 the value is {own:.6g}, and that of a stable {first[1]} is {first[0]:.6g}"
            yield Finding("overflows", "warning", message + _GUARD, _NO_GUARD)
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
        below, beside = _evaluate(ask, _LARGE * (scores - scores.max(axis=1, keepdims=True)), labels)
        parts = (("value", np.isfinite(value), np.isfinite(below)), ("dS", not count, np.isfinite(beside).all()))
        hint = "; ".join(_MENDS[part][not is_mended] for part, is_finite, is_mended in parts if not is_finite)
        yield Finding("overflows", "warning", f"{message} for scores near 1000; {reason}", hint)


def guarded(evidence: Evidence) -> Iterator[Finding]:
    """The value is a built-in's at smaller scores, and dS its gradient; a guard changes the value at large scores."""
    wrong = evidence.wrong
    if any(np.max(np.abs(seen.S)) < _SATURATED for seen in wrong):
        return
    small = [replace(seen, S=seen.S / np.max(np.abs(seen.S))) for seen in wrong[:_PROBLEMS]]
    small = [replace(seen, value=evidence.ask.evaluate(seen.S, seen.y).value) for seen in small]
    for match in recognised(replace(evidence, observations=tuple(small))):
        answers = [match.known.at(seen.S, seen.y) for seen in wrong]
        for seen, answer in zip(wrong, answers, strict=True):
            n = np.nan if answer is None else match.sign * answer[1] / (seen.rows if match.reduction == "mean" else 1)
            if not np.all(np.abs(n - seen.analytic) <= seen.granted + _DS_RTOL * np.abs(n).max()):
                break
        else:
            assert answer is not None  # it was compared
            name, its = match.known.built_in, match.value_of(answer[0])
            message = f"the value is {name}'s at small scores, and dS its gradient; but at large ones the value is "
            message += f"{seen.value:.6g}, and that of a stable {name} is {its:.6g} ({drawn(seen)}){_GUARD}"
            yield Finding("log-guard", "error", message, _NO_GUARD)
            return


def rounded(evidence: Evidence) -> Iterator[Finding]:
    """Every entry of dS is the numerical gradient rounded: to so many decimals, or to half precision."""
    few = np.concatenate([[], *(seen.analytic.ravel()[:_FEW] for seen in evidence.observations)])  # many take long
    candidates = [way for way in _ROUNDED if np.array_equal(_in(few, *way), few)]
    if not candidates or not evidence.observations:
        return
    # Where dS is coarse no entry can be decided, and what it should be is known all the same.
    decided = [replace(seen, verdicts=np.zeros_like(seen.verdicts)) for seen in evidence.observations]
    dS, numerical, bounds, granted = known_entries(decided)
    off, size = np.abs(dS - numerical), np.abs(dS)
    for decimals, eps in candidates:
        half = 0.5 * 10.0**-decimals if decimals else eps / 2 * np.maximum(size, _SMALLEST_NORMAL)
        least = bounds if decimals else bounds + half / 100
        is_near = np.all(off <= half + bounds + granted + evidence.rtol * size)
        if not is_near or np.count_nonzero(off > least) < _TELLING or not np.array_equal(_in(dS, decimals, eps), dS):
            continue
        if not decimals or len(set(dS[np.round(dS, decimals - 1) != dS].tolist())) >= _TELLING:
            severity: Severity = "error" if evidence.wrong else "note"
            what = f"{decimals} decimal{'s' if decimals > 1 else ''}" if decimals else _NAMES[eps]
            most = f"{half:g}" if decimals else f"{100 * eps / 2:.1g}% of itself"
            message = f"dS is rounded to {what}, which leaves it off by up to {most}"
            yield Finding("rounded", severity, message, "return dS as it is computed")
            return


def _in(numbers: FloatArray, decimals: int, eps: float) -> FloatArray:
    """Numbers rounded to so many decimals; for 0 of them, to the precision of a machine epsilon."""
    if decimals:
        return np.asarray(np.round(numbers, decimals))
    mantissa, exponent = np.frexp(numbers)
    return np.asarray(np.ldexp(np.round(mantissa * 2 / eps) * eps / 2, exponent))


def half_precision(evidence: Evidence) -> Iterator[Finding]:
    """Why entries are unresolved: the scores, or else the value and dS, are rounded to half precision."""
    doubtful = [seen for seen in evidence.observations if (seen.verdicts == UNRESOLVED).any()]
    if not doubtful:
        return
    seen = max(doubtful, key=lambda each: (each.x_eps, not each.is_round, each.rows))
    what, name = "an input is" if isinstance(seen.y, Arguments) else "S is", _NAMES.get(seen.x_eps, "")
    if name:
        S, values = seen.S.copy(), []
        for number in (1.0, 1.0 + 2 * seen.x_eps):  # the same where steps are of one size at all scores
            S.reshape(-1)[np.argmax(np.abs(seen.analytic))] = number
            values.append(evidence.ask.evaluate(S, seen.y).value)
        name = name if values[0] != values[1] else ""
    if not name:
        # At scores of many sizes: whole numbers, or others of a fixed number of binary places, soon need more bits.
        largest = float(np.abs(seen.S).max()) or 1.0  # small scores would leave the value where it is
        sizes = np.geomspace(0.25, 16.0, 3 * _TELLING) / min(1.0, largest)
        answers = [evidence.ask.evaluate(size * seen.S, seen.y) for size in sizes]
        parts = [each.value for each in answers], [each.gradient for each in answers]
        name, of_gradient = (_NAMES.get(effective_eps(np.array(own), EPS), "") for own in parts)
        what = "the value and dS are" if name == of_gradient else "the value is"
    if name:
        message = f"{what} rounded to {name}: the value moves in steps that are too coarse for the unresolved entries"
        yield Finding("rounded", "note", message, "compute in float64 to have the gradient checked")


def _spread_out(seen: Case) -> FloatArray:
    """Scores of size 1, like those of a problem: the highest in one row, and the other rows far below it."""
    if np.ptp(seen.S) > 0:
        scores = seen.S / np.max(np.abs(seen.S))
    else:
        scores = np.random.default_rng(seen.S.shape).uniform(-1, 1, seen.S.shape)
    highest = scores.max(axis=1, keepdims=True)
    is_top = np.arange(seen.rows)[:, np.newaxis] == np.argmax(highest)
    return np.asarray(np.where(is_top, scores + 1 - highest, scores - 1))


def _evaluate(ask: Allowance, scores: FloatArray, labels: Array) -> tuple[float, FloatArray]:
    """The value and dS, NaN for an overflow that Python's math raises; other defects are raised."""
    try:
        answer = ask.evaluate(scores, labels)
    except LossDefect as defect:
        cause = defect.__cause__
        if isinstance(cause, ArithmeticError) or "math domain" in str(cause) or defect.code == "not-finite":
            return float("nan"), np.full(scores.shape, np.nan)
        raise
    return answer.value, answer.gradient
