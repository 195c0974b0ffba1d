"""Workers of a cluster that runs already."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gradcheck.errors import UsageError
from gradcheck.evaluation.workers.pool import Future, require

#: Seconds in which a scheduler must answer, and for which a cluster may be without workers, since it restarts them.
_ANSWERS = 5
_WITHOUT_WORKERS = 30.0
#: Seconds between two looks at the cluster.
_LOOK = 2.0


class DaskPool:
    """The workers of a dask cluster.

    Args:
        scheduler: its address.
        jobs: if more than 1, the most errands at a time that it gets are for so many workers.

    Raises:
        UsageError: distributed is not installed; nothing answers at the address; or the cluster has no workers.
    """

    def __init__(self, scheduler: str, jobs: int) -> None:
        require("distributed", "--backend dask", "dask")
        require("joblib", "--backend dask", "dask")
        self._scheduler = scheduler
        self._client: Any = None
        self._log = logging.getLogger("distributed.client")
        self._looked, self._empty_since = time.monotonic(), math.inf
        workers = len(self._connected().nthreads())
        if not workers:
            self.close()
            raise UsageError(f"the cluster at {scheduler} has no workers")
        self.jobs = min(jobs, workers) if jobs > 1 else workers

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """See ``Pool.submit``."""
        future: Future = self._connected().submit(function, *arguments, pure=False)
        return future

    def look(self) -> None:
        """See ``Pool.look``."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        workers = None
        with suppress(Exception):  # what is waited for will say so itself
            workers = self._client.nthreads()
        self._empty_since = math.inf if workers else min(self._empty_since, now)
        if now - self._empty_since > _WITHOUT_WORKERS:
            raise UsageError(f"the cluster at {self._scheduler} has no workers any more")

    def forget(self, futures: Sequence[Any]) -> None:
        """See ``Pool.forget``."""
        if self._client is not None:
            with suppress(Exception):  # what cannot be cancelled is of no use to anyone all the same
                self._client.cancel(list(futures))

    def why(self, error: Exception) -> UsageError:
        """See ``Pool.why``."""
        lost = self._client is None or self._client.status != "running"
        self.close()
        if lost:
            return UsageError(f"the scheduler at {self._scheduler} does not answer any more")
        if type(error).__name__ == "KilledWorker":
            return UsageError(
                f"workers of the cluster at {self._scheduler} died, one after another, while they called the loss",
                hint="a loss that ends its process, a crash in compiled code, or memory that ran out",
            )
        return UsageError(
            f"the cluster at {self._scheduler} could not do its part: {type(error).__name__}: {error}",
            hint="its workers need gradcheck and joblib, and the files of the loss where they are here",
        )

    def close(self) -> None:
        """See ``Pool.close``."""
        if self._client is not None:
            client, self._client = self._client, None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with suppress(Exception):  # it is lost all the same
                    client.close()
            self._log.removeFilter(_nothing)

    def _connected(self) -> Any:
        if self._client is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions that differ; those that matter are told otherwise
                from distributed import Client

                try:
                    _knock(self._scheduler)
                    self._client = Client(self._scheduler, timeout=_ANSWERS, set_as_default=False, name="gradcheck")
                    self._log.addFilter(_nothing)  # what it would log is in the report
                except Exception as error:  # OSError, ValueError, and whatever becomes of an answer that is none
                    why = str(error) or f"nothing that makes sense within {_ANSWERS} s"
                    message = f"no scheduler answers at {self._scheduler}: {why}"
                    raise UsageError(message, hint="name the address that `dask scheduler` prints") from None
        return self._client


def _nothing(record: logging.LogRecord) -> bool:
    return False


def _knock(scheduler: str) -> None:
    """See whether a scheduler answers. A client would wait without end for one of an address that is not its own.

    Raises:
        Exception: what went wrong.
    """
    from distributed.comm import connect

    async def knock() -> None:
        async with asyncio.timeout(_ANSWERS):
            comm = await connect(scheduler, timeout=_ANSWERS)
            comm.abort()

    if "://" not in scheduler or scheduler.startswith("tcp://"):  # others may need to know who asks
        with ThreadPoolExecutor(1) as thread:  # in a notebook this one has a loop of its own
            thread.submit(asyncio.run, knock()).result()
