"""The statement at fault, in the user's own file: one more call of the loss, watched from statement to statement.

Between two events of Python's tracer only the statement under way can have done anything. So what is looked for is
looked at before each statement, and what has come about since the last look is the doing of the one before.
"""

from __future__ import annotations

import linecache
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.diagnosis.evidence import Allowance
from gradcheck.errors import LossDefect
from gradcheck.functions.output_capture import is_own

#: Statements that are watched, at most: loops over entries of a large matrix are left to themselves.
_MOST = 20_000

#: Told a frame before each of its statements, and what it returns where it does; whether the statement before is at
#: fault.
_Look = Callable[[FrameType, Any], bool]


@dataclass(frozen=True)
class Statement:
    """A statement of the user's.

    Attributes:
        file, line: where it is.
        function: in which it is.
    """

    file: str
    line: int
    function: str

    @property
    def text(self) -> str:
        """Its line in the file; empty where there is none to be read."""
        return linecache.getline(self.file, self.line).strip()

    def shown(self) -> str:
        """As Python prints it in a traceback."""
        frame = traceback.FrameSummary(self.file, self.line, self.function)
        return "".join(traceback.StackSummary.from_list([frame]).format()).rstrip()


def that_changed(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> Statement | None:
    """The first statement that wrote to the scores or the labels. One call.

    Args:
        ask: the loss.
        S, y: where; they are left as they are.

    Returns:
        None where none did, or it cannot be seen.

    Raises:
        Spent: no call is left.
    """
    given = S.copy(), y.copy()

    def has_changed(frame: FrameType, returned: Any) -> bool:
        return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(given, (S, y), strict=True))

    tracer = _Tracer(has_changed)
    _call(ask, *given, tracer)
    return tracer.found[0] if tracer.found else None


def that_is_not_finite(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> Statement | None:
    """The first statement after which a local variable is not finite, or what it returns. As ``that_changed``."""

    def is_not_finite(frame: FrameType, returned: Any) -> bool:
        return any(map(_is_not_finite, (*frame.f_locals.values(), *_parts(returned))))

    tracer = _Tracer(is_not_finite)
    _call(ask, S.copy(), y.copy(), tracer)
    return tracer.found[0] if tracer.found else None


def that_made_it_whole(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any]) -> Statement | None:
    """The statement that made the array that is returned as dS, or that left nothing but whole numbers in it.

    As ``that_changed``.
    """
    fractional: dict[int, bool] = {}
    at_fault: dict[int, int] = {}
    kept: list[Any] = []  # or else another array might get the same id

    def changes(frame: FrameType, returned: Any) -> bool:
        fresh = False
        for thing in (*frame.f_locals.values(), *_parts(returned)):
            if isinstance(thing, np.ndarray):
                before, now = fractional.get(id(thing)), _is_fractional(thing)
                if before is None or (before and not now):
                    kept.append(thing)
                    at_fault[id(thing)] = len(tracer.found)
                    fresh = True
                fractional[id(thing)] = now
        return fresh

    tracer = _Tracer(changes, all_of_them=True)
    answer = _call(ask, S.copy(), y.copy(), tracer)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return None
    place = at_fault.get(id(answer[1]))
    return None if place is None else tracer.found[place]


class _Tracer:
    """What Python is to call in the midst of the loss (see ``sys.settrace``).

    Attributes:
        found: the statements at fault, in order.
    """

    def __init__(self, look: _Look, all_of_them: bool = False) -> None:
        self.found: list[Statement] = []
        self._look, self._all = look, all_of_them
        self._under_way: list[Statement] = []
        self._left = _MOST

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A function is called: it is followed where it is the user's own."""
        if not self._left or not is_own(frame.f_code.co_filename):
            return None
        self._under_way.append(_statement(frame))
        return self._follow

    def _follow(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._left:
            return None
        self._left -= 1
        if self._look(frame, argument if event == "return" else None):
            self.found.append(self._under_way[-1])
            if not self._all:
                self._left = 0
        if event == "line":
            self._under_way[-1] = _statement(frame)
        elif event == "return":
            self._under_way.pop()
        return self._follow


def _statement(frame: FrameType) -> Statement:
    return Statement(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def _call(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any], tracer: _Tracer) -> Any:
    """What the loss returns, watched; None where it raises, or cannot be watched."""
    loss = ask.loss
    if loss.file is None or loss.framework != "numpy" or threading.current_thread() is not threading.main_thread():
        return None
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        return ask.call(S, y)
    except LossDefect:
        return None
    finally:
        sys.settrace(before)


def _parts(returned: Any) -> tuple[Any, ...]:
    return tuple(returned) if isinstance(returned, tuple | list) else (returned,)


def _is_not_finite(thing: Any) -> bool:
    if isinstance(thing, np.ndarray | np.floating | float):
        array = np.asarray(thing)
        return array.dtype.kind == "f" and not np.isfinite(array).all()
    return False


def _is_fractional(array: npt.NDArray[Any]) -> bool:
    with np.errstate(invalid="ignore"):
        return array.dtype.kind == "f" and bool(np.any(array != np.rint(array)))
