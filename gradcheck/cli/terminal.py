"""What the command line knows of where its output goes: width, colour, encoding, and a file instead."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

from gradcheck.errors import OutputError

#: Columns where output is no terminal and COLUMNS says nothing: what a log holds well.
WIDTH_OF_A_FILE = 120


def width_of(stream: TextIO) -> int:
    """Columns of a terminal; for anything else COLUMNS, or 120."""
    if stream.isatty():
        return shutil.get_terminal_size().columns
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else WIDTH_OF_A_FILE


def height_of(stream: TextIO) -> int | None:
    """Lines of a terminal; None for anything else."""
    return shutil.get_terminal_size().lines if stream.isatty() else None


def wants_color(stream: TextIO) -> bool:
    """Whether to write colour codes: on a terminal that knows them, unless NO_COLOR (no-color.org) forbids it."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def is_ascii(stream: TextIO) -> bool:
    """Whether the stream's encoding holds nothing beyond ASCII that could be relied on."""
    return "utf" not in (getattr(stream, "encoding", None) or "ascii").lower()


def write_out(text: str, path: Path | None) -> None:
    """Write a report to standard output or, whole or not at all, to a file.

    Args:
        text: the report.
        path: of the file; None for standard output.

    Raises:
        OutputError: it cannot be written.
        BrokenPipeError: whoever read standard output has left.
    """
    if path is None:
        encoding = sys.stdout.encoding or "utf-8"
        try:
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.flush()
        except BrokenPipeError:  # a reader that leaves is the caller's to judge
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror or error}") from None
        return
    write_bytes(text.encode("utf-8", "backslashreplace"), path)


def write_bytes(data: bytes, path: Path) -> None:
    """Write a file, whole or not at all.

    Args:
        data: what it is to hold.
        path: of the file.

    Raises:
        OutputError: it cannot be written.
    """
    import tempfile  # only a report that goes to a file pays for it

    temporary = None
    try:
        path = Path(os.path.realpath(path))  # a link stays a link
        if _is_device(path):
            path.write_bytes(data)
            return
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:40]}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(path)
    except (OSError, ValueError) as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{str(path)!r} cannot be written: {getattr(error, 'strerror', None) or error}",
            hint="name a file in a directory that exists and that you may write to",
        ) from None


def refuse_unwritable(path: Path) -> None:
    """Refuse an output path before the work is done, and not after it.

    Raises:
        OutputError: it is a directory, or its directory does not exist or cannot be written to.
    """
    try:
        path = Path(os.path.realpath(path))
        written = path if _is_device(path) else path.parent  # a file is written beside itself, and then renamed
        unusable = path.is_dir() or not path.parent.is_dir() or not os.access(written, os.W_OK)
    except (OSError, ValueError):
        unusable = True
    if unusable:
        raise OutputError(
            f"{str(path)!r} cannot be written: it is a directory, or in no directory that can be written to",
            hint="name a file in a directory that exists and that you may write to",
        )


def _is_device(path: Path) -> bool:
    """Whether there is something that is no file to be replaced: /dev/null, a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
