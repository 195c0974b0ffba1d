"""What standard error shows during a long run: a bar on a terminal, a call that does not return, the time it takes."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gradcheck.functions.budget import RunProgress
from gradcheck.output.text import escape_control

PATIENCE = 1.0  # seconds before the bar is shown, or a call is mentioned that has not returned
#: After so many seconds a run is said to be long if it may take so many more; it may be less, as not every loss is
#: called twice for each entry, and first calls may compile.
_ESTIMATE_AFTER, _LONG = 2.0, 5.0
_SOONER = "sooner: --batch-size 2, --scores normal, or --jobs 0 for a process on each core"


class ProgressDisplay:
    """A bar on a terminal with the function and how far its check is; on any stream one line each for what is slow."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, *, is_quiet: bool = False) -> None:
        self._console, self._clock, self._is_quiet = Console(file=stream), clock, is_quiet
        self._has_bar = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._bar = Live(  # which prints nothing of its own accord, and leaves what the loss prints alone
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._begun = self._seen = self._of_target = clock()
        self._target, self._said = "", set[str]()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def update(self, standing: RunProgress) -> None:
        """Show how far the run is."""
        now = self._seen = self._clock()
        if self._target != standing.target:
            self._target, self._of_target = standing.target, now
        left = (now - self._of_target) * (1 / standing.share - 1) if standing.share else 0.0
        if now - self._of_target >= _ESTIMATE_AFTER and left and self._once("time") and left >= _LONG:
            self._say(f"{escape_control(self._target)} may take {left:.0f} s more; {_SOONER}")
        with suppress(OSError, ValueError):  # the stream may be full, or closed
            if not standing.calls and not standing.done:
                self._bar.stop()  # the loss is about to be called for the first time, and may print
            elif self._has_bar and now - self._begun >= PATIENCE:
                self._bar.start()
                self._bar.update(_bar(standing, left, self._console.width), refresh=True)

    def close(self) -> None:
        """Remove the bar, and say nothing more."""
        self._closed.set()
        with suppress(OSError, ValueError):
            self._bar.stop()

    def _watch(self) -> None:
        """In a thread of its own: name the function whose call does not return."""
        while not self._closed.wait(PATIENCE / 10):
            if self._target and self._clock() - self._seen >= PATIENCE and self._once(f"calling {self._target}"):
                self._say(f"calling {escape_control(self._target)} ...")

    def _once(self, what: str) -> bool:
        is_new = what not in self._said and not self._is_quiet
        self._said.add(what)
        return is_new

    def _say(self, line: str) -> None:
        """Write a line, above the bar if that is shown."""
        with suppress(OSError, ValueError):  # the stream may be full, closed, or unable to write the name
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _bar(standing: RunProgress, left: float, width: int) -> Table:
    """One line that fits: the function, a bar, how many problems and calls are done, and how long it may yet take."""
    numbers = f"problem {standing.done + 1:,}/{standing.total:,}, call {standing.calls:,}/{standing.expected:,}"
    end = f"{numbers} {f'{int(left // 60):02}:{int(left % 60):02}' if left else '--:--'} left"
    name, (N, C) = Text(escape_control(standing.target)), standing.batch
    over = name.cell_len - max(width - len(f" {N} x {C}  {end}") - 9, 12)
    if over > 0:
        name = Text("...") + name[over + 3 :]
    line = Table.grid(padding=(0, 1), expand=True)
    for ratio in (None, 1, None):
        line.add_column(no_wrap=True, overflow="crop", ratio=ratio)
    line.add_row(name.append(f" {N} x {C}"), ProgressBar(1.0, standing.share), end)
    return line
