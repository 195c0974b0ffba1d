"""Many calls of a function at once in other processes, by joblib: loky on this machine, or a dask cluster.

Workers load the function themselves; each first repeats a call of this process, and its results are used only if it
agrees. They are bit for bit those of this process if they do not depend on the number of threads: a worker has one.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import chdir, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from gradcheck.config.settings import Settings
from gradcheck.errors import GradcheckError, LossDefect, OutOfTime, UsageError
from gradcheck.evaluation.objective import Asking, ask_for, groups_for
from gradcheck.functions.budget import Budget, open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import EXECUTED, load_target
from gradcheck.functions.output_capture import silenced
from gradcheck.report import Array, FloatArray, IndexArray

WORTH_SENDING = 0.3  # seconds of calls below which this process makes them itself
TASK, LEAST = 1.0, 4  # seconds of calls in a task, at most; but so many calls, because each task repeats one
ANSWERS = 5.0  # seconds in which a scheduler must answer
_NEEDS = "the loss must be one that can be pickled, and must neither end its process nor exhaust the memory"
_CLUSTER = f"{_NEEDS}; a cluster must be running, with this version of gradcheck and the files of the loss"
_HANGS = 86  # exit code of a worker whose call hangs and cannot be interrupted


@contextmanager
def open_pool(settings: Settings) -> Iterator[Pool | None]:
    """Workers for the calls made in the block; None if this process makes them all.

    Raises:
        UsageError: these contradict each other, a package is missing, or no scheduler answers.
    """
    is_dask = settings.backend == "dask"
    if settings.jobs < 0:
        raise UsageError(f"jobs (--jobs) is {settings.jobs}: ask for 1 or more, or for 0 to use every core")
    if is_dask and not settings.scheduler:
        raise UsageError("the backend dask needs a cluster", hint="name its scheduler: --scheduler tcp://HOST:PORT")
    if is_dask and settings.timeout is not None:
        raise UsageError("a timeout cannot be kept on a cluster: nothing can interrupt a call in its workers")
    if settings.scheduler and not is_dask:
        raise UsageError("a scheduler is a cluster's", hint="add --backend dask")
    if settings.jobs == 1 and not is_dask:
        yield None
        return
    for package in ("distributed", "joblib") if is_dask else ("joblib",):
        if find_spec(package) is None:
            hint = f"pip install 'gradcheck[{'dask' if is_dask else 'parallel'}]'"
            raise UsageError(f"--jobs and --backend need {package}, which is not installed", hint=hint)
    with closing(Pool(settings)) as pool:
        yield pool if pool.jobs > 1 or is_dask else None


class Pool:
    """Worker processes, ``jobs`` of them, used for calls that take longer than sending them."""

    def __init__(self, settings: Settings) -> None:
        import joblib

        self._settings, self._run = settings, os.urandom(8)
        self._client = _client(settings.scheduler) if settings.scheduler else None
        self.jobs = len(self._client.nthreads()) if self._client else settings.jobs or joblib.cpu_count()
        if not self.jobs:
            self.close()
            raise UsageError(f"the cluster at {settings.scheduler} has no workers")

    def ask(
        self, function: Function, asking: Asking, scores: Array, labels: Array, entries: IndexArray, after: Array
    ) -> FloatArray:
        """Values and derivatives as ``objective.ask_for`` returns them, for the same arguments; E above 0.

        The first call is made here: it shows how long a call takes, and each task repeats it.

        Raises:
            LossDefect: the first in the order of the calls.
            UsageError: the function cannot be sent to workers, or differs there; or a worker died.
            OutOfTime: the deadline has passed.
        """

        def here(which: IndexArray) -> FloatArray:
            return ask_for(asking, function.call, scores, labels, entries[which], after[which])

        found, begun = np.empty((2, len(entries))), time.perf_counter()
        control, *others = groups_for(asking, entries // scores.shape[1])
        found[:, control] = here(control)
        seconds = time.perf_counter() - begun
        if not others or seconds * len(others) < WORTH_SENDING:
            for group in others:
                found[:, group] = here(group)
            return found
        few = min(LEAST, math.ceil(len(others) / self.jobs))
        size = max(few, min(len(others) // (4 * self.jobs), int(TASK / seconds)))
        parts = [np.concatenate([control, *others[k : k + size]]) for k in range(0, len(others), size)]
        deadline = time.time() + function.budget.seconds_left
        how = self._run, self._settings.timeout, deadline, np.geterr(), os.getcwd() if os.path.exists(".") else ""
        sent = _without_process(function), how, asking, scores, labels
        with closing(self._results(((*sent, entries[part], after[part]) for part in parts), seconds * size)) as results:
            for k, (part, its) in enumerate(zip(parts, results, strict=True)):
                if isinstance(its, LossDefect):
                    here(part)  # raises the same, unless the loss is another one there
                    hint = "does it need what only this process has: a variable, an open file, command-line arguments?"
                    raise UsageError(f"in a worker the loss {its.message}", hint=hint, details=its.details)
                if isinstance(its, GradcheckError):
                    raise its
                there, own = its[0, : len(control)], found[0, control]
                if not np.allclose(there, own, rtol=1e-5, atol=0.0, equal_nan=True):
                    i = int(np.argmax(there != own))
                    message = f"in a worker the loss's value is {there[i]}; here, at the same scores, {own[i]}"
                    hint = "is something drawn at random as the module is imported? is an older version loaded there?"
                    raise UsageError(message, hint=hint)
                function.budget.begin(len(others[k * size : (k + 1) * size]))
                found[:, part] = its
        return found

    def close(self) -> None:
        """End the worker processes of this machine, even if they are busy; leave those of a cluster."""
        if self._client:
            with suppress(Exception):
                self._client.close()
            return
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(kill_workers=True).shutdown(wait=True, kill_workers=True)

    def _results(self, tasks: Iterable[tuple[Any, ...]], seconds: float) -> Generator[Any, None, None]:
        """What ``_work`` returns for each of these tasks, in order; a task should take so many seconds."""
        from joblib import Parallel, delayed, parallel_config

        where = {"backend": "loky", "inner_max_num_threads": 1, "initializer": _set_up, "initargs": (os.getpid(),)}
        results, patience = None, None
        if self._client:  # joblib would wait forever for a worker that was killed
            where, patience = {"backend": "dask", "client": self._client}, 6 * ANSWERS + 20 * seconds
        try:
            with parallel_config(n_jobs=self.jobs, **where), _interrupts_blocked():
                parallel = Parallel(return_as="generator", batch_size=1, timeout=patience)
                results = parallel(delayed(_work)(*task) for task in tasks)
            yield from results
        except Exception as error:
            if f"EXIT({_HANGS})" in str(error):
                if self._settings.timeout is None:
                    raise OutOfTime from None
                limit = f"{self._settings.timeout:g} s"
                raise LossDefect("hangs", f"does not return within {limit}, and cannot be interrupted") from None
            who = f"the cluster at {self._settings.scheduler}" if self._client else "other processes"
            message = f"{who} could not call the loss: {type(error).__name__}: {error}"
            raise UsageError(message, hint=_CLUSTER if self._client else _NEEDS) from None
        finally:
            if results is not None:
                results.close()


def _client(scheduler: str) -> Any:
    """A connection to a dask scheduler."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from distributed import Client
    from distributed.comm import connect

    with warnings.catch_warnings(action="ignore"):
        try:
            # A client waits forever for an address of something else; a notebook's thread has an event loop already.
            knock = asyncio.wait_for(connect(scheduler, timeout=ANSWERS), ANSWERS)
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, knock).result().abort()
            return Client(scheduler, timeout=ANSWERS, set_as_default=False, name="gradcheck")
        except Exception as error:
            message = f"no scheduler answers at {scheduler}: {error or type(error).__name__}"
            raise UsageError(message, hint="name the address that `dask scheduler` prints") from None


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes that are started in the block never receive Ctrl-C; this process heeds it at the end of the block."""
    from multiprocessing import resource_tracker

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # if it were started in the block, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _without_process(function: Function) -> Function:
    """A function as a worker gets it: the user's own callable, or what loads it by its name."""
    import cloudpickle

    for name in [name for name in sys.modules if name.startswith(EXECUTED)]:  # no worker could import these
        cloudpickle.register_pickle_by_value(sys.modules[name])
    own: Any = function.function.__wrapped__ if function.adapter else function.function  # type: ignore[attr-defined]
    return replace(function, function=_loaded if function.by_name else own, budget=Budget())


#: A cluster's worker may have several threads, but a function is not known to be safe with them.
_ONE_AT_A_TIME = threading.Lock()


def _work(function: Function, how: tuple[Any, ...], asking: Asking, *arrays: Any) -> FloatArray | GradcheckError:
    """Call ``ask_for`` in a worker: what it returns, or the error to raise."""
    run, timeout, deadline, floating, home = how
    limits = Settings(timeout=timeout, max_seconds=max(deadline - time.time(), 1e-6))
    with _ONE_AT_A_TIME, silenced(), np.errstate(**floating), chdir(home) if os.path.isdir(home) else nullcontext():
        try:
            with open_budget(limits, on_hang=lambda defect: _HANGS) as budget:
                own = budget.load(function.function, function.target, run) if function.by_name else function.function
                own = function.adapter(own) if function.adapter else own
                return ask_for(asking, replace(function, function=own, budget=budget).call, *arrays)
        except GradcheckError as error:
            return error


@lru_cache(maxsize=1)
def _loaded(target: str, run: bytes) -> Callable[..., Any]:
    """The callable of this name, the same all through a run: files may be edited meanwhile."""
    return load_target(target).function


def _set_up(parent: int) -> None:
    """Discard what compiled code prints in this worker process, and end with the parent process."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=watch, daemon=True).start()
