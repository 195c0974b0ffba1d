"""Standard output, files and messages: widths, colours, encodings, and errors for people."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from gradcheck.errors import OutputError, UsageError
from gradcheck.output import Options
from gradcheck.output.text import escape_control

_HINT = "name a file in a directory that exists and that you may write to"


@contextmanager
def usage_errors() -> Iterator[None]:
    """Show a usage error as a message on standard error, and exit with 2."""
    try:
        yield
    except UsageError as error:
        typer.echo(escape_control(str(error), lines=True), err=True)
        raise typer.Exit(2) from None


def for_standard_output(look: Options | None = None) -> Options:
    """The options (by default, the default ones) with the width, height, colours and characters of standard output.

    The width is that of the terminal, or else COLUMNS, or else 120. Colours go to a terminal that shows them, unless
    NO_COLOR (https://no-color.org) forbids them; FORCE_COLOR asks for them everywhere.
    """
    out, environment = sys.stdout, os.environ
    terminal = out is not None and out.isatty()
    size = shutil.get_terminal_size((120, 24))
    color = bool(environment.get("FORCE_COLOR")) or (terminal and environment.get("TERM") != "dumb")
    return (look or Options())._replace(
        width=size.columns,
        height=size.lines if terminal else None,
        color=color and not environment.get("NO_COLOR"),
        ascii="utf" not in (getattr(out, "encoding", None) or "ascii").lower(),
    )


def print_out(text: str) -> None:
    """Write text to standard output; characters that its encoding lacks become escapes.

    A reader that closes its end early (``| head``) is not an error; a closed or full output is an OutputError.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OutputError(f"standard output cannot be written: {error.strerror or error}") from None


def write_file(content: str | bytes, path: Path) -> None:
    """Write a file, text in UTF-8; an OutputError if that fails."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{str(path)!r} cannot be written: {reason}", hint=_HINT) from None


def refuse_unwritable(path: Path) -> None:
    """Refuse, with an OutputError, a path that cannot be written, before the work is done and not after it."""
    try:
        place = path if path.exists() else path.parent
        unusable = path.is_dir() or not path.parent.is_dir() or not os.access(place, os.W_OK)
    except (OSError, ValueError):
        unusable = True
    if unusable:
        raise OutputError(f"{str(path)!r} cannot be written", hint=_HINT)
