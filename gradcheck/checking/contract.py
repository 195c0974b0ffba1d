"""Is it a pure, finite, deterministic function of the right shape? Asked before the numerics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.answer import Answer, validated
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import Silence
from gradcheck.report import Finding

#: Two answers at one point may differ by this many units in the last place of the largest number: sums in parallel do.
_ROUNDING = 256.0

_HINTS = {
    "raises": "the scores that it raised at are those of the problem below, or near them",
    "hangs": "look for a loop without end, or a wait for what never comes; if it is only slow, allow more (--timeout)",
    "wrong-shape": "return (value, dS): a single number, and an array of the shape of S",
    "wrong-dtype": "return real numbers",
    "not-finite": "subtract the row's maximum before exp; take the log of a probability as a difference, not as log(p)",
    "mutates-input": "work on a copy: the caller's scores are spoilt",
    "not-deterministic": "seed or remove what is random, and keep no state between calls",
    "shared-buffer": "return a fresh array: a caller that keeps the first dS loses it at the second call",
}


@dataclass(frozen=True, eq=False)
class Inspection:
    """What two calls at S told.

    Attributes:
        evaluation: the loss's answer at S; None where no numerics can start from it.
        findings: of the contract, worst first.
        calls: of the loss.
        first: what the first call returned, or the exception that it raised.
    """

    evaluation: Answer | None
    findings: tuple[Finding, ...]
    calls: int
    first: Any = None


def inspect(loss: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], silence: Silence | None) -> Inspection:
    """Call the loss twice at S, on copies, and see whether it keeps its contract.

    Args:
        loss: what is checked.
        scores: N x C, of the dtype that the loss is to get.
        labels: the problem's y.
        silence: where to let the loss be heard, at its first call; None for not at all.
    """
    calls, first = 0, None
    findings: list[Finding] = []
    answers, evaluations = [], []
    try:
        for _ in range(2):
            own_scores, own_labels = scores.copy(), labels.copy()
            calls += 1
            if silence is None or calls > 1:
                answer = loss.call(own_scores, own_labels)
            else:
                with silence.let_through():
                    answer = loss.call(own_scores, own_labels)
            if calls == 1:
                first = answer
                findings += _mutations(scores, own_scores, labels, own_labels)
            evaluation = validated(answer, scores.shape)
            _refuse_not_finite(evaluation)
            answers.append(answer)
            evaluations.append(evaluation)
    except LossDefect as defect:
        first = defect.__cause__ if calls == 1 and first is None else first
        return Inspection(None, (finding_of(defect), *findings), calls, first)
    except OutOfTime as end:
        end.found = findings
        raise
    changed = differs(*evaluations)
    if changed:
        findings.insert(0, _finding("not-deterministic", f"two calls with the same S and y differ: {changed}"))
    if np.shares_memory(np.asarray(answers[0][1]), np.asarray(answers[1][1])):
        findings.append(_finding("shared-buffer", "two calls return the same memory as dS"))
    return Inspection(None if changed else evaluations[0], tuple(findings), calls, first)


def inspect_again(loss: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], before: Answer) -> Finding | None:
    """Call the loss once more at S, after it has been called elsewhere: a loss that keeps state now answers otherwise.

    Args:
        loss, scores, labels: as for ``inspect``.
        before: its answer at S before.

    Raises:
        LossDefect: as ``Function.evaluate``.
    """
    changed = differs(before, loss.evaluate(scores, labels))
    if not changed:
        return None
    return _finding("not-deterministic", f"after calls at other scores, the same S and y answer otherwise: {changed}")


def finding_of(defect: LossDefect) -> Finding:
    """A defect that ended the check of a problem, as a finding."""
    found = _finding(defect.code, defect.message, defect.details)
    if defect.code != "raises":
        return found
    from gradcheck.checking.exceptions import hint_of

    hint = hint_of(defect.__cause__)
    return replace(found, hint=hint) if hint else found


def differs(first: Answer, second: Answer) -> str:
    """How two answers differ by more than rounding, in words; empty where they do not."""
    allowed = _ROUNDING * first.value_eps * max(abs(first.value), abs(second.value))
    if not abs(first.value - second.value) <= allowed:
        return f"values {_shown(first.value)} and {_shown(second.value)}"
    if np.array_equal(first.gradient, second.gradient):
        return ""
    apart = np.abs(first.gradient - second.gradient)
    largest = max(float(np.max(np.abs(first.gradient))), float(np.max(np.abs(second.gradient))))
    if np.max(apart) <= _ROUNDING * first.gradient_eps * largest:
        return ""
    row, column = np.unravel_index(int(np.argmax(apart)), apart.shape)
    a, b = first.gradient[row, column], second.gradient[row, column]
    return f"dS[{row}, {column}] is {_shown(a)} and then {_shown(b)}"


def _shown(number: Any) -> str:
    """With all of its digits: two numbers that differ must not look alike."""
    return repr(number.item() if isinstance(number, np.generic) else number).removesuffix(".0")


def _mutations(
    scores: npt.NDArray[Any], after: npt.NDArray[Any], labels: npt.NDArray[Any], labels_after: npt.NDArray[Any]
) -> list[Finding]:
    findings = []
    for name, before, now in (("S", scores, after), ("y", labels, labels_after)):
        apart = before != now
        if np.any(apart):
            changed = np.argwhere(apart)
            at = tuple(changed[0].tolist())
            where = f"{name}[{', '.join(map(str, at))}]"
            message = (
                f"changes {name} in place: {where} was {_shown(before[at])} and is {_shown(now[at])} after the call"
            )
            findings.append(_finding("mutates-input", f"{message} ({len(changed)} of {before.size} entries changed)"))
    return findings


def _refuse_not_finite(evaluation: Answer) -> None:
    if not np.isfinite(evaluation.value):
        raise LossDefect("not-finite", f"the value is {evaluation.value}")
    finite = np.isfinite(evaluation.gradient)
    if not finite.all():
        bad = np.argwhere(~finite)
        row, column = bad[0].tolist()
        what = f"dS[{row}, {column}] is {evaluation.gradient[row, column]}"
        raise LossDefect("not-finite", f"{what} ({len(bad)} of {evaluation.gradient.size} entries are not finite)")


def _finding(code: str, message: str, details: str = "") -> Finding:
    return Finding(code, "warning" if code == "shared-buffer" else "error", message, _HINTS.get(code, ""), details)
