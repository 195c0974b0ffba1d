"""The progress bar: rich's, shown only once a run has taken a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from gradcheck.functions.standing import Standing

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds before there is a bar: what is over by then needs none.
PATIENCE = 1.0
#: The rate is that of the last so many times that the bar was told: three seconds, or as many calls where each is slow.
_RECENT = 30
#: Columns that are left to the bar itself, at least.
_LEAST_BAR = 8


class ProgressBar:
    """One line: how far the target at hand is, how fast its loss is called, how long it may yet take."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        """
        Args:
            stream: a terminal.
            clock: seconds, from any beginning.
        """
        self._stream, self._clock, self._begun = stream, clock, clock()
        self._bar: Progress | None = None
        self._first: tuple[float, Standing] | None = None
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT)

    def tell(self, standing: Standing) -> None:
        """How far it is now."""
        now = self._clock()
        if self._first is None or self._first[1].target != standing.target:
            self._first = now, standing
            self._recent.clear()
        self._recent.append((now, standing.calls_in_all))
        if not standing.calls and not standing.done:
            self.close()  # the loss is about to be called for the first time, and may print
        elif now - self._begun >= PATIENCE:
            self._show(standing, rate(self._recent), self._left(now, standing))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _left(self, now: float, standing: Standing) -> float | None:
        """Seconds until this target is done, if it goes on as it did so far; None before that can be told."""
        assert self._first is not None
        since, first = self._first
        gained = standing.share - first.share
        return (now - since) * (1 - standing.share) / gained if gained > 0 else None

    def _show(self, standing: Standing, rate: str, left: float | None) -> None:
        parts = (
            f"problem {standing.done + 1:,}/{standing.total:,}",
            f"call {standing.calls:,}/{standing.expected:,}",
            rate,
            "" if left is None else f"{clock_face(left)} left",
        )
        numbers = ", ".join(part for part in parts if part)
        if self._bar is None:
            self._bar = _line(self._stream)
            self._bar.add_task("", total=1.0, numbers="")
        room = self._bar.console.width - len(numbers) - _LEAST_BAR - 2
        (task,) = self._bar.task_ids
        self._bar.update(task, description=_named(standing, room), completed=standing.share, numbers=numbers)
        self._bar.start()
        self._bar.refresh()


def rate(recent: deque[tuple[float, int]]) -> str:
    """How fast calls are, from when it was told and how many there were by then; empty where that cannot be said yet.

    >>> rate(deque([(0.0, 10), (2.0, 60)])), rate(deque([(0.0, 1), (5.0, 3)]))
    ('25/s', '2.5 s each')
    """
    if not recent:
        return ""
    (since, before), (now, calls) = recent[0], recent[-1]
    if calls <= before or now <= since:
        return ""
    each = (now - since) / (calls - before)
    return f"{1 / each:,.0f}/s" if each < 0.5 else f"{each:,.1f} s each"


def clock_face(seconds: float) -> str:
    """A time as minutes and seconds, or hours too.

    >>> clock_face(5.2), clock_face(3725.0)
    ('0:05', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _named(standing: Standing, room: int) -> str:
    """The target and the batch; the end of the target where there is no room for more."""
    from gradcheck.output.text import escape_control

    N, C = standing.batch
    target, batch = escape_control(standing.target), f" {N} x {C}"
    most = max(room - len(batch), 6)
    return (target if len(target) <= most else f"...{target[3 - most :]}") + batch


def _line(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="crop")),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=_LEAST_BAR)),
        TextColumn("{task.fields[numbers]}", markup=False, table_column=Column(no_wrap=True, overflow="crop")),
        console=Console(file=stream),
        expand=True,
        transient=True,
        auto_refresh=False,
        # Left to itself, rich would take over standard output, and let be heard what a loss prints at every call.
        redirect_stdout=False,
        redirect_stderr=False,
    )
