"""Where reports go: which formats to standard output, and which to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from gradcheck.cli.surroundings import a_reader_may_leave
from gradcheck.cli.terminal import height_of, is_ascii, refuse_unwritable, wants_color, width_of, write_bytes, write_out
from gradcheck.errors import OutputError, UsageError
from gradcheck.output import FORMATS, Options
from gradcheck.report import Report

_AUTO = "auto"
_SUFFIXES = {
    ".json": "json", ".xml": "junit", ".html": "html", ".htm": "html", ".md": "markdown",
}  # fmt: skip
#: Entries with all their numbers that a page shows of a problem.
_ON_A_PAGE = 100


@dataclass(frozen=True)
class Destinations:
    """Where a run's reports go.

    Attributes:
        shown: formats for standard output, in order.
        files: formats for files.
        plot: the file of a picture; None for none.
    """

    shown: tuple[str, ...]
    files: tuple[tuple[str, Path], ...]
    plot: Path | None

    def entries_kept(self, worst: int) -> int:
        """How many of a problem's worst entries a run has to keep, where so many are to be shown."""
        return max(worst, _ON_A_PAGE) if "html" in (*self.shown, *dict(self.files)) else worst

    def write(self, report: Report, look: Options) -> None:
        """Write a report everywhere.

        Args:
            report: of the run.
            look: how it is to look, wherever it goes; ``for_standard_output`` adds what holds there.

        Raises:
            OutputError: a file cannot be written.
        """
        for format_ in self.shown:
            text = FORMATS[format_](report, for_standard_output(look))
            with a_reader_may_leave():
                write_out(text, None)
        if "github" in self.shown:
            _add_to_summary(report, look)
        for format_, path in self.files:
            write_out(FORMATS[format_](report, look), path)
            if not look.quiet:
                typer.echo(f"the report is in {path}", err=True)
        if self.plot is not None:
            from gradcheck.output.plot import picture

            write_bytes(picture(report, self.plot.suffix.lower().lstrip(".")), self.plot)
            if not look.quiet:
                typer.echo(f"the picture is in {self.plot}", err=True)


def for_standard_output(look: Options) -> Options:
    """The same, to the width, height, colours and letters that standard output has."""
    out = sys.stdout
    return replace(look, width=width_of(out), height=height_of(out), color=wants_color(out), ascii=is_ascii(out))


def destinations(formats: Sequence[str], outputs: Sequence[str], plot: Path | None = None) -> Destinations:
    """What ``--format``, ``--output`` and ``--plot`` say together.

    A format goes to standard output, unless ``--output FORMAT=PATH`` gives it a file. Without a format, the table goes
    there, with GitHub's annotations where a workflow runs; unless ``--output PATH`` takes it, as what the file's name
    says.

    Args:
        formats: as they were named.
        outputs: ``FORMAT=PATH``, or once ``PATH``.
        plot: of a picture.

    Raises:
        UsageError: two formats would go to standard output, or one file's format is not clear.
        OutputError: a file cannot be written.
    """
    named, bare = _split(outputs)
    wanted = list(dict.fromkeys(formats)) or [_AUTO]
    if bare is not None:
        open_ = [format_ for format_ in wanted if format_ not in named]
        if len(open_) != 1:
            raise UsageError(f"--output {str(bare)!r} is of which format?", hint="write --output FORMAT=PATH")
        taken = _SUFFIXES.get(bare.suffix.lower(), "table") if open_[0] == _AUTO else open_[0]
        wanted.remove(open_[0])
        named[taken] = bare
    shown = [format_ for format_ in wanted if format_ not in named]
    if _AUTO in shown:
        in_a_workflow = bool(os.environ.get("GITHUB_ACTIONS")) and "github" not in named
        shown[shown.index(_AUTO) : shown.index(_AUTO) + 1] = ["table", "github"] if in_a_workflow else ["table"]
    if len(set(shown) - {"github"}) > 1:
        raise UsageError(
            f"{' and '.join(shown)} would both go to standard output", hint="give one a file: --output FORMAT=PATH"
        )
    for path in named.values():
        refuse_unwritable(path)
    if plot is not None:
        from gradcheck.output.plot import refuse_what_cannot_be_drawn

        refuse_what_cannot_be_drawn(plot)
        refuse_unwritable(plot)
    return Destinations(tuple(dict.fromkeys(shown)), tuple(named.items()), plot)


def _split(outputs: Sequence[str]) -> tuple[dict[str, Path], Path | None]:
    """Files by their format, and one whose format is not named."""
    named: dict[str, Path] = {}
    bare: list[str] = []
    for text in outputs:
        format_, sign, path = text.partition("=")
        if not sign or format_ not in FORMATS:
            bare.append(text)
        elif not path:
            raise UsageError(f"--output {text!r} names no file", hint="write --output FORMAT=PATH")
        elif format_ in named:
            raise UsageError(f"--output names two files for {format_}")
        else:
            named[format_] = Path(path)
    if len(bare) > 1:
        raise UsageError(f"--output {bare[0]!r} and {bare[1]!r}: of which formats?", hint="write --output FORMAT=PATH")
    return named, Path(bare[0]) if bare else None


def _add_to_summary(report: Report, look: Options) -> None:
    """Add the report to the summary of a workflow's step, where there is one; that it cannot be is no failure."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    try:
        with open(summary, "a", encoding="utf-8") as file:
            file.write(FORMATS["markdown"](report, look))
    except OSError as error:
        typer.echo(str(OutputError(f"the step's summary cannot be written: {error.strerror or error}")), err=True)
