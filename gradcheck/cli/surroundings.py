"""What stands around a command: errors for people, a progress bar, a reader that leaves, a call that hangs."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from gradcheck.errors import UsageError

if TYPE_CHECKING:
    from gradcheck.cli.progress import ProgressBar
    from gradcheck.report import Report


def let_the_collector_loose() -> None:
    """The user's code is about to run: collect garbage again, but never look through what is imported by now."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextmanager
def progress_bar() -> "Iterator[ProgressBar | None]":
    """A progress bar on standard error, if that is a terminal and the run takes more than about a second."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from gradcheck.cli.progress import ProgressBar

    bar = ProgressBar(sys.stderr, time.monotonic)
    try:
        yield bar
    finally:
        bar.close()


def abandon_by(say: "Callable[[Report], None]", bar: "ProgressBar | None") -> "Callable[[Report], int]":
    """What is left to do, in another thread, when the main one hangs in a call that cannot be ended."""
    streams = sys.stdout, sys.stderr

    def abandon(report: "Report") -> int:
        sys.stdout, sys.stderr = streams  # the loss is silenced
        if bar is not None:
            bar.close()
        with errors_for_people():
            say(report)
        typer.echo("the call that hangs cannot be ended, so gradcheck was", err=True)
        return report.exit_code

    return abandon


@contextmanager
def errors_for_people() -> Iterator[None]:
    """A user's mistake as a message, with exit code 2."""
    try:
        yield
    except UsageError as error:
        from gradcheck.output.text import escape_control

        for line in escape_control(str(error), lines=True).splitlines() or ["error"]:
            typer.echo(line, err=True)
        raise typer.Exit(2) from None


@contextmanager
def a_reader_may_leave() -> Iterator[None]:
    """A reader that closes its end early (``| head``) is no mistake, and changes no exit code."""
    try:
        yield
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
