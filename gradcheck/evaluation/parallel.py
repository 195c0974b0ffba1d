"""Many calls of a function at once in other processes, by joblib: loky on this machine, or a dask cluster.

Workers load the function themselves. Each first repeats a call of this process, and is believed only if it agrees.
Results are bit for bit those of this process, in the same order, if the function does not depend on the number of
threads of a linear algebra library, which is one in each worker.
"""

from __future__ import annotations

import asyncio
import math
import os
import pickle
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, chdir, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import resource_tracker
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config.settings import Settings
from gradcheck.errors import GradcheckError, LossDefect, OutOfTime, UsageError
from gradcheck.evaluation.asking import Asking, Call, ask_for, one_of_each_row
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.functions.budget import open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.output_capture import silenced
from gradcheck.report import FloatArray

#: Seconds of calls that are worth starting workers, and worth sending to workers that run already.
WORTH_STARTING, WORTH_SENDING = 1.0, 0.1
#: Seconds of calls in a task, and more for each byte that is sent with it.
TASK, _PER_BYTE = 0.25, 5e-8
#: Seconds in which a scheduler must answer.
ANSWERS = 5.0
#: Exit code of a worker whose call hangs and cannot be interrupted.
_HANGS = 86
_CAUSES = "a loss that ends its process, a crash in compiled code, or memory that ran out"


@contextmanager
def open_pool(settings: Settings) -> Iterator[Pool | None]:
    """Workers for the calls made in the block; None if this process makes them all.

    Args:
        settings: ``jobs``, ``backend``, ``scheduler``, and ``timeout``, which workers enforce too.

    Raises:
        UsageError: these contradict each other, a package is missing, or no scheduler answers.
    """
    is_dask, jobs, scheduler = settings.backend == "dask", settings.jobs, settings.scheduler
    if settings.backend not in ("loky", "dask"):
        raise UsageError(f"{settings.backend!r} is no backend", hint="there are loky and dask")
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
            option, extra = ("--backend dask", "dask") if is_dask else ("--jobs", "parallel")
            hint = f"pip install 'gradcheck[{extra}]'"
            raise UsageError(f"{option} needs {package}, which is not installed", hint=hint)
    pool = Pool(settings)
    try:
        yield pool if pool.jobs > 1 or is_dask else None
    finally:
        pool.close()


class Pool:
    """Worker processes, used where they are quicker than this process.

    Attributes:
        jobs: number of workers.
    """

    def __init__(self, settings: Settings) -> None:
        import joblib

        self._settings, self._run = settings, os.urandom(8)
        self._seconds_seen, self._is_started = 0.0, False
        self._sent: tuple[Function, bytes] | None = None
        self._client = _client(settings.scheduler) if settings.scheduler else None
        self.jobs = settings.jobs or joblib.cpu_count()
        if self._client is not None:
            workers = len(self._client.nthreads())
            self.jobs = min(settings.jobs, workers) if settings.jobs > 1 else workers
            if not workers:
                self.close()
                raise UsageError(f"the cluster at {settings.scheduler} has no workers")

    def ask(
        self,
        function: Function,
        asking: Asking,
        scores: npt.NDArray[Any],
        labels: npt.NDArray[Any],
        rows: IndexArray,
        columns: IndexArray,
        after: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Values and derivatives as ``evaluation.asking.ask_for`` returns them.

        Raises:
            LossDefect: the first in the order of the calls.
            UsageError: the function cannot be sent to workers, or differs there; or a worker died.
            OutOfTime: the deadline has passed.
        """
        values, derivatives = np.empty(len(rows)), np.empty(len(rows))
        groups = one_of_each_row(rows) if asking == "each-row" else np.arange(len(rows)).reshape(-1, 1)
        call, budget, calls = _call_of(function, asking), function.budget, len(groups)

        def entries(first: int, last: int) -> tuple[IndexArray, tuple[IndexArray, IndexArray, FloatArray]]:
            which = np.concatenate(groups[first:last])
            return which, (rows[which], columns[which], after[which])

        def ask_here(first: int, last: int) -> float:
            begun, (which, moves) = time.perf_counter(), entries(first, last)
            values[which], derivatives[which] = ask_for(asking, call, scores, labels, *moves)
            return time.perf_counter() - begun

        trials = [ask_here(k, k + 1) for k in range(min(3, calls))]
        done = len(trials)
        seconds = (calls - done) * min(trials[1:], default=0.0)  # the first call may compile or import something
        self._seconds_seen += seconds
        if done == calls or seconds < WORTH_SENDING or self._seconds_seen < WORTH_STARTING:
            if done < calls:
                ask_here(done, calls)
            return values, derivatives
        each = TASK + _PER_BYTE * (scores.nbytes + labels.nbytes)
        tasks = min(calls - done, self.jobs * max(1, math.ceil(seconds / (each * self.jobs))))
        parts = list(pairwise(np.linspace(done, calls, tasks + 1).round().astype(int).tolist()))
        control, moves = entries(0, 1)
        shared = self._recipe(function), np.geterr(), asking, scores, labels, (*moves, values[control])
        arguments = ((*shared, budget and budget.seconds_left, *entries(*part)[1]) for part in parts)
        with closing(self._results(arguments, each)) as results:
            for part, (error, *result) in zip(parts, results, strict=True):
                if error:
                    raise error[0](*error[1:-1], **error[-1])
                if budget:
                    budget.begin(part[1] - part[0])
                which, _ = entries(*part)
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

    def _results(self, arguments: Iterable[tuple[Any, ...]], seconds: float) -> Generator[Any, None, None]:
        """What ``_work`` returns for each of these arguments, in order; a task should take so many seconds."""
        from joblib import Parallel, delayed, parallel_config

        self._is_started, parent = True, None if self._client else os.getpid()
        where: dict[str, Any] = {"backend": "loky", "n_jobs": self.jobs, "inner_max_num_threads": 1}
        patience = None
        if self._client is not None:  # a cluster may lose all of its workers
            where, patience = {"backend": "dask", "n_jobs": -1, "client": self._client}, 6 * ANSWERS + 20 * seconds
        try:
            with ExitStack() as stack:
                with parallel_config(**where), _interrupts_blocked():
                    parallel = Parallel(
                        return_as="generator", batch_size=1, pre_dispatch=2 * self.jobs, timeout=patience, verbose=0
                    )
                    results = parallel(delayed(_work)(parent, *each) for each in arguments)
                    stack.enter_context(closing(results))
                yield from results
        except Exception as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> GradcheckError:
        """What to tell the user of an error that is not the function's."""
        kind, cluster = type(error).__name__, f"the cluster at {self._settings.scheduler}"
        if kind == "TerminatedWorkerError":
            codes = sorted(set(re.findall(r"[A-Z]+\(-?\d+\)", str(error))))
            if f"EXIT({_HANGS})" in codes:
                seconds = f"{self._settings.timeout:g} s"
                return LossDefect("hangs", f"does not return within {seconds}, and cannot be interrupted")
            message = f"a worker process died while it called the loss{': ' if codes else ''}{', '.join(codes)}"
            return UsageError(message, hint=f"{_CAUSES}: see where without --jobs")
        if self._client is None:
            return UsageError(f"a worker could not do its part: {kind}: {error}", hint="try without --jobs")
        if self._client.status != "running" or "Cancelled" in kind:
            return UsageError(f"the scheduler at {self._settings.scheduler} does not answer any more")
        if kind in ("KilledWorker", "TimeoutError"):  # joblib waits in vain for a worker that was killed
            return UsageError(f"workers of {cluster} died while they called the loss, or have gone", hint=_CAUSES)
        hint = "its workers need this version of gradcheck, joblib, and the files of the loss where they are here"
        return UsageError(f"{cluster} could not do its part: {kind}: {error}", hint=hint)

    def _recipe(self, function: Function) -> bytes:
        """How a worker loads the function: by its target, or the user's callable itself, pickled."""
        if self._sent is None or self._sent[0] is not function:
            try:
                import cloudpickle
            except ImportError:  # joblib before 1.6 brings its own
                from joblib.externals import cloudpickle
            adapt, target = function.adapter, function.target
            own = function.function if adapt is None else function.function.__wrapped__  # type: ignore[attr-defined]
            path = [place for place in sys.path if isinstance(place, str)]
            try:
                pickled = cloudpickle.dumps((None if function.by_name else own, adapt))
            except Exception as error:  # of the user's classes
                message = f"{target} cannot be sent to other processes: {type(error).__name__}: {error}"
                hint = "name it module:callable or file.py:callable, or do without jobs"
                raise UsageError(message, hint=hint) from None
            home = os.getcwd() if os.path.exists(".") else ""
            self._sent = function, pickle.dumps((self._run, target, path, home, self._settings.timeout, pickled))
        return self._sent[1]


def _client(scheduler: str) -> Any:
    """A connection to a dask scheduler."""
    from distributed import Client
    from distributed.comm import connect

    async def knock() -> None:  # a client waits forever for an address of something else
        async with asyncio.timeout(ANSWERS):
            (await connect(scheduler, timeout=ANSWERS)).abort()

    with warnings.catch_warnings(action="ignore"):
        try:
            with ThreadPoolExecutor(1) as thread:  # a notebook's own thread has an event loop already
                thread.submit(asyncio.run, knock()).result()
            return Client(scheduler, timeout=ANSWERS, set_as_default=False, name="gradcheck")
        except Exception as error:
            why = str(error) or f"nothing that makes sense within {ANSWERS:g} s"
            hint = "name the address that `dask scheduler` prints"
            raise UsageError(f"no scheduler answers at {scheduler}: {why}", hint=hint) from None


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes that are started in the block never receive Ctrl-C, which this process handles."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # if it were started in the block, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _call_of(function: Function, asking: Asking) -> Call:
    options = function.each_row_options if asking == "each-row" else {}
    return lambda scores, labels: function.call(scores, labels, **options)


# In a worker: the function that is loaded, and those that agree with the other process. A cluster's worker may have
# several threads, but a function is not known to be safe with them.
_LOADED: dict[bytes, Function] = {}
_VERIFIED: set[bytes] = set()
_ONE_AT_A_TIME = threading.Lock()


def _work(
    parent: int | None,
    recipe: bytes,
    floating: dict[str, Any],
    asking: Asking,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    control: tuple[IndexArray, IndexArray, FloatArray, FloatArray],
    seconds_left: float | None,
    *moves: Any,
) -> tuple[Any, ...]:
    """Ask for some entries: (None, values, derivatives), or the class and arguments of an error."""
    if parent is not None and not any(thread.name == "gradcheck-parent" for thread in threading.enumerate()):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # compiled code may print too
        threading.Thread(target=_exit_with, args=(parent,), name="gradcheck-parent", daemon=True).start()
    with _ONE_AT_A_TIME, silenced(), np.errstate(**floating):
        _, target, path, home, timeout, pickled = pickle.loads(recipe)
        sys.path[:] = [*path, *(place for place in sys.path if place not in path)]
        settings = Settings(timeout=timeout, max_seconds=seconds_left)
        try:
            with (
                chdir(home) if os.path.isdir(home) else nullcontext(),
                open_budget(settings, on_hang=lambda defect: _HANGS) as budget,
            ):
                if recipe not in _LOADED:
                    _LOADED.clear()
                    _LOADED[recipe] = budget.load(_loaded, target, pickled)
                call = _call_of(replace(_LOADED[recipe], budget=budget), asking)
                if recipe not in _VERIFIED:
                    _verify(lambda: ask_for(asking, call, scores, labels, *control[:3])[0], control[3])
                    _VERIFIED.add(recipe)
                return None, *ask_for(asking, call, scores, labels, *moves)
        except OutOfTime:
            return ((OutOfTime, {}),)
        except LossDefect as defect:
            return ((LossDefect, defect.code, defect.message, {"details": defect.details}),)
        except UsageError as error:
            return ((UsageError, f"in a worker: {error.message}", {"hint": error.hint, "details": error.details}),)


def _loaded(target: str, pickled: bytes) -> Function:
    try:
        own, adapt = pickle.loads(pickled)
    except Exception as error:  # of the user's classes
        message = f"{target} cannot be loaded: {type(error).__name__}: {error}"
        raise UsageError(message, hint="name it module:callable or file.py:callable") from None
    function = load_loss(target) if own is None else Function(target, own)
    return function if adapt is None else replace(function, function=adapt(function.function))


def _verify(ask: Callable[[], FloatArray], expected: FloatArray) -> None:
    """Compare the values of one call with those of the other process: a module may draw numbers when it is imported."""
    try:
        values = ask()
    except LossDefect as defect:
        hint = "does it need what only this process has: a variable, an open file, arguments of the command line?"
        raise UsageError(f"the loss {defect.message}, and not so here", hint=hint, details=defect.details) from None
    if not np.allclose(values, expected, rtol=1e-5, atol=0.0, equal_nan=True):
        i = int(np.argmax(values != expected))
        there, here = float(values[i]), float(expected[i])
        hint = "is something drawn at random as the module is imported? is an older version of it loaded there?"
        raise UsageError(f"the loss's value is {there!r} where here, at the same scores, it is {here!r}", hint=hint)


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
