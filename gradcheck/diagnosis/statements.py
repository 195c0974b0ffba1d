"""The line at fault: one more call of the loss, under Python's tracer, that tests a condition before each statement."""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from traceback import FrameSummary, StackSummary
from types import FrameType
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Allowance
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.output_capture import is_own
from gradcheck.report import Finding
from gradcheck.sampling import Problem

#: At most so many statements are traced: loops over entries of a large matrix take too long.
_MOST = 20_000
#: What to look at, by what the line has in it.
_NOT_FINITE = {
    "exp": "subtract the row's maximum before exp: e^{s_j - s_max} does not overflow",
    "log": "log(0) is -inf, and 0 log(0) is nan: take the log of a quotient as a difference, and leave out terms of 0",
    "": "look at what is divided by there, or whose root is taken: it is 0 or negative",
}


def refine(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """A finding about the loss's contract, at this problem, with the line at fault; None where nothing is learnt."""
    S, y = troubled.S.copy(), troubled.y.copy()

    def is_changed(_: list[Any]) -> bool:
        pairs = (S, troubled.S), (y, troubled.y)
        return not all(np.array_equal(now, before, equal_nan=True) for now, before in pairs)

    def is_not_finite(values: list[Any]) -> bool:
        floats = [each for each in values if isinstance(each, np.ndarray | np.floating | float)]
        return not all(np.isfinite(each).all() for each in floats if np.asarray(each).dtype.kind == "f")

    conditions = {"mutates-input": is_changed, "not-finite": is_not_finite}
    line = ""
    with suppress(OutOfTime):
        line = _first(ask, (S, y), conditions[contract.code]) if contract.code in conditions else ""
    if line and contract.code == "not-finite":
        hint = next(hint for word, hint in _NOT_FINITE.items() if word in line.rpartition("\n")[2])
        return replace(contract, hint=hint, details=line)
    return replace(contract, details=line) if line else None


def _first(ask: Allowance, arguments: tuple[Any, Any], condition: Callable[[list[Any]], bool]) -> str:
    """The first statement after which local variables or what is returned fulfil a condition, as in a traceback."""
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
