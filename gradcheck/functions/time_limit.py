"""A limit on the time that a call of the user's code may take: a call that hangs is ended, and where it hung is told.

A timer's signal ends the call by an exception that no ``except Exception`` catches. A call that catches it all the
same gets it again, and again at the next line that it comes to, which lies in the clause that caught it. What no
exception can end, for the interpreter is stuck in compiled code, is left to the ``Watchdog``.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from opcode import opmap
from types import FrameType
from typing import Any

from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.tracebacks import own_frames
from gradcheck.functions.watchdog import Watchdog, last_words

#: Seconds after which a call that would not end is ended once more.
_AGAIN = 0.1
#: No timer takes more seconds than some such number.
_LONGEST = 1e8

#: Instructions that keep the books of what is being handled: without them it would be handled for ever.
_NOT_TO_BE_MISSED = {opmap["PUSH_EXC_INFO"], opmap["POP_EXCEPT"]}

_Stack = list[tuple[FrameType, int]]


class _Ended(BaseException):
    """Raised inside of a call whose time is up."""


@contextmanager
def time_limit(seconds: float, stuck: Callable[[LossDefect], int] = last_words) -> Iterator[TimeLimit]:
    """A limit for the calls that are made within the block, from the main thread.

    The timer of the process (``ITIMER_REAL``) and its signal are the limit's meanwhile; one that was set before goes
    on after the block.

    Args:
        seconds: wall time that a call may take, above 0.
        stuck: told, from another thread, of a call that could not be ended; then the process ends, with the exit
            code that it returns.

    Raises:
        UsageError: there is no such timer on this system, or this is not the main thread.

    Example:
        >>> with time_limit(5.0) as limit:
        ...     limit.call(sum, [1, 2, 3])
        6
    """
    if not hasattr(signal, "setitimer"):
        raise UsageError("a timeout needs a timer that interrupts a call, and this system has none (SIGALRM)")
    if threading.current_thread() is not threading.main_thread():
        raise UsageError("a timeout can be kept in the main thread only: no other can be interrupted")
    limit = TimeLimit(seconds, stuck)
    begun = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, limit.ring)
    try:
        with limit.watchdog:
            yield limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 1e-6), interval)


class TimeLimit:
    """What each call may take; made by ``time_limit``.

    A process that is suspended in the midst of a call is not told from a call that hangs.

    Attributes:
        seconds: wall time.
        watchdog: what looks after calls that cannot be ended.
    """

    def __init__(self, seconds: float, stuck: Callable[[LossDefect], int]) -> None:
        self.seconds = self._granted = min(seconds, _LONGEST)
        self.watchdog = Watchdog(self.seconds, self._seen_from_outside, stuck)
        self._defect: LossDefect | None = None
        self._traced = False

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function, for ``seconds`` at most.

        Raises:
            LossDefect: ``hangs``, whatever the function raised or returned once its time was up.
        """
        self._defect, tracer = None, sys.gettrace()
        self.watchdog.due = time.monotonic() + self._granted
        signal.setitimer(signal.ITIMER_REAL, self._granted, _AGAIN)
        try:
            answer = self._inside(function, arguments, options)
        except KeyboardInterrupt:
            raise
        except BaseException:
            if self._defect is None:
                raise
        finally:
            if self._traced:
                sys.settrace(tracer)
                self._traced = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.watchdog.due = None
        if self._defect is not None:
            raise self._defect
        return answer

    def call_within(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """As ``call``, for so many seconds instead."""
        self._granted = seconds
        self.watchdog.grant(seconds)
        try:
            return self.call(function, *arguments)
        finally:
            self._granted = self.seconds
            self.watchdog.grant(self.seconds)

    def _inside(self, function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A frame of its own: below it is what may be interrupted at any moment, and nothing else."""
        return function(*arguments, **options)

    def ring(self, number: int, frame: FrameType | None) -> None:
        """Handle the timer's signal: end the call that is under way."""
        stack = self._stack(frame)
        if not stack:  # it has come back in the meantime
            return
        if self._defect is None:
            self._defect = _hangs(stack, self._granted)
        else:  # it was ended before, and would not
            self._traced = True
            for each, _ in stack:
                each.f_trace = self._at_the_next_line
            sys.settrace(self._at_the_next_line)
        raise _Ended

    def _at_the_next_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._stack(frame):
            return None
        if event == "line" and frame.f_code.co_code[frame.f_lasti] not in _NOT_TO_BE_MISSED:
            raise _Ended
        return self._at_the_next_line

    def _stack(self, frame: FrameType | None) -> _Stack:
        """The frames of the call that is under way, its own first; none where none is, or it has not begun."""
        stack: _Stack = []
        for each, line in traceback.walk_stack(frame) if frame else ():
            if each.f_code is TimeLimit._inside.__code__ and each.f_locals["self"] is self:
                return [(each, line), *reversed(stack)]
            stack.append((each, line))
        return []

    def _seen_from_outside(self) -> LossDefect | None:
        """What is wrong with the call that the main thread is in; None where it is in none."""
        stack = self._stack(sys._current_frames().get(threading.main_thread().ident or 0))
        return _hangs(stack, self._granted) if stack else None


def _hangs(stack: _Stack, seconds: float) -> LossDefect:
    # From here on the frames may move; and a summary that looks lines up later keeps none of them alive.
    frames = own_frames(traceback.StackSummary.extract(iter(stack[1:]), lookup_lines=False))
    place = f": it is at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    details = "".join(traceback.StackSummary.from_list(frames).format()).rstrip()
    return LossDefect("hangs", f"does not return within {seconds:g} s{place}", details=details)
