"""The contract of a function, checked before its gradient: pure, finite, deterministic, and of the right shape.

And what a function that breaks it may want: hints for well-known exceptions, and for labels of another kind.
"""

import inspect as introspection
import linecache
import re
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from operator import methodcaller
from traceback import walk_tb
from types import FrameType
from typing import Any, TextIO, get_args

import numpy as np

from gradcheck.config import Config, Labels, Normal
from gradcheck.config.distributions import LabelsKind
from gradcheck.config.settings import Framework
from gradcheck.errors import LossDefect, OutOfTime, nearest
from gradcheck.functions.answer import Answer, validated
from gradcheck.functions.frameworks import first_that_works, forms_of, ignored_upstream, jax_settings, recognised_form
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import is_own, let_through
from gradcheck.functions.signatures import NAMES_OF_LABELS
from gradcheck.layout import Arguments
from gradcheck.report import Array, Finding, FloatArray
from gradcheck.sampling import Problem, drawn

_ROUNDING = 256.0  # eps of the largest number by which two answers may differ, as sums computed in parallel do
#: A derivative along a line is right to this part of its size, by a plain difference with this step.
_PRECISE, _STEP = 1e-4, 1e-5

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


def hint_of(error: BaseException | None) -> str:
    """What to look at, if an exception is a well-known one; empty if it is not."""
    frames = walk_tb(error.__traceback__ if error is not None else None)
    own = [each for each in frames if is_own(each[0].f_code.co_filename)]
    if error is None or not own:
        return ""
    frame, number = own[-1]  # the innermost frame of the user's
    line = linecache.getline(frame.f_code.co_filename, number)
    if isinstance(error, UnboundLocalError):
        return "a name that a function assigns anywhere is local in all of it: it is read before it is assigned"
    if isinstance(error, NameError):
        return _name_hint(error.name, frame)
    if isinstance(error, ZeroDivisionError):
        return "is it divided by N - 1, in a batch of one row, or by a count that can be 0?"
    if isinstance(error, AttributeError) and "numpy.ndarray" in str(error):
        return _framework_hint("jax" if error.name == "at" else "torch")
    # S.sum(dim=1), and S.size(0), where a method of torch's is a number of NumPy's.
    if isinstance(error, TypeError) and re.search(r"argument 'dim'|'(int|tuple)' object is not callable", str(error)):
        return _framework_hint("torch")
    for kind, hint in ((TypeError, _type_hint), (IndexError, _index_hint), (ValueError, _shape_hint)):
        if isinstance(error, kind):
            return hint(str(error), frame, line)
    return ""


def _framework_hint(framework: str) -> str:
    return f"if S should be an array of {framework}, use --framework {framework}"


def _name_hint(name: str | None, frame: FrameType) -> str:
    if not name:
        return ""
    known = list(dict.fromkeys([*frame.f_locals, *frame.f_code.co_varnames]))
    # A matrix has a name of one capital letter: it may be S here, and X in the code that this was copied from.
    alike = [each for each in known if len(each) == len(name) == 1 and each.isupper() == name.isupper()]
    in_module = [each for each in frame.f_globals if not each.startswith("__")]
    meant = nearest(name, known, most=1) or alike or nearest(name, in_module, most=1)
    return f"{name} is not defined; did you mean {meant[0]}?" if meant else f"{name} is not defined"


def _type_hint(message: str, frame: FrameType, line: str) -> str:
    if "numpy boolean" in message:
        return "this is a boolean array, and NumPy cannot subtract or negate those: make it float, astype(float)"
    cast = re.search(r"ufunc '(?P<ufunc>\w+)' output from dtype\('\w+'\) to dtype\('u?int\d*'\)", message)
    if cast is None:
        return ""
    assigned = re.match(r"\s*([A-Za-z_]\w*)[^=]*=", line)
    name = assigned[1] if assigned else "it"
    verb = "divide it" if cast["ufunc"] in ("divide", "true_divide") else "write fractions to it"
    scores = next(iter(frame.f_code.co_varnames), "S")
    return f"{name} is an array of integers here: NumPy cannot {verb} in place; make it float: astype({scores}.dtype)"


def _index_hint(message: str, frame: FrameType, line: str) -> str:
    outside = re.search(r"is out of bounds for axis (\d) with size (\d+)", message)
    if outside is not None:
        axis, last = outside[1], int(outside[2]) - 1
        what = {"0": "batch size", "1": "class count"}.get(axis, "size")
        return f"axis {axis} ends at {last}: is a {what} written as a number? take it from the shape"
    if "could not be broadcast" in message:
        return "each index array must have one number for each row: is a batch size written as a number?"
    integers = "indices must be integers: labels may have become floats in a calculation"
    return integers if "must be of integer" in message else ""


def _shape_hint(message: str, frame: FrameType, line: str) -> str:
    if "cannot reshape" in message:
        return "the number of entries depends on the scores: are entries dropped by their value?"
    shapes = [tuple(map(int, re.findall(r"\d+", each))) for each in re.findall(r"\((\d+,[\d,]*)\)", message)]
    if "broadcast" not in message or len(shapes) < 2:
        return ""
    flat, full = ([each for each in shapes if len(each) == axes] for axes in (1, 2))
    if flat and full and flat[0][0] == full[0][0]:
        # A term or a factor of its own: y[i], and f(S, y), are not what was broadcast.
        term = r"[-+*/]\s*{0}\b(?!\s*[\[(.])|\b{0}\s*[-+*/]"
        labels = [name for name in frame.f_code.co_varnames[1:2] if re.search(term.format(name), line)]
        if labels:
            return f"{labels[0]} has one class for each row: if it should be one-hot, use --set labels.kind=one-hot"
        return "one number for each row stands beside N x C: keep its axis, with keepdims=True or [:, np.newaxis]"
    if len(full) >= 2 and full[0] == full[1][::-1]:
        return "one of the two is transposed"
    return "is a batch size or a class count written as a number? take it from the shape"


def wanted_labels(loss: Function, config: Config) -> tuple[Finding, Problem] | None:
    """Why a loss fails where labels cannot be broadcast, if it takes other labels or (y, S); about 30 calls at most.

    Its defect with a hint that says what to change, and where; None where the loss works, or nothing else does.
    """
    C = config.classes[0]
    N = 4 if C == 3 else 3
    own = config.model_copy(update={"scores": (Normal(),)})
    problem = drawn(own, N, C, Normal().describe(), config.seed)
    try:
        loss.evaluate(problem.S, problem.y)
    except LossDefect as defect:
        found = finding_of(defect)
    else:
        return None
    works = []
    for is_swapped in _orders(loss):
        function = _swapped(loss) if is_swapped else loss
        for kind in get_args(LabelsKind):
            other = own.model_copy(update={"labels": Labels(kind=kind, distribution=config.labels.distribution)})
            y = drawn(other, N, C, Normal().describe(), config.seed).y
            with suppress(LossDefect):
                works.append((_is_right(function, problem.S, y), is_swapped, kind))
    works = [each for each in works if each[0]] or [each for each in works if not each[1]]
    if not works:
        return None
    _, is_swapped, kind = works[0]
    hint = f"use --set labels.kind={kind}" if kind != config.labels.kind else ""
    if is_swapped:
        hint = " and ".join(filter(None, ("its arguments are (y, S): call it from a function of (S, y)", hint)))
    else:
        also = [each for _, order, each in works[1:] if not order]
        hint = f"it takes labels of another kind: {hint}" + (f"; it takes {', '.join(also)} too" if also else "")
    return replace(found, hint=hint), problem


def labels_at_fault(S: FloatArray, y: Any) -> str:
    """What is wrong with given labels, N ints, beside N x C scores; empty for other labels and for right ones."""
    if y.ndim != 1 or y.dtype.kind not in "iu" or not y.size:
        return ""
    N, C = S.shape
    if len(y) != N:
        return f"y has {len(y)} labels, and S has {N} rows"
    outside = np.flatnonzero((y < 0) | (y >= C))
    return f"y[{outside[0]}] is {y[outside[0]]}, and the labels of {C} classes are 0 to {C - 1}" if outside.size else ""


def _swapped(loss: Function) -> Function:
    """The function called with (y, S)."""
    function = introspection.unwrap(loss.function) if loss.adapter else loss.function

    def swapped(S: Any, y: Any) -> Any:
        return function(y, S)

    return replace(loss, function=loss.adapter(swapped) if loss.adapter else swapped)


def _is_right(loss: Function, S: FloatArray, y: Any) -> bool:
    """Whether dS is the derivative along a line; raises LossDefect where the function does not take these labels."""
    rng = np.random.default_rng(S.shape)
    S, along = S.astype(np.float64), rng.normal(size=S.shape)
    above, below = (loss.evaluate((S + h * along).astype(S.dtype), y).value for h in (_STEP, -_STEP))
    answer = loss.evaluate(S, y)
    if not (np.isfinite(answer.value) and np.isfinite(answer.gradient).all()):
        raise LossDefect("not-finite", "")
    apart = abs((above - below) / (2 * _STEP) - float(np.sum(along * answer.gradient)))
    return bool(apart <= _PRECISE * float(np.linalg.norm(along * answer.gradient)))


def _orders(loss: Function) -> tuple[bool, ...]:
    """Whether the arguments are to be tried swapped, in the order in which that is likely by their names."""
    with suppress(TypeError, ValueError):
        first, second = (
            name.lower() in NAMES_OF_LABELS for name in [*introspection.signature(loss.function).parameters][:2]
        )
        return (False,) if second else (True, False) if first else (False, True)
    return False, True
