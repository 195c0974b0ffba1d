"""The line of the user's code that a finding is about: one more call of the loss, under Python's tracer.

Between two events of the tracer only one statement can have changed anything. A condition is tested before each
statement, and once it holds, the statement before is the cause.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from traceback import FrameSummary, StackSummary
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.evidence import Allowance, Spent
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.output_capture import is_own
from gradcheck.report import Finding
from gradcheck.sampling import Problem

#: At most so many statements are traced: loops over entries of a large matrix take too long.
_MOST = 20_000
#: By the dtype of the scores, half the width of a central difference and its relative error: far above its rounding,
#: far below what another gradient would differ by.
_STEPS = {"float64": (1e-4, 1e-5), "float32": (1e-2, 1e-3)}
#: S is moved by about this first, away from ties.
_AWAY = 0.1
#: What to look at, by what the line has in it.
_NOT_FINITE = {
    "exp": "subtract the row's maximum before exp: e^{s_j - s_max} does not overflow",
    "log": "log(0) is -inf, and 0 log(0) is nan: take the log of a quotient as a difference, and leave out terms of 0",
    "": "look at what is divided by there, or whose root is taken: it is 0 or negative",
}
#: Called before each statement with the local variables and what is returned; true if the statement before is wanted.
_Condition = Callable[[list[Any]], bool]


def refine(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """A finding about the loss's contract with the line at fault, or with a better code.

    Args:
        contract: the finding.
        troubled: the problem at which it was made.
        ask: the loss, for a few more calls.

    Returns:
        None where nothing is learnt.
    """
    S, y = troubled.S, troubled.y
    try:
        if contract.code == "wrong-shape":
            return _transposed(contract, S, y, ask)
        if contract.code == "mutates-input":
            given = (S.copy(), y.copy())

            def is_changed(_: list[Any]) -> bool:
                pairs = zip(given, (S, y), strict=True)
                return not all(np.array_equal(now, before, equal_nan=True) for now, before in pairs)

            line = _first(ask, given, is_changed)
            return replace(contract, details=line) if line else None
        if contract.code == "not-finite":
            line = _first(ask, (S.copy(), y.copy()), lambda values: any(map(_is_not_finite, values)))
            hint = next(hint for word, hint in _NOT_FINITE.items() if word in line.rpartition("\n")[2])
            return replace(contract, hint=hint, details=line) if line else None
    except (Spent, LossDefect, OutOfTime):
        pass
    return None


def _transposed(contract: Finding, S: npt.NDArray[Any], y: npt.NDArray[Any], ask: Allowance) -> Finding | None:
    """dS has shape C x N and its transpose is the gradient, along one direction. Two calls."""
    N, C = S.shape
    if N == C or S.dtype.name not in _STEPS or not _is_transposed(ask, S, y):
        return None
    return replace(
        contract,
        code="transposed",
        message=f"dS.T is the gradient, and dS is not: {contract.message}",
        hint="return dS.T; or create dS with the shape of S, dS[i, j] for row i and class j",
    )


def _is_transposed(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> bool:
    """Whether dS.T is the gradient along a random direction near S. Two calls."""
    h, rtol = _STEPS[S.dtype.name]
    middle, direction = np.random.default_rng(S.shape).standard_normal((2, *S.shape))
    points = [(S + _AWAY * middle + step * direction).astype(S.dtype) for step in (h, -h)]
    try:
        (after, dS), (before, dS_before) = (ask.call(point.copy(), y.copy()) for point in points)
        difference, both = float(after) - float(before), np.array([dS, dS_before], dtype=np.float64)
    except (LossDefect, TypeError, ValueError):  # no number and array
        return False
    if both.shape != (2, *S.T.shape):
        return False
    terms = both.mean(axis=0).T * (points[0].astype(np.float64) - points[1])
    return bool(terms.any() and abs(difference - terms.sum()) <= rtol * np.abs(terms).sum())


def _first(ask: Allowance, arguments: tuple[Any, Any], condition: _Condition) -> str:
    """The first statement after which a condition holds, as in a traceback; empty if there is none. One call."""
    current: list[FrameSummary] = []  # of each frame that is under way
    found: list[FrameSummary] = []
    left = _MOST

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        statement = FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        if not left or found or (event == "call" and not is_own(statement.filename)):
            return None
        left -= 1
        returned = [*argument] if isinstance(argument, tuple | list) else [argument]
        if event != "call" and condition([*frame.f_locals.values(), *(returned if event == "return" else ())]):
            found.append(current[-1])
        if event == "return":
            current.pop()
        elif event == "line":
            current[-1] = statement
        elif event == "call":
            current.append(statement)
        return trace

    loss, before = ask.loss, sys.gettrace()
    if loss.file is None or loss.framework != "numpy" or threading.current_thread() is not threading.main_thread():
        return ""
    sys.settrace(trace)
    with suppress(LossDefect):
        try:
            ask.call(*arguments)
        finally:
            sys.settrace(before)
    return "".join(StackSummary.from_list(found).format()).rstrip()


def _is_not_finite(thing: Any) -> bool:
    is_float = isinstance(thing, np.ndarray | np.floating | float) and np.asarray(thing).dtype.kind == "f"
    return is_float and not np.isfinite(thing).all()
