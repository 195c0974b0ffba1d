"""The progress bar on standard error, shown only once a run has taken a second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from gradcheck.output.text import escape_control

if TYPE_CHECKING:
    from gradcheck.functions.budget import RunProgress

#: Seconds before the bar is shown.
PATIENCE = 1.0


class ProgressBar:
    """One line on a terminal: the loss, how far its check is, and how long it may yet take."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        one_line = Column(no_wrap=True, overflow="ellipsis")
        self._bar = Progress(
            TextColumn("{task.description}", markup=False, table_column=one_line),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
            TextColumn("{task.fields[numbers]}", markup=False, table_column=one_line),
            TimeRemainingColumn(compact=True, table_column=one_line),
            TextColumn("left", table_column=one_line),
            console=Console(file=stream),
            get_time=clock,
            expand=True,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,  # otherwise rich shows what the loss prints at every call
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=1.0, numbers="")
        self._clock, self._begun, self._target = clock, clock(), ""

    def update(self, standing: RunProgress) -> None:
        """Show how far the run is."""
        if self._target != standing.target:
            self._target = standing.target
            self._bar.reset(self._task)
        numbers = f"problem {standing.done + 1:,}/{standing.total:,}, call {standing.calls:,}/{standing.expected:,}"
        N, C = standing.batch
        name, room = escape_control(standing.target), max(self._bar.console.width - len(numbers) - 30, 8)
        description = f"{name if len(name) <= room else '...' + name[3 - room :]} {N} x {C}"
        self._bar.update(self._task, description=description, completed=standing.share, numbers=numbers)
        if not standing.calls and not standing.done:
            self.close()  # the loss is about to be called for the first time, and may print
        elif self._clock() - self._begun >= PATIENCE:
            self._bar.start()
            self._bar.refresh()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar.live.is_started:
            self._bar.stop()


@contextmanager
def progress_bar() -> Iterator[ProgressBar | None]:
    """A progress bar on standard error if that is a terminal, otherwise None."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    bar = ProgressBar(sys.stderr)
    try:
        yield bar
    finally:
        bar.close()
