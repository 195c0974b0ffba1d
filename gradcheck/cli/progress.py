"""What standard error shows during a long run: a bar on a terminal, a call that does not return, the time it takes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from gradcheck.functions.budget import RunProgress
from gradcheck.output.text import escape_control

PATIENCE = 1.0  # seconds before the bar is shown, or a call is mentioned that has not returned
#: After so many seconds a run is said to be long if it takes so many more.
_ESTIMATE_AFTER, _LONG = 2.0, 5.0
_SOONER = "sooner: --batch-size 2, --scores normal, or --jobs 0 for a process on each core"
_ERASED = "\r\x1b[2K"


class ProgressDisplay:
    """A bar on a terminal with the function and how far its check is; on any stream one line each for what is slow."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, *, is_quiet: bool = False) -> None:
        self._stream, self._clock, self._is_quiet = stream, clock, is_quiet
        self._has_bar = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._begun = self._seen = self._of_target = clock()
        self._target, self._said, self._is_shown = "", set[str](), False
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def update(self, standing: RunProgress) -> None:
        """Show how far the run is."""
        now = self._seen = self._clock()
        if self._target != standing.target:
            self._target, self._of_target = standing.target, now
        left = (now - self._of_target) * (1 / standing.share - 1) if standing.share else 0.0
        if now - self._of_target >= _ESTIMATE_AFTER and left and self._once("time") and left >= _LONG:
            self._write(f"{escape_control(self._target)} takes about {left:.0f} s more; {_SOONER}\n")
        if not standing.calls and not standing.done:
            self._write("")  # the loss is about to be called for the first time, and may print
        elif self._has_bar and now - self._begun >= PATIENCE:
            self._write("", _bar(standing, left, Console(file=self._stream).width))

    def close(self) -> None:
        """Remove the bar, and say nothing more."""
        self._closed.set()
        self._write("")

    def _watch(self) -> None:
        """In a thread of its own: name the function whose call does not return."""
        while not self._closed.wait(PATIENCE / 10):
            if self._target and self._clock() - self._seen >= PATIENCE and self._once(f"calling {self._target}"):
                self._write(f"calling {escape_control(self._target)} ...\n")

    def _once(self, what: str) -> bool:
        is_new = what not in self._said and not self._is_quiet
        self._said.add(what)
        return is_new

    def _write(self, lines: str, bar: str = "") -> None:
        """Write lines in place of the bar, then a bar."""
        erased = _ERASED if self._is_shown else ""
        self._is_shown = bool(bar)
        if erased + lines + bar:
            with suppress(OSError, ValueError):  # the stream may be full, closed, or unable to write the name
                self._stream.write(erased + lines + bar)
                self._stream.flush()


def _bar(standing: RunProgress, left: float, width: int) -> str:
    """One line that fits: the function, a bar, how many problems and calls are done, and how long it may yet take."""
    numbers = f"problem {standing.done + 1:,}/{standing.total:,}, call {standing.calls:,}/{standing.expected:,}"
    end = f" {numbers} {f'{int(left // 60):02}:{int(left % 60):02}' if left else '--:--'} left"
    N, C = standing.batch
    name, room = f"{escape_control(standing.target)} {N} x {C} ", max(width - cell_len(end) - 9, 12)
    name = name if cell_len(name) <= room else f"...{name[3 - room :]}"
    wide = max(width - cell_len(name) - cell_len(end) - 1, 0)
    done = round(standing.share * wide)
    line = name + "#" * done + "-" * (wide - done) + end
    return line if cell_len(line) < width else set_cell_size(line, width - 1)
