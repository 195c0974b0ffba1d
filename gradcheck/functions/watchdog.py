"""A second thread that looks after calls of the main thread which no exception can end, and ends the process.

Such a call is in compiled code that does not come back. Where that code lets other threads run, this one says where
the call is. Where it does not, nothing written in Python runs any more, this thread neither: then ``faulthandler``
writes where every thread is, and ends the process with an exit code of its own, 1.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from gradcheck.errors import LossDefect

#: Seconds that a call gets to end once its time is up: it may have to clean up.
GRACE = 5.0
#: Seconds between two looks.
_EVERY = 0.5


class Watchdog:
    """Looks, within its block, whether a call of the main thread is overdue.

    Args:
        seconds: what a call may take.
        at_hand: what is wrong with the call that the main thread is in; None where it is in none.
        stuck: told so, from this thread, when the call is overdue; returns the exit code of the process.

    Attributes:
        due: when the call under way has to be over, by ``time.monotonic``; None where none is under way.
    """

    def __init__(
        self, seconds: float, at_hand: Callable[[], LossDefect | None], stuck: Callable[[LossDefect], int]
    ) -> None:
        self.due: float | None = None
        self._seconds = seconds
        self._at_hand, self._stuck = at_hand, stuck
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="gradcheck-watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self.grant(self._seconds)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self.grant(self._seconds)
            due = self.due
            if due is None or time.monotonic() < due + GRACE:
                continue
            if (defect := self._at_hand()) and self.due == due:
                self._give_up(defect)

    def grant(self, seconds: float) -> None:
        """Calls may take so long from now on; if this is not called again for longer, faulthandler ends the process."""
        self._seconds = seconds
        if sys.__stderr__ is None:
            return
        with suppress(OSError, ValueError, AttributeError):  # standard error is closed, or none of the system's
            faulthandler.dump_traceback_later(seconds + 2 * GRACE, exit=True, file=sys.__stderr__)

    def _give_up(self, defect: LossDefect) -> None:
        code = 2
        try:
            code = self._stuck(defect)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def last_words(defect: LossDefect) -> int:
    """Say on standard error what hangs, and where; and that the process ends with 2."""
    lines = (f"gradcheck: a call {defect.message}", defect.details, "it cannot be ended, so the process is")
    if sys.__stderr__ is not None:
        sys.__stderr__.write("\n".join(line for line in lines if line) + "\n")
        sys.__stderr__.flush()
    return 2
