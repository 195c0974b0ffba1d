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
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config.settings import Settings
from gradcheck.errors import GradcheckError, LossDefect, OutOfTime, UsageError
from gradcheck.evaluation.asking import Asking, Call, ask_for, groups_for
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.functions.budget import open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import EXECUTED, load_target
from gradcheck.functions.output_capture import silenced
from gradcheck.report import FloatArray

WORTH_SENDING = 0.3  # seconds of calls below which this process makes them itself
TASK = 1.0  # seconds of calls in a task, at most
ANSWERS = 5.0  # seconds in which a scheduler must answer
_NEEDS = "the loss must be one that can be pickled, and must neither end its process nor exhaust the memory"
_CLUSTER = f"{_NEEDS}; a cluster must be running, with this version of gradcheck and the files of the loss"
_HANGS = 86  # exit code of a worker whose call hangs and cannot be interrupted

_Array = npt.NDArray[Any]


@contextmanager
def open_pool(settings: Settings) -> Iterator[Pool | None]:
    """Workers for the calls made in the block; None if this process makes them all.

    Raises:
        UsageError: these contradict each other, a package is missing, or no scheduler answers.
    """
    is_dask, jobs, scheduler = settings.backend == "dask", settings.jobs, settings.scheduler
    if jobs < 0:
        raise UsageError(f"jobs (--jobs) is {jobs}: ask for 1 or more, or for 0 to use every core")
    if is_dask and not scheduler:
        raise UsageError("the backend dask needs a cluster", hint="name its scheduler: --scheduler tcp://HOST:PORT")
    if is_dask and settings.timeout is not None:
        raise UsageError("a timeout cannot be kept on a cluster: nothing can interrupt a call in its workers")
    if scheduler and not is_dask:
        raise UsageError("a scheduler is a cluster's", hint="add --backend dask")
    if not is_dask and jobs == 1:
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

        self._settings, self._is_started = settings, False
        self._key: tuple[Function | None, bytes] = None, b""  # of the last function that was sent
        self._client = _client(settings.scheduler) if settings.scheduler else None
        self.jobs = settings.jobs or joblib.cpu_count()
        if self._client is not None:
            workers = len(self._client.nthreads())
            self.jobs = min(settings.jobs, workers) if settings.jobs > 1 else workers
            if not workers:
                self.close()
                raise UsageError(f"the cluster at {settings.scheduler} has no workers")

    def ask(
        self, function: Function, asking: Asking, scores: _Array, labels: _Array, *moves: _Array
    ) -> tuple[FloatArray, FloatArray]:
        """Values and derivatives as ``evaluation.asking.ask_for`` returns them, for the same arguments.

        The first two calls are made here: workers repeat one, and the other shows how long a call takes.

        Raises:
            LossDefect: the first in the order of the calls.
            UsageError: the function cannot be sent to workers, or differs there; or a worker died.
            OutOfTime: the deadline has passed.
        """
        values, derivatives = np.empty(len(moves[0])), np.empty(len(moves[0]))
        groups = groups_for(asking, moves[0] // scores.shape[1])
        call, budget, left, seconds = _call_of(function, asking), function.budget, len(groups) - 2, 0.0

        def moved(which: IndexArray) -> list[_Array]:
            return [each[which] for each in moves]

        for k, which in enumerate(groups):
            if k == 2 and seconds >= WORTH_SENDING:
                break
            begun = time.perf_counter()
            values[which], derivatives[which] = ask_for(asking, call, scores, labels, *moved(which))
            seconds = left * (time.perf_counter() - begun)
        else:
            return values, derivatives
        tasks = min(left, max(4 * self.jobs, math.ceil(seconds / TASK)))
        chunks = np.array_split(np.arange(2, len(groups)), tasks)
        parts = [np.concatenate([groups[k] for k in chunk]) for chunk in chunks]
        deadline = time.time() + budget.seconds_left if budget and budget.seconds_left else None
        control = *moved(groups[0]), values[groups[0]]
        shared = *self._recipe(function), deadline, np.geterr(), asking, scores, labels, control
        with closing(self._results(((shared, moved(which)) for which in parts), seconds / tasks)) as results:
            for which, chunk, result in zip(parts, chunks, results, strict=True):
                if isinstance(result, GradcheckError):
                    raise result
                if budget:
                    budget.begin(len(chunk))
                values[which], derivatives[which] = result
        return values, derivatives

    def close(self) -> None:
        """End the worker processes of this machine, even if they are busy; leave those of a cluster."""
        if self._client is not None:
            with warnings.catch_warnings(action="ignore"), suppress(Exception):
                self._client.close()
        elif self._is_started:
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor(kill_workers=True).shutdown(wait=True, kill_workers=True)

    def _results(self, tasks: Iterable[tuple[Any, ...]], seconds: float) -> Generator[Any, None, None]:
        """What ``_work`` returns for each of these tasks, in order; a task should take so many seconds."""
        from joblib import Parallel, delayed, parallel_config

        self._is_started, patience, results = True, None, None
        where: dict[str, Any] = {"backend": "loky", "n_jobs": self.jobs, "inner_max_num_threads": 1}
        where |= {"initializer": _set_up, "initargs": (os.getpid(),)}
        if self._client is not None:  # joblib would wait forever for a worker that was killed
            where, patience = {"backend": "dask", "n_jobs": -1, "client": self._client}, 6 * ANSWERS + 20 * seconds
        try:
            with parallel_config(**where), _interrupts_blocked():
                asked = {"batch_size": 1, "pre_dispatch": 2 * self.jobs, "timeout": patience}
                results = Parallel(return_as="generator", **asked)(delayed(_work)(*task) for task in tasks)
            for result in results:  # noqa: UP028 - "yield from" would close them itself, with the warning
                yield result
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
                with warnings.catch_warnings(action="ignore"):  # of results not used, as after Ctrl-C or an error
                    results.close()

    def _recipe(self, function: Function) -> tuple[Any, ...]:
        """How a worker loads the function: by its target, or the user's callable itself."""
        import cloudpickle

        if self._key[0] is not function:
            self._key = function, os.urandom(8)
            for name in [name for name in sys.modules if name.startswith(EXECUTED)]:  # no worker could import these
                cloudpickle.register_pickle_by_value(sys.modules[name])
        own = function.function.__wrapped__ if function.adapter else function.function  # type: ignore[attr-defined]
        own, home = None if function.by_name else own, os.getcwd() if os.path.exists(".") else ""
        return self._key[1], function.target, own, function.adapter, function.has_hessian, home, self._settings.timeout


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
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # if it were started in the block, it would unblock the signal
    received: list[int] = []
    handler = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if handler is not None:  # another thread, as of a library, may receive the signal while this one blocks it
        signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
    if received:
        signal.raise_signal(signal.SIGINT)


def _call_of(function: Function, asking: Asking) -> Call:
    options = function.each_row_options if asking == "each-row" else {}
    return lambda scores, labels: function.call(scores, labels, **options)


# In a worker. A cluster's worker may have several threads, but a function is not known to be safe with them.
_LOADED: dict[bytes, Function] = {}
_ONE_AT_A_TIME = threading.Lock()


def _work(shared: tuple[Any, ...], moves: list[_Array]) -> tuple[FloatArray, FloatArray] | GradcheckError:
    """Ask for some entries in a worker: values and derivatives, or the error to raise."""
    key, target, own, adapt, hessian, home, timeout, deadline, floating, asking, scores, labels, control = shared
    left = None if deadline is None else max(deadline - time.time(), 1e-6)
    with _ONE_AT_A_TIME, silenced(), np.errstate(**floating), chdir(home) if os.path.isdir(home) else nullcontext():
        try:
            with open_budget(Settings(timeout=timeout, max_seconds=left), on_hang=lambda defect: _HANGS) as budget:
                function = _LOADED.get(key)
                if function is None:
                    function = budget.load(load_target, target) if own is None else Function(target, own)
                    function = replace(function, function=adapt(function.function)) if adapt else function
                call = _call_of(replace(function, budget=budget, has_hessian=hessian), asking)
                if key not in _LOADED:
                    _verify(lambda: ask_for(asking, call, scores, labels, *control[:2])[0], control[2])
                    _LOADED.clear()
                    _LOADED[key] = function
                return ask_for(asking, call, scores, labels, *moves)
        except GradcheckError as error:
            return error


def _set_up(parent: int) -> None:
    """Discard what compiled code prints in this worker process, and end with the parent process."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=watch, daemon=True).start()


def _verify(ask: Callable[[], FloatArray], expected: FloatArray) -> None:
    """Compare the values of one call with those of the other process: a module may draw numbers when it is imported."""
    try:
        values = ask()
    except LossDefect as defect:
        hint = "does it need what only this process has: a variable, an open file, arguments of the command line?"
        raise UsageError(f"in a worker the loss {defect.message}", hint=hint, details=defect.details) from None
    if not np.allclose(values, expected, rtol=1e-5, atol=0.0, equal_nan=True):
        i = int(np.argmax(values != expected))
        there, here = float(values[i]), float(expected[i])
        message = f"in a worker the loss's value is {there!r}; here, at the same scores, {here!r}"
        hint = "is something drawn at random as the module is imported? is an older version of it loaded there?"
        raise UsageError(message, hint=hint)
