"""The budget of a run: counts calls, enforces ``--max-seconds`` and ``--timeout``, and reports progress."""

import faulthandler
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from gradcheck.config.settings import DEFAULTS, Settings
from gradcheck.errors import LossDefect, OutOfTime, TargetError, UsageError
from gradcheck.functions.output_capture import own_frames

REPORT_EVERY = 0.1  # seconds between two progress reports
LOADING = 60.0  # seconds that loading a module may take at least, because it may import a framework
GRACE = 5.0  # seconds, or as long as a call may take, in which an interrupted call must return; else the process ends
CHECK_EVERY = 0.2  # seconds between two checks by the second thread
_OVERHEAD = 60  # calls that a problem takes beside the two of each entry
_LONGEST = 1e8  # seconds; no timer accepts many more


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: its current target and problem, N x C, and the calls made for them."""

    target: str
    batch: tuple[int, int]
    done: int  # problems of this target that are done
    total: int  # all of them
    calls: int  # made for the current problem
    expected: int  # estimate of the calls that it takes in all
    share: float  # estimated share of this target's work that is done, between 0 and 1


ProgressCallback = Callable[[RunProgress], None]
#: Takes the defect of a call that hangs and cannot be interrupted, or that time is up; returns the process's exit code.
HangCallback = Callable[[LossDefect | OutOfTime], int]


class _Interrupted(BaseException):
    """Raised inside a call that takes too long; ``except Exception`` does not catch it."""


class Budget:
    """Counts calls, starts none after the deadline, interrupts those that hang if it can, and reports progress."""

    def __init__(
        self, settings: Settings = DEFAULTS, progress: ProgressCallback | None = None, can_interrupt: bool = False
    ) -> None:
        now = time.monotonic()
        self.calls = 0  # for the current problem
        self.limit = self._timeout = min(settings.timeout or math.inf, _LONGEST)  # seconds for the current call
        self.overdue: float | None = None  # when the current call exceeds its limit; None between calls
        self.deadline = now + min(settings.max_seconds or math.inf, _LONGEST)
        self._progress, self._next_report = progress, now + REPORT_EVERY
        self._can_interrupt = can_interrupt
        self._ended: LossDefect | OutOfTime | None = None
        self._target, self._shapes, self._done = "", [(0, 0)], 0
        self._expected = 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, above 0; years without a deadline."""
        return max(self.deadline - time.monotonic(), 1e-6)

    def start_problem(self, target: str, shapes: list[tuple[int, int]], done: int) -> None:
        """Count the next calls for problem ``done`` of a target, whose problems have these N and C; or OutOfTime."""
        if time.monotonic() >= self.deadline:
            raise OutOfTime
        self._target, self._shapes, self._done, self.calls = target, shapes, done, 0
        self.expect(2 * math.prod(shapes[done]) + _OVERHEAD)
        if not done:
            self._report()

    def expect(self, calls: int) -> None:
        """Replace the estimate of how many calls the current problem still takes."""
        self._expected = self.calls + calls

    def begin(self, calls: int = 1) -> None:
        """Count calls that are about to begin, here or in another process; OutOfTime after the deadline."""
        now = time.monotonic()
        if now >= self.deadline:
            raise OutOfTime
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY
            self._report()
        self.calls += calls

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function; OutOfTime at the deadline, a LossDefect ``hangs`` where it exceeds the timeout."""
        self.begin()
        return self._limited(self._timeout, function, arguments, options)

    def load(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what executes the user's module: not counted, and may take longer; a TargetError if it hangs."""
        try:
            return self._limited(max(LOADING, self._timeout), function, arguments, {})
        except LossDefect as defect:
            raise TargetError(f"loading it {defect.message}", details=defect.details) from None

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle the timer's signal: end the current call."""
        if end := self.hanging_call(frame):  # else it has returned in the meantime
            self._ended = self._ended or end
            raise _Interrupted

    def hanging_call(self, frame: FrameType | None) -> LossDefect | OutOfTime | None:
        """The defect ``hangs`` of the call that a frame belongs to, or that time is up; None if it belongs to none."""
        stack = list(traceback.walk_stack(frame)) if frame else []
        depth = next((k for k, (each, _) in enumerate(stack) if each.f_code is _call.__code__), None)
        if depth is None:
            return None
        # Lines are looked up after the stack is copied: the frames of a running thread may change meanwhile.
        frames = own_frames(traceback.StackSummary.extract(iter(stack[depth::-1]), lookup_lines=False))
        place = f"at {frames[-1].filename}:{frames[-1].lineno}" if frames else "at a place that is not known"
        if self.overdue is None or self.overdue > self.deadline:
            return OutOfTime(place)
        details = "".join(traceback.StackSummary.from_list(frames).format()).rstrip()
        return LossDefect("hangs", f"does not return within {self.limit:g} s: it is {place}", details=details)

    def _limited(self, limit: float, function: Callable[..., Any], arguments: Any, options: dict[str, Any]) -> Any:
        if not self._can_interrupt:
            return function(*arguments, **options)
        now = time.monotonic()
        self._ended, self.limit, self.overdue = None, limit, now + limit
        first = max(min(limit, self.deadline - now), 1e-6)
        signal.setitimer(signal.ITIMER_REAL, first, 0.1)  # again, if the call catches the exception
        try:
            answer = _call(function, arguments, options)
        except BaseException as error:
            if self._ended is None or isinstance(error, KeyboardInterrupt):
                raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.overdue = None
        if self._ended is not None:
            raise self._ended
        return answer

    def _report(self) -> None:
        if self._progress is not None:
            calls, done, expected = self.calls, self._done, max(self._expected, self.calls, 1)
            work = [math.prod(shape) + _OVERHEAD / 2 for shape in self._shapes]
            share = (sum(work[:done]) + work[done] * calls / expected) / sum(work)
            self._progress(RunProgress(self._target, self._shapes[done], done, len(work), calls, expected, share))


@contextmanager
def open_budget(
    settings: Settings, progress: ProgressCallback | None = None, on_hang: HangCallback | None = None
) -> Iterator[Budget]:
    """A budget for the calls made in the block; a UsageError if its times are not above 0 or cannot be enforced.

    ``on_hang`` is called from another thread when a call cannot be interrupted; then the process ends.
    """
    for option, seconds in (("--max-seconds", settings.max_seconds), ("--timeout", settings.timeout)):
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError(f"{option} is {seconds:g}, and must be a number of seconds above 0")
    has_timer = hasattr(signal, "setitimer")
    can_interrupt = has_timer and threading.current_thread() is threading.main_thread()
    if settings.timeout is not None and not can_interrupt:
        why = "works in the main thread only" if has_timer else "needs a timer that this system does not have (SIGALRM)"
        raise UsageError(f"a timeout {why}: nothing else can interrupt a call")
    if not can_interrupt or (settings.timeout is None and settings.max_seconds is None):
        yield Budget(settings, progress)
        return
    budget, begun = Budget(settings, progress, can_interrupt=True), time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.signal(signal.SIGALRM, budget.interrupt)
    closed = threading.Event()
    guard = threading.Thread(target=_guard, args=(budget, threading.get_ident(), closed, on_hang), daemon=True)
    guard.start()
    try:
        yield budget
    finally:
        closed.set()
        guard.join()
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if left:  # a timer of the caller's continues
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 1e-6), interval)


def _guard(budget: Budget, main: int, closed: threading.Event, on_hang: HangCallback | None) -> None:
    """Check the main thread's calls from a second thread; end the process if compiled code never returns."""
    while True:
        # If not even this thread can run, the process ends with exit code 1. Standard error may be closed.
        with suppress(OSError, ValueError, AttributeError):
            limit = min(budget.limit, budget.seconds_left)
            faulthandler.dump_traceback_later(limit + 2 * GRACE, exit=True, file=sys.__stderr__ or 2)
        if closed.wait(CHECK_EVERY):
            return
        overdue, grace = budget.overdue, min(GRACE, max(budget.limit, 1.0))
        if overdue is not None and time.monotonic() >= min(overdue, budget.deadline) + grace:
            end = budget.hanging_call(sys._current_frames().get(main))
            if end and budget.overdue == overdue:
                _end_process(end, on_hang)


def _end_process(end: LossDefect | OutOfTime, on_hang: HangCallback | None) -> None:
    code, error = 2, sys.__stderr__
    try:
        if on_hang is not None:
            code = on_hang(end)
        elif error is not None:
            why = f"{end.message}\n{end.details}" if isinstance(end, LossDefect) else f"is {end} when time is up"
            error.write(f"gradcheck: a call {why}\nit cannot be ended: the process ends\n")
        for stream in filter(None, (sys.stdout, sys.stderr, sys.__stderr__)):
            stream.flush()
    finally:
        os._exit(code)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call the function in a frame of its own: only what runs below this frame is interrupted."""
    return function(*arguments, **options)
