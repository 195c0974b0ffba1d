"""The progress bar: rich's, shown only once a run has taken a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Seconds before there is a bar: what is over by then needs none.
PATIENCE = 1.0


class ProgressBar:
    """Tells how many problems of a target are done."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        """
        Args:
            stream: a terminal.
            clock: seconds, from any beginning.
        """
        self._stream, self._clock, self._begun = stream, clock, clock()
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def tell(self, target: str, done: int, total: int) -> None:
        """Of ``total`` problems of a target, ``done`` are done."""
        if self._clock() - self._begun < PATIENCE:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            # Left to itself, rich would take over standard output, and let be heard what a loss prints at every call.
            self._bar = Progress(
                console=Console(file=self._stream), transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._bar.start()
        from rich.markup import escape

        if target not in self._tasks:
            self._tasks[target] = self._bar.add_task(escape(target), total=total)
        self._bar.update(self._tasks[target], completed=done)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
