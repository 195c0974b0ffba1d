"""The contract of a function, checked before its gradient: pure, finite, deterministic, and of the right shape."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from operator import methodcaller
from typing import Any, TextIO

import numpy as np

from gradcheck.checking.exceptions import hint_of
from gradcheck.config.settings import Framework
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.answer import Answer, validated
from gradcheck.functions.frameworks import first_that_works, forms_of, ignored_upstream, jax_settings, recognised_form
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import let_through
from gradcheck.layout import Arguments
from gradcheck.report import Array, Finding

_ROUNDING = 256.0  # eps of the largest number by which two answers may differ, as sums computed in parallel do

_HINTS = {
    "raises": "look at the line of your code that is named here, and at what it gets in the smallest case",
    "hangs": "look for an endless loop, or a wait for something that never comes; if it is only slow, raise --timeout",
    "wrong-shape": "return (value, dS): a single number, and an array of the shape of S",
    "wrong-dtype": "return real numbers",
    "not-finite": "subtract the row's maximum before exp; take the log of a probability as a difference, not as log(p)",
    "mutates-input": "work on a copy: the caller's arrays are changed",
    "not-deterministic": "seed or remove what is random, and keep no state between calls",
    "ignores-upstream-gradient": "multiply by what a backward is given: grad_output, or the cotangent of a custom_vjp",
    "shared-buffer": "return a new array: a caller that keeps the first dS loses it at the second call",
}


@dataclass(frozen=True, eq=False)
class Inspection:
    """The result of two calls at S."""

    evaluation: Answer | None  # the answer at S; None if the gradient cannot be checked there
    findings: tuple[Finding, ...]  # broken contracts, the worst first
    calls: int  # made
    first: Any = None  # what the first call returned, or the exception that it raised


def inspect(loss: Function, scores: Array, labels: Array, stderr: TextIO | None) -> Inspection:
    """Call the function twice on copies of N x C scores and of labels, and check its contract.

    The output of the first call goes to ``stderr``; None if it stays captured.

    Raises:
        OutOfTime: the deadline has passed; with the findings so far.
    """
    calls, first = 0, None
    findings: list[Finding] = []
    answers, valid = [], []
    try:
        for output in (let_through(stderr) if stderr else nullcontext(), nullcontext()):
            own_scores, own_labels = scores.copy(), labels.copy()
            calls += 1
            with output:
                answer = loss.call(own_scores, own_labels)
            if calls == 1:
                first = answer
                if isinstance(labels, Arguments):
                    old, new = (labels.layout.arrays(each.reshape(-1)) for each in (scores, own_scores))
                    findings += [each for name in old for each in _mutations(name, old[name], new[name])][:1]
                else:
                    findings += _mutations("S", scores, own_scores) + _mutations("y", labels, own_labels)
            answers.append(answer)
            valid.append(validated(answer, scores.shape))
            _refuse_not_finite(valid[-1])
    except LossDefect as defect:
        first = defect.__cause__ if calls == 1 and first is None else first
        return Inspection(None, (finding_of(defect), *findings), calls, first)
    except OutOfTime as end:
        end.found = findings
        raise
    changed = differs(*valid)
    if changed:
        findings.insert(0, _finding("not-deterministic", f"two calls with the same S and y differ: {changed}"))
    elif ignored := ignored_upstream(loss, scores, labels, valid[0].gradient):
        findings.append(_finding("ignores-upstream-gradient", ignored))
    if np.shares_memory(np.asarray(answers[0][1]), np.asarray(answers[1][1])):
        findings.append(_finding("shared-buffer", "two calls return the same memory as dS"))
    return Inspection(None if changed else valid[0], tuple(findings), calls, first)


def inspect_at_first(
    loss: Function, scores: Array, labels: Array, stderr: TextIO | None, framework: Framework
) -> tuple[Function, Inspection]:
    """Check a function's contract for the first time, with the arrays of its framework.

    ``auto`` starts with NumPy's arrays, and tries a framework only if the first answer is made of its objects, or if
    the first call raises and the framework has been imported.

    Returns:
        The function to call from now on, and its inspection.
    """
    attempt = methodcaller("evaluate", scores, labels)
    if framework not in ("auto", "numpy"):
        loss, _ = first_that_works(forms_of(loss, framework), attempt)
    is_auto = framework == "auto" and loss.framework == "numpy"
    settings = jax_settings(loss) if is_auto else None
    with settings or nullcontext():
        inspection = inspect(loss, scores, labels, stderr)
    if is_auto:
        usable = inspection.evaluation is not None
        other = recognised_form(inspection.first, usable, partial(forms_of, loss), attempt)
        if other not in (None, loss):
            loss, inspection = other, inspect(other, scores, labels, stderr)
        elif settings:  # the function is none of JAX's: its own setting counts
            inspection = inspect(loss, scores, labels, None)
    return loss, replace(inspection, first=None)  # the answer itself may be large


def inspect_again(loss: Function, scores: Array, labels: Array, before: Answer) -> Finding | None:
    """Call the function once more at S, after calls elsewhere; raises ``LossDefect`` as ``Function.evaluate``."""
    changed = differs(before, loss.evaluate(scores, labels))
    message = f"after calls at other scores, the same S and y answer otherwise: {changed}"
    return _finding("not-deterministic", message) if changed else None


def finding_of(defect: LossDefect) -> Finding:
    """The finding of a defect that ended the check of a problem."""
    found = _finding(defect.code, defect.message, defect.details)
    hint = hint_of(defect.__cause__) if defect.code == "raises" else ""
    return replace(found, hint=hint) if hint else found


def differs(first: Answer, second: Answer) -> str:
    """How two answers differ by more than rounding, in words; empty if they do not."""
    allowed = _ROUNDING * first.value_eps * max(abs(first.value), abs(second.value))
    if not abs(first.value - second.value) <= allowed:
        return f"values {_shown(first.value)} and {_shown(second.value)}"
    if np.array_equal(first.gradient, second.gradient):
        return ""
    difference = np.abs(first.gradient - second.gradient)
    largest = max(np.max(np.abs(first.gradient)), np.max(np.abs(second.gradient)))
    if np.max(difference) <= _ROUNDING * first.gradient_eps * largest:
        return ""
    row, column = np.unravel_index(int(np.argmax(difference)), difference.shape)
    a, b = first.gradient[row, column], second.gradient[row, column]
    return f"dS[{row}, {column}] is {_shown(a)} and then {_shown(b)}"


def _shown(number: Any) -> str:
    """A number with all of its digits: two that differ must not look alike."""
    return repr(number.item() if isinstance(number, np.generic) else number).removesuffix(".0")


def _mutations(name: str, before: Array, after: Array) -> list[Finding]:
    if np.array_equal(before, after):
        return []
    changed = np.argwhere(before != after)
    at = tuple(changed[0].tolist())
    change = f"was {_shown(before[at])} and is {_shown(after[at])} after the call"
    message = f"changes {name} in place: {name}[{', '.join(map(str, at))}] {change}"
    return [_finding("mutates-input", f"{message} ({len(changed)} of {before.size} entries changed)")]


def _refuse_not_finite(answer: Answer) -> None:
    if not np.isfinite(answer.value):
        raise LossDefect("not-finite", f"the value is {answer.value}")
    if not np.isfinite(answer.gradient).all():
        bad = np.argwhere(~np.isfinite(answer.gradient))
        row, column = bad[0].tolist()
        what = f"dS[{row}, {column}] is {answer.gradient[row, column]}"
        raise LossDefect("not-finite", f"{what} ({len(bad)} of {answer.gradient.size} entries are not finite)")


def _finding(code: str, message: str, details: str = "") -> Finding:
    return Finding(code, "warning" if code == "shared-buffer" else "error", message, _HINTS.get(code, ""), details)
