"""Many calls of a function at once in other processes, by joblib: loky on this machine, or a dask cluster.

Workers load the function themselves; each first repeats a call of this process, and its results are used only if it
agrees. They are bit for bit those of this process if they do not depend on the number of threads: a worker has one.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, chdir, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config.settings import Settings
from gradcheck.errors import GradcheckError, LossDefect, UsageError
from gradcheck.evaluation.asking import Asking, ask_for, groups_for
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.functions.budget import open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.output_capture import silenced
from gradcheck.report import FloatArray

WORTH_SENDING = 0.3  # seconds of calls below which this process makes them itself
ANSWERS = 5.0  # seconds in which a scheduler must answer
_Array = npt.NDArray[Any]
_Answers = tuple[FloatArray, FloatArray]
_ELSEWHERE = "does it need what only this process has, draw numbers as it is imported, or has an older version there?"
_HANGS = 86  # exit code of a worker whose call hangs and cannot be interrupted


@contextmanager
def open_pool(settings: Settings) -> Iterator[Pool | None]:
    """Workers for the calls made in the block; None if this process makes them all.

    Raises:
        UsageError: these settings contradict each other, a package is missing, or no scheduler answers.
    """
    jobs, scheduler, client = settings.jobs, settings.scheduler, None
    if (settings.backend == "dask") != bool(scheduler) or (scheduler and settings.timeout is not None):
        raise UsageError("a cluster needs --backend dask and --scheduler tcp://HOST:PORT, and cannot keep a timeout")
    try:
        import joblib

        if scheduler:
            from distributed import Client
            from distributed.comm import get_address_host_port

            socket.create_connection(get_address_host_port(scheduler), ANSWERS).close()  # a client fails late
            client = Client(scheduler, timeout=ANSWERS, set_as_default=False, name="gradcheck")
            client.wait_for_workers(1, timeout=ANSWERS)
    except ModuleNotFoundError as error:
        hint = f"pip install 'gradcheck[{'dask' if scheduler else 'parallel'}]'"
        raise UsageError(f"--jobs and --backend need {error.name}, which is not installed", hint=hint) from None
    except (OSError, ValueError) as error:
        hint = "name the address that `dask scheduler` prints"
        raise UsageError(f"no scheduler with workers answers at {scheduler}: {error}", hint=hint) from None
    with client or nullcontext():
        workers = len(client.nthreads()) if client else jobs or joblib.cpu_count()
        jobs = min(jobs, workers) if jobs > 1 else workers
        yield Pool(settings, jobs, client) if jobs > 1 or client else None


class Pool:
    """Worker processes, ``jobs`` of them, used for calls that take longer than sending them."""

    def __init__(self, settings: Settings, jobs: int, client: Any = None) -> None:
        self._settings, self._jobs, self._client = settings, jobs, client
        self._sent: tuple[Function | None, bytes] = None, b""  # the last function that was sent, and its key

    def ask(
        self, function: Function, asking: Asking, scores: _Array, labels: _Array, entries: IndexArray, after: FloatArray
    ) -> _Answers:
        """What ``asking.ask_for`` returns or raises; the first call is made here, for workers to compare theirs."""
        values, derivatives = np.empty(len(entries)), np.empty(len(entries))
        groups, budget = groups_for(asking, entries // scores.shape[1]), function.budget
        asked = _asked(function, asking, scores, labels)
        begun = time.perf_counter()
        for which in groups[:1]:
            values[which], derivatives[which] = asked(entries[which], after[which])
        seconds = (len(groups) - 1) * (time.perf_counter() - begun)
        if seconds <= WORTH_SENDING:
            for which in groups[1:]:
                values[which], derivatives[which] = asked(entries[which], after[which])
            return values, derivatives
        if self._sent[0] is not function:
            self._sent = function, os.urandom(8)
        own = function.function.__wrapped__ if function.adapter else function.function  # type: ignore[attr-defined]
        sent = replace(function, budget=None, function=load_loss if function.by_name else own)
        control = entries[groups[0]], after[groups[0]], values[groups[0]]
        how = self._sent[1], sent, os.getcwd(), np.geterr(), self._settings.timeout
        work = partial(_work, *how, control, asking, scores, labels)
        calls = math.ceil((len(groups) - 1) / max(4 * self._jobs, seconds))  # in a task of a second at most
        parts = [np.concatenate(groups[k : k + calls]) for k in range(1, len(groups), calls)]
        moves = ((budget and budget.seconds_left, entries[which], after[which]) for which in parts)
        with closing(self._results(work, moves, seconds / len(parts))) as results:
            for which, result in zip(parts, results, strict=True):
                if isinstance(result, GradcheckError):
                    raise result
                if budget:
                    budget.begin(calls)
                values[which], derivatives[which] = result
        return values, derivatives

    def _results(self, work: Any, moves: Iterable[tuple[Any, ...]], seconds: float) -> Generator[Any, None, None]:
        """What ``work`` returns for each of these arguments, in order; that should take so many seconds each."""
        from joblib import Parallel, delayed, parallel_config

        patience = 6 * ANSWERS + 20 * seconds if self._client else None  # else joblib waits forever for a killed worker
        where: dict[str, Any] = {"backend": "loky", "n_jobs": self._jobs, "inner_max_num_threads": 1}
        where |= {"initializer": _begin, "initargs": (os.getpid(),)}
        if self._client:
            where = {"backend": "dask", "n_jobs": -1, "client": self._client}
        try:
            with parallel_config(**where), ExitStack() as stack:
                if hasattr(signal, "pthread_sigmask"):  # so that workers, which inherit this, never receive Ctrl-C
                    resource_tracker.ensure_running()  # which unblocks it
                    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                    stack.callback(signal.pthread_sigmask, signal.SIG_SETMASK, before)
                parallel = Parallel(return_as="generator", batch_size=1, pre_dispatch=2 * self._jobs, timeout=patience)
                results = parallel(delayed(work)(*each) for each in moves)
            yield from results
        except Exception as error:
            if f"EXIT({_HANGS})" in str(error):
                raise LossDefect("hangs", f"does not return within {self._settings.timeout:g} s") from None
            who = f"the cluster at {self._settings.scheduler}" if self._client else "other processes"
            hint = "the loss must be one that can be pickled, ends no process, and is in a cluster as gradcheck is"
            raise UsageError(f"{who} could not call the loss: {type(error).__name__}: {error}", hint=hint) from None


def _asked(function: Function, asking: Asking, *problem: _Array) -> Callable[..., _Answers]:
    """``ask_for`` of this function; it still takes the entries, and what they are set to."""
    options: dict[str, Any] = function.each_row_options if asking == "each-row" else {}
    return partial(ask_for, asking, partial(function.call, **options), *problem)


# In a worker. A cluster's worker may have several threads, but a function is not known to be safe with them.
_LOADED: dict[bytes, Function] = {}
_ONE_AT_A_TIME = threading.Lock()


def _begin(parent: int) -> None:
    """Discard what compiled code prints, because standard output is the report's; end with the parent process."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=watch, daemon=True).start()


def _work(
    key: bytes, sent: Function, home: str, floating: Any, timeout: float | None, control: tuple[Any, Any, FloatArray],
    asking: Asking, scores: _Array, labels: _Array, left: float | None, *moves: Any,
) -> _Answers | GradcheckError:  # fmt: skip
    """Values and derivatives of some entries, or the error to raise."""
    with _ONE_AT_A_TIME, silenced(), np.errstate(**floating), chdir(home) if os.path.isdir(home) else nullcontext():
        try:
            with open_budget(Settings(timeout=timeout, max_seconds=left), on_hang=lambda defect: _HANGS) as budget:
                function = _LOADED.get(key)
                if function is None:
                    own = budget.load(load_loss, sent.target).function if sent.by_name else sent.function
                    function = replace(sent, function=sent.adapter(own) if sent.adapter else own)
                asked = _asked(replace(function, budget=budget), asking, scores, labels)
                if key not in _LOADED:
                    there, here = asked(*control[:2])[0], control[2]
                    if not np.allclose(there, here, rtol=1e-5, atol=0.0, equal_nan=True):
                        message = f"in a worker the loss's value is {there}; here, at the same scores, {here}"
                        return UsageError(message, hint=_ELSEWHERE)
                    _LOADED.clear()
                    _LOADED[key] = function
                return asked(*moves)
        except LossDefect as defect:
            message = f"in a worker the loss {defect.message}"
            return defect if key in _LOADED else UsageError(message, hint=_ELSEWHERE, details=defect.details)
        except GradcheckError as error:
            return error
