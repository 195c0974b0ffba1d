"""Where output goes: to standard output or files, in which format, width, colours and encoding; and usage errors."""

import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console

from gradcheck.errors import UsageError, did_you_mean
from gradcheck.output import FORMATS, Options
from gradcheck.output.plot import PICTURES, picture, refuse_what_cannot_be_drawn
from gradcheck.output.text import escape_control
from gradcheck.report import Report

_WRITABLE = "name a file in a directory that exists and that you may write to"
_SUFFIXES = {".json": "json", ".xml": "junit", ".html": "html", ".md": "markdown"} | dict.fromkeys(
    (".txt", ".log", ".out", ""), "table"
)
_OUTPUT = "write --output FORMAT=PATH"


@contextmanager
def usage_errors() -> Iterator[None]:
    """Show a usage error as a message on standard error, and exit with 2."""
    try:
        yield
    except UsageError as error:
        typer.echo(escape_control(str(error), lines=True), err=True)
        raise typer.Exit(2) from None


def for_standard_output(look: Options | None = None) -> Options:
    """The options with the width, colours and characters of standard output; NO_COLOR and FORCE_COLOR are obeyed."""
    console = Console()
    return replace(
        look or Options(),
        width=shutil.get_terminal_size((120, 24)).columns,
        color=console.color_system is not None and not console.no_color,
        ascii="utf" not in (getattr(sys.stdout, "encoding", None) or "ascii").lower(),
    )


def print_out(text: str) -> None:
    """Write text to standard output, which ``| head`` may have closed; a UsageError where the disk is full."""
    if sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"standard output cannot be written: {error.strerror or error}") from None


def write_file(content: str | bytes, path: Path) -> None:
    """Write a file, text in UTF-8; a UsageError if that fails."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{str(path)!r} cannot be written: {reason}", hint=_WRITABLE) from None


def refuse_unwritable(path: Path) -> None:
    """Refuse, with a UsageError, a path that cannot be written, before the work is done and not after it."""
    place = path if os.path.exists(path) else path.parent
    if os.path.isdir(path) or not os.path.isdir(path.parent) or not os.access(place, os.W_OK):
        raise UsageError(f"{str(path)!r} cannot be written", hint=_WRITABLE)


class Destinations(NamedTuple):
    """Where a report goes."""

    shown: tuple[str, ...]  # formats for standard output, in order
    files: dict[str, Path]  # by format, or ``picture``

    def write(self, report: Report, look: Options) -> None:
        """Write a report everywhere, files first and whole; a UsageError at the end for what cannot be written."""
        written, failed = [], []
        for format_, path in self.files.items():
            try:
                drawn = format_ == "picture" and picture(report, path.suffix.lower()[1:])
                write_file(drawn or FORMATS[format_](report, replace(look, quiet=False)), path)
                written.append(f"the {'picture' if drawn else 'report'} is in {path}")
            except UsageError as error:
                failed.append(error)
            except Exception:
                traceback.print_exc()
                failed.append(UsageError(f"{path} is not written, by an error in gradcheck itself: the verdict stands"))
        for format_ in self.shown:
            print_out(FORMATS[format_](report, for_standard_output(look)))
        if "github" in self.shown and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
            try:
                with open(summary, "a", encoding="utf-8") as file:
                    file.write(FORMATS["markdown"](report, look))
            except OSError as error:  # no reason to fail the step
                typer.echo(f"the step's summary cannot be written: {error.strerror or error}", err=True)
        if not look.quiet:
            typer.echo("".join(f"{line}\n" for line in written), err=True, nl=False)
        if failed:
            raise UsageError("\n".join(each.message for each in failed), hint=failed[0].hint)


def destinations(formats: Sequence[str], outputs: Sequence[str], plot: Path | None = None) -> Destinations:
    """What ``--format``, ``--output`` and ``--plot`` mean together.

    A format goes to standard output unless ``--output FORMAT=PATH`` gives it a file; without formats it is the table,
    with annotations in a GitHub workflow. The format of ``--output PATH`` is the first of ``--format``, or the one that
    the file's suffix stands for, and is not shown as well.
    """
    shown = [format_ for format_ in dict.fromkeys(formats) if format_ != "auto"]
    for format_ in shown:
        if format_ not in FORMATS:
            hint = did_you_mean(format_, FORMATS) or f"choose one of {', '.join(FORMATS)}"
            raise UsageError(f"--format {format_!r} is unknown", hint=hint)
    files: dict[str, Path] = {}
    by_default = not shown
    for text in outputs:
        format_, sign, path = text.partition("=")
        if not sign or format_ not in FORMATS:
            suffix = Path(text).suffix.lower() if not sign else ""
            if not shown and suffix not in _SUFFIXES:
                endings = ", ".join(f"{ending} ({format_})" for ending, format_ in _SUFFIXES.items() if ending)
                plot_ = f"--plot {text} draws a picture; " if suffix in PICTURES else ""
                raise UsageError(f"--output {text!r}: the endings of reports are {endings}", hint=f"{plot_}{_OUTPUT}")
            format_, path, by_default = shown[0] if shown else _SUFFIXES[suffix], text, False
        if not path or format_ in files:
            raise UsageError(f"--output {text!r} names no file, or {format_} has a file already", hint=_OUTPUT)
        files[format_] = Path(path)
        shown = [each for each in shown if each != format_]
    if by_default:
        shown = ["table", "github"] if os.environ.get("GITHUB_ACTIONS") and "github" not in files else ["table"]
    if len(set(shown) - {"github"}) > 1:
        raise UsageError(f"{' and '.join(shown)} would both go to standard output", hint=_OUTPUT)
    if plot is not None:
        refuse_what_cannot_be_drawn(plot)
        files["picture"] = plot
    for file in files.values():
        refuse_unwritable(file)
    return Destinations(tuple(shown), files)
