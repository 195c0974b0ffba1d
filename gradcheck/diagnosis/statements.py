"""The line of the user's code that a finding is about: one more call of the loss, under Python's tracer.

Between two events of the tracer only one statement can have changed anything. A condition is tested before each
statement, and once it holds, the statement before is the cause.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from traceback import FrameSummary, StackSummary
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.evidence import Allowance
from gradcheck.errors import LossDefect
from gradcheck.functions.output_capture import is_own

#: At most so many statements are traced: loops over entries of a large matrix take too long.
_MOST = 20_000

#: Called before each statement with the local variables and what is returned; true if the statement before is wanted.
_Condition = Callable[[list[Any]], bool]


def shown(statement: FrameSummary) -> str:
    """A statement as Python prints it in a traceback: file, line, function and text."""
    return "".join(StackSummary.from_list([statement]).format()).rstrip()


def that_changed(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> FrameSummary | None:
    """The first statement that writes to the scores or the labels. One call.

    Args:
        ask: the loss.
        S, y: the arguments; they are copied.

    Returns:
        None if there is none, or the loss cannot be traced.

    Raises:
        Spent: no call is left.
    """
    given, before = (S.copy(), y.copy()), (S, y)
    return _first(ask, given, lambda _: not all(map(partial(np.array_equal, equal_nan=True), given, before)))


def that_is_not_finite(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> FrameSummary | None:
    """The first statement that gives a local variable, or the result, a number that is not finite; as above."""
    return _first(ask, (S.copy(), y.copy()), lambda values: any(map(_is_not_finite, values)))


def that_made_it_whole(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> FrameSummary | None:
    """The statement that creates the array returned as dS, or that leaves only whole numbers in it; as above."""
    found: list[FrameSummary] = []
    fractional: dict[int, bool] = {}  # by the id of an array, as are the causes
    cause: dict[int, int] = {}
    kept: list[Any] = []  # so that no other array gets the same id

    def is_new_or_whole(values: list[Any]) -> bool:
        before = len(kept)
        for each in values:
            if isinstance(each, np.ndarray):
                was, fractional[id(each)] = fractional.get(id(each)), _is_fractional(each)
                if was is None or (was and not fractional[id(each)]):
                    kept.append(each)
                    cause[id(each)] = len(found)
        return len(kept) > before

    answer = _trace(ask, (S.copy(), y.copy()), is_new_or_whole, found, most=_MOST)
    is_pair = isinstance(answer, tuple | list) and len(answer) == 2
    return found[cause[id(answer[1])]] if is_pair and id(answer[1]) in cause else None


def _first(ask: Allowance, arguments: tuple[Any, Any], condition: _Condition) -> FrameSummary | None:
    found: list[FrameSummary] = []
    _trace(ask, arguments, condition, found)
    return found[0] if found else None


def _trace(
    ask: Allowance, arguments: tuple[Any, Any], condition: _Condition, found: list[FrameSummary], most: int = 1
) -> Any:
    """What the loss returns, None if it raises; ``found`` gets the statements after which the condition holds."""
    current: list[FrameSummary] = []  # of each frame that is under way
    left = _MOST

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        statement = FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        if not left or len(found) == most or (event == "call" and not is_own(statement.filename)):
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
        return None
    sys.settrace(trace)
    try:
        return ask.call(*arguments)
    except LossDefect:
        return None
    finally:
        sys.settrace(before)


def _is_not_finite(thing: Any) -> bool:
    is_float = isinstance(thing, np.ndarray | np.floating | float) and np.asarray(thing).dtype.kind == "f"
    return is_float and not np.isfinite(thing).all()


def _is_fractional(array: npt.NDArray[Any]) -> bool:
    with np.errstate(invalid="ignore"):
        return array.dtype.kind == "f" and bool(np.any(array != np.rint(array)))
