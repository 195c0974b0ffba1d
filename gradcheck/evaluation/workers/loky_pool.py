"""Workers on this machine: processes that end with the run."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from gradcheck.errors import UsageError
from gradcheck.evaluation.workers.pool import Future, require

#: A library that computes in as many threads as there are cores would have every worker do so.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    ),
    "1",
)  # fmt: skip


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LokyPool:
    """Processes of joblib's loky, started at the first ``submit``.

    An executor of its own, not the one that joblib keeps: that one may be in use, and have old modules loaded.

    Raises:
        UsageError: joblib is not installed.
    """

    def __init__(self, jobs: int) -> None:
        require("joblib", "--jobs", "parallel")
        self.jobs = jobs
        self._executor: Any = None
        self._latest: deque[Any] = deque(maxlen=4 * jobs)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """See ``Pool.submit``."""
        if self._executor is None:
            from joblib.externals.loky import ProcessPoolExecutor

            self._executor = ProcessPoolExecutor(
                self.jobs, env=_ONE_THREAD, initializer=_settle, initargs=(os.getpid(),)
            )
        with _deaf_to_interrupts():
            future: Future = self._executor.submit(function, *arguments)
            self._latest.append(future)
        return future

    def look(self) -> None:
        """See ``Pool.look``: the executor notices by itself when a process dies."""

    def forget(self, futures: Sequence[Future]) -> None:
        """See ``Pool.forget``: they are soon over."""

    def why(self, error: Exception) -> UsageError:
        """See ``Pool.why``."""
        self.close()
        if type(error).__name__ == "TerminatedWorkerError":
            codes = re.search(r"exit codes of the workers are \{(.*)\}", str(error))
            how = f": {', '.join(sorted(set(codes[1].split(', '))))}" if codes else ""
            return UsageError(
                f"a worker process died while it called the loss{how}",
                hint="a loss that ends its process, a crash in compiled code, or memory that ran out: "
                "see where without --jobs",
            )
        return UsageError(f"a worker could not do its part: {type(error).__name__}: {error}", hint="try without --jobs")

    def close(self) -> None:
        """See ``Pool.close``."""
        if self._executor is None:
            return
        executor, self._executor = self._executor, None
        busy = [future for future in self._latest if not future.done()]
        self._latest.clear()
        # To kill them while calls wait to be handed over would upset the executor.
        patience = time.monotonic() + 1.0
        while time.monotonic() < patience and any(not (future.running() or future.done()) for future in busy):
            time.sleep(0.001)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            executor.shutdown(wait=True, kill_workers=bool(busy))


def _settle(parent: int) -> None:
    """In a worker: say nothing on standard output, not even from compiled code, and do not outlive the parent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started within it never hear of Ctrl-C, which this one handles."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else it would be started within, and end the deafness
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
