"""Which of many calls are made here, and which elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError, LossDefect, UsageError
from gradcheck.evaluation.asking import Asking
from gradcheck.evaluation.objective import Objective as Oracle
from gradcheck.evaluation.workers.bulk import Bulk
from gradcheck.evaluation.workers.errand import Answer, Errand, Points, Source
from gradcheck.evaluation.workers.pool import Future, Pool
from gradcheck.evaluation.workers.worker import carry_out, last_word, prepare
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray
from gradcheck.version import __version__

#: Seconds of calls that tell how long one takes.
TRIAL = 0.01
#: Seconds of calls for which it pays to start workers, and to send what is to be done to those that have started.
WORTH_STARTING = 1.0
WORTH_SENDING = 0.1
#: Seconds that an errand should take: enough to make little of its cost, and to end together; and more for each byte.
ERRAND = 0.25
_FOR_A_BYTE = 5e-8
#: Seconds between two looks, while an answer is waited for.
_LOOK = 0.2
#: Errands under way for each worker: it need not wait for the next one.
_UNDER_WAY = 2


class Crew:
    """Shares the calls that a plan asks for at once between this process and the workers of a pool.

    Args:
        pool: where the workers are.
        timeout: seconds that a call of a loss may take there; None for no end.
    """

    def __init__(self, pool: Pool, timeout: float | None = None) -> None:
        self._pool, self._timeout = pool, timeout
        self._run = os.urandom(8).hex()
        self._starting: list[Future] = []
        self._seen = 0.0
        self._sent: tuple[Function, Source] | None = None

    def share(
        self,
        oracle: Oracle,
        asking: Asking,
        scores: FloatArray,
        rows: IndexArray,
        columns: IndexArray,
        after: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """As ``Oracle.ask_here``, by other processes too, if that is quicker.

        Raises:
            LossDefect: the first, in the order of calls, as ``Oracle.ask_here``; those before it are counted, and none
                after it.
            UsageError: the loss cannot be sent to a worker, or is another one there; or a worker has died.
            OutOfTime: the run's time is up.
        """
        bulk = Bulk(oracle, Points(asking, oracle.dtype, oracle.labels, scores, rows, columns, after))
        pace = self._tried(bulk)
        left = bulk.left * pace
        self._seen += left
        if left >= WORTH_SENDING and (self._starting or self._seen >= WORTH_STARTING):
            source = self._source_of(oracle.loss)
            self._await_workers(source, bulk, pace)
            self._send(source, bulk, pace)
        bulk.here(bulk.left)
        return bulk.values, bulk.derivatives

    def close(self) -> None:
        """End the workers; also in the midst of calls."""
        self._pool.close()
        if self._timeout is not None:
            last_word(self._run)  # of workers that had one when nobody listened any more

    def _tried(self, bulk: Bulk) -> float:
        """Seconds that a call takes, from as few of them as tell."""
        count, pace = 1, 0.0
        while bulk.left:
            begun = time.perf_counter()
            made = bulk.here(count)
            seconds = time.perf_counter() - begun
            pace = seconds / made
            if bulk.done > 1:  # the first may have had to compile, or to import
                if seconds >= TRIAL:
                    break
                count *= 2
        return pace

    def _await_workers(self, source: Source, bulk: Bulk, pace: float) -> None:
        """Start the workers, if need be, and go on here until one of them is ready."""
        if not self._starting:
            self._starting = [self._submitted(prepare, source, source.target) for _ in range(self._pool.jobs)]
        while bulk.left and pace < ERRAND and not any(future.done() for future in self._starting):
            bulk.here(max(1, int(TRIAL / pace)))

    def _send(self, source: Source, bulk: Bulk, pace: float) -> None:
        """Have all that is left done by the workers. Errands are sent, and answers taken, in order."""
        watch = bulk.oracle.loss.budget
        under_way: deque[tuple[IndexArray, Future]] = deque()
        try:
            for count in self._shares(source, bulk, pace):
                if watch:
                    watch.begin(0)
                which = bulk.next(count)
                errand = bulk.errand(source, which)
                under_way.append((which, self._submitted(carry_out, errand, source.target)))
                if len(under_way) >= _UNDER_WAY * self._pool.jobs:
                    self._receive(bulk, *under_way.popleft())
            while under_way:
                self._receive(bulk, *under_way.popleft())
        finally:
            self._pool.forget([future for _, future in under_way])

    def _shares(self, source: Source, bulk: Bulk, pace: float) -> list[int]:
        """How many calls each errand has: alike, and as many errands for each worker."""
        if not bulk.left:
            return []
        size = bulk.points.size + len(source.pickled or b"")
        seconds = ERRAND + _FOR_A_BYTE * size
        jobs = self._pool.jobs
        errands = min(bulk.left, jobs * math.ceil(bulk.left * pace / (seconds * jobs)))
        ends = np.linspace(0, bulk.left, errands + 1).round().astype(int)
        return [int(last - first) for first, last in pairwise(ends)]

    def _submitted(self, function: Callable[[str, bytes], Any], thing: Source | Errand, target: str) -> Future:
        pickled = _pickled(thing, target)
        try:
            return self._pool.submit(function, __version__, pickled)
        except GradcheckError:
            raise
        except Exception as error:
            raise self._lost(error) from None

    def _receive(self, bulk: Bulk, which: IndexArray, future: Future) -> None:
        answer = self._answer(bulk, future)
        bulk.oracle.calls += answer.calls
        if answer.trouble:
            message, hint, details = answer.trouble
            raise UsageError(message, hint=hint, details=details)
        if answer.defect:
            code, message, details = answer.defect
            raise LossDefect(code, message, details=details)
        bulk.values[which], bulk.derivatives[which] = answer.values, answer.derivatives
        if bulk.oracle.loss.budget:
            bulk.oracle.loss.budget.begin(answer.calls)

    def _answer(self, bulk: Bulk, future: Future) -> Answer:
        watch = bulk.oracle.loss.budget
        while True:
            done = future.done()
            try:
                answer: Answer = future.result(timeout=None if done else _LOOK)
                return answer
            except Exception as error:
                if done or not isinstance(error, TimeoutError):
                    raise self._lost(error) from None
            if watch:
                watch.begin(0)
            self._pool.look()

    def _lost(self, error: Exception) -> GradcheckError:
        self._starting = []
        why = self._pool.why(error)
        return (last_word(self._run) if self._timeout is not None else None) or why

    def _source_of(self, loss: Function) -> Source:
        if self._sent is None or self._sent[0] is not loss:
            self._sent = loss, self._described(loss)
        return self._sent[1]

    def _described(self, loss: Function) -> Source:
        pickled = None
        if not loss.by_name:
            users_own = loss.function if loss.adapter is None else loss.function.__wrapped__  # type: ignore[attr-defined]
            pickled = _pickled(Function(loss.target, users_own, loss.file, loss.line), loss.target)
        try:
            directory = os.getcwd()
        except OSError:  # it was deleted
            directory = ""
        path = tuple(place for place in sys.path if isinstance(place, str))
        return Source(loss.target, pickled, loss.framework, loss.adapter, self._timeout, directory, path, self._run)


def _pickled(thing: Any, target: str) -> bytes:
    try:
        import cloudpickle
    except ImportError:  # joblib before 1.6 brings one along
        from joblib.externals import cloudpickle
    try:
        pickled: bytes = cloudpickle.dumps(thing)
    except Exception as error:  # whatever the user's classes raise
        message = f"{target} cannot be sent to other processes: {type(error).__name__}: {error}"
        raise UsageError(message, hint="name it module:callable or file.py:callable, or do without jobs") from None
    return pickled
