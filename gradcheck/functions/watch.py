"""What stands beside every call of the losses of a run: the time that is left, a call's limit, who waits for news."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradcheck.errors import LossDefect, OutOfTime, TargetError, UsageError
from gradcheck.functions.standing import Progress, Standing
from gradcheck.functions.time_limit import TimeLimit, time_limit
from gradcheck.functions.watchdog import last_words
from gradcheck.settings import Settings

#: Seconds between two times that progress is told.
EVERY = 0.1
#: A module that is loaded may import a framework: it gets this many seconds at least.
LOADING = 60.0
#: What a problem takes beside the two calls of each entry.
_OVERHEAD = 50


@contextmanager
def watching(
    settings: Settings, progress: Progress | None = None, stuck: Callable[[LossDefect], int] = last_words
) -> Iterator[Watch]:
    """A watch over the calls that are made within the block.

    Args:
        settings: ``max_seconds`` begin now; ``timeout`` is the limit of each call.
        progress: told now and then how far the run is.
        stuck: as for ``time_limit``.

    Raises:
        UsageError: a number of seconds that is none; or a timeout where there can be none.
    """
    for name in ("max_seconds", "timeout"):
        seconds = getattr(settings, name)
        if seconds is not None and not 0 < seconds < math.inf:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{name} ({option}) is {seconds:g}, and must be a number of seconds above 0")
    if settings.timeout is None:
        yield Watch(settings.max_seconds, None, progress)
    else:
        with time_limit(settings.timeout, stuck) as limit:
            yield Watch(settings.max_seconds, limit, progress)


class Watch:
    """Counts the calls of a run, begins none after its time is up, ends those that hang, and tells how far it is.

    Args:
        max_seconds: from now; None for no end.
        limit: of each call; None for none.
        progress: whom to tell; None for nobody.

    Attributes:
        calls: of losses, since the run began.
    """

    def __init__(
        self, max_seconds: float | None = None, limit: TimeLimit | None = None, progress: Progress | None = None
    ) -> None:
        now = time.monotonic()
        self.calls = 0
        self._deadline = math.inf if max_seconds is None else now + max_seconds
        self._limit, self._progress = limit, progress
        self._next_news = math.inf if progress is None else now + EVERY
        self._target, self._shapes, self._done = "", [(0, 0)], 0
        self._before = self._expected = 0

    @property
    def is_over(self) -> bool:
        """The run's time is up."""
        return time.monotonic() >= self._deadline

    @property
    def calls_of_problem(self) -> int:
        """Calls that the problem at hand has taken so far."""
        return self.calls - self._before

    def turn_to(self, target: str, shapes: list[tuple[int, int]], done: int) -> None:
        """The next calls are for this problem. That a target begins is told at once.

        Args:
            target: the loss.
            shapes: N and C of all its problems.
            done: how many of them are done: the next one's is ``shapes[done]``.
        """
        self._target, self._shapes, self._done = target, shapes, done
        self._before = self.calls
        N, C = shapes[done]
        self._expected = 2 * N * C + _OVERHEAD
        if not done and self._progress is not None:
            self._tell(self._progress)

    def expect(self, calls: int) -> None:
        """The problem at hand will take about so many calls from now on: a better guess than the watch's own."""
        self._expected = self.calls_of_problem + calls

    def begin(self, calls: int = 1) -> None:
        """Calls of a loss are about to begin, here or elsewhere.

        Raises:
            OutOfTime: they must not.
        """
        now = time.monotonic()
        if now >= self._deadline:
            raise OutOfTime
        if now >= self._next_news and self._progress is not None:
            self._next_news = now + EVERY
            self._tell(self._progress)
        self.calls += calls

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a loss's function.

        Raises:
            OutOfTime: the run's time is up, and it was not called.
            LossDefect: ``hangs``.
        """
        self.begin()
        if self._limit is None:
            return function(*arguments, **options)
        return self._limit.call(function, *arguments, **options)

    def load(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what executes the user's module, which may take longer than a loss.

        Raises:
            TargetError: it hangs.
        """
        if self._limit is None:
            return function(*arguments)
        try:
            return self._limit.call_within(max(LOADING, self._limit.seconds), function, *arguments)
        except LossDefect as defect:
            raise TargetError(f"loading it {defect.message}", details=defect.details) from None

    def _tell(self, progress: Progress) -> None:
        calls = self.calls_of_problem
        expected = max(self._expected, calls)
        work = [N * C + _OVERHEAD / 2 for N, C in self._shapes]
        done = sum(work[: self._done]) + work[self._done] * calls / max(expected, 1)
        progress(
            Standing(
                target=self._target,
                batch=self._shapes[self._done],
                done=self._done,
                total=len(self._shapes),
                calls=calls,
                expected=expected,
                share=done / sum(work),
                calls_in_all=self.calls,
            )
        )
