"""Other processes that call a loss: a few on this machine, or a cluster's.

Of the many calls that a plan asks for at once, each by itself, a ``Crew`` has other processes make a part each. They
load the loss themselves, and what they answer is what this process would have got: bit for bit, in the same order, by
as many calls; as far as the loss's own arithmetic does not hang on how many threads a linear algebra library may use,
which is one in each worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gradcheck.errors import UsageError
from gradcheck.evaluation.workers.crew import Crew
from gradcheck.settings import Settings

if TYPE_CHECKING:
    from gradcheck.evaluation.workers.pool import Pool


@contextmanager
def hired(settings: Settings) -> Iterator[Crew | None]:
    """A crew for the losses that are called within the block; None where this process is to do without.

    Args:
        settings: ``jobs``, ``backend`` and ``scheduler``; and ``timeout``, which holds in the workers too.

    Raises:
        UsageError: they contradict each other; a package is missing; or nothing answers at the scheduler's address.
    """
    pool = _pool(settings)
    if pool is None:
        yield None
        return
    crew = Crew(pool, settings.timeout)
    try:
        yield crew
    finally:
        crew.close()


def _pool(settings: Settings) -> Pool | None:
    if settings.backend not in ("loky", "dask"):
        raise UsageError(f"{settings.backend!r} is no backend", hint="there are loky and dask")
    if settings.jobs < 0:
        raise UsageError(f"jobs (--jobs) is {settings.jobs}: ask for 1 or more, or for 0 to use every core")
    if settings.backend == "dask":
        if not settings.scheduler:
            raise UsageError("the backend dask needs a cluster", hint="name its scheduler: --scheduler tcp://HOST:PORT")
        if settings.timeout is not None:
            raise UsageError("a timeout cannot be kept on a cluster: its workers call a loss where nothing can end it")
        from gradcheck.evaluation.workers.dask_pool import DaskPool

        return DaskPool(settings.scheduler, settings.jobs)
    if settings.scheduler:
        raise UsageError("a scheduler is a cluster's", hint="add --backend dask")
    from gradcheck.evaluation.workers.loky_pool import LokyPool, cores

    jobs = settings.jobs or cores()
    return LokyPool(jobs) if jobs > 1 else None
