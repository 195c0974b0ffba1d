"""Where reports go: which formats to standard output, and which to files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from gradcheck.cli.terminal import for_standard_output, print_out, refuse_unwritable, write_file
from gradcheck.errors import UsageError, did_you_mean
from gradcheck.output import FORMATS, Options
from gradcheck.report import Report

_SUFFIXES = {".json": "json", ".xml": "junit", ".html": "html", ".md": "markdown"}
_ENTRIES_OF_A_PAGE = 100
_HINT = "write --output FORMAT=PATH"


class Destinations(NamedTuple):
    """Formats for standard output, in order; files by format; and the file of a picture."""

    shown: tuple[str, ...]
    files: dict[str, Path]
    plot: Path | None

    def entries_kept(self, worst: int) -> int:
        """How many of a problem's worst entries a run keeps, when ``worst`` of them are to be shown."""
        return max(worst, _ENTRIES_OF_A_PAGE) if "html" in (*self.shown, *self.files) else worst

    def write(self, report: Report, look: Options) -> None:
        """Write a report everywhere; an OutputError if standard output or a file cannot be written."""
        for format_ in self.shown:
            print_out(FORMATS[format_](report, for_standard_output(look)))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if "github" in self.shown and summary:
            try:
                with open(summary, "a", encoding="utf-8") as file:
                    file.write(FORMATS["markdown"](report, look))
            except OSError as error:  # no reason to fail the step
                typer.echo(f"the step's summary cannot be written: {error.strerror or error}", err=True)
        written = [f"the report is in {path}" for path in self.files.values()]
        for format_, path in self.files.items():
            write_file(FORMATS[format_](report, look), path)
        if self.plot is not None:
            from gradcheck.output.plot import picture  # matplotlib

            write_file(picture(report, self.plot.suffix.lower().lstrip(".")), self.plot)
            written.append(f"the picture is in {self.plot}")
        if not look.quiet:
            typer.echo("".join(f"{line}\n" for line in written), err=True, nl=False)


def destinations(formats: Sequence[str], outputs: Sequence[str], plot: Path | None = None) -> Destinations:
    """What ``--format``, ``--output`` and ``--plot`` mean together.

    A format goes to standard output unless ``--output FORMAT=PATH`` gives it a file; without formats it is the table,
    with annotations in a GitHub workflow. The format of ``--output PATH`` is the first of ``--format``, or the one that
    the file's suffix stands for, and is not shown as well.

    Raises:
        UsageError: an unknown format, two formats for standard output, or two files for a format.
        OutputError: a file cannot be written.
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
            format_, path, by_default = shown[0] if shown else _SUFFIXES.get(Path(text).suffix, "table"), text, False
        if not path or format_ in files:
            raise UsageError(f"--output {text!r}: no file, or a second one for {format_}", hint=_HINT)
        files[format_] = Path(path)
        shown = [each for each in shown if each != format_]
    if by_default:
        shown = ["table", "github"] if os.environ.get("GITHUB_ACTIONS") and "github" not in files else ["table"]
    if len(set(shown) - {"github"}) > 1:
        raise UsageError(f"{' and '.join(shown)} would both go to standard output", hint=_HINT)
    if plot is not None:
        from gradcheck.output.plot import refuse_what_cannot_be_drawn  # matplotlib

        refuse_what_cannot_be_drawn(plot)
    for file in (*files.values(), *([plot] if plot else [])):
        refuse_unwritable(file)
    return Destinations(tuple(shown), files, plot)
