"""Labels of another kind, or the arguments in the other order: what a loss that fails, or broadcasts, may want."""

import inspect
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from gradcheck.checking.contract import finding_of
from gradcheck.config import Config, Labels, Normal
from gradcheck.config.distributions import LabelsKind
from gradcheck.errors import LossDefect
from gradcheck.functions.function import Function
from gradcheck.functions.signatures import NAMES_OF_LABELS
from gradcheck.report import Finding, FloatArray
from gradcheck.sampling import Problem, drawn

#: A derivative along a line is right to this part of its size, by a plain difference with this step.
_PRECISE, _STEP = 1e-4, 1e-5


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
    function = inspect.unwrap(loss.function) if loss.adapter else loss.function

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
        first, second = (name.lower() in NAMES_OF_LABELS for name in [*inspect.signature(loss.function).parameters][:2])
        return (False,) if second else (True, False) if first else (False, True)
    return False, True
