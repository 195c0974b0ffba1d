"""``gradcheck compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradcheck.cli.terminal import for_standard_output, print_out
from gradcheck.output import Options


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier report, from --format json.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The later report.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="New warnings, and what is no longer checked, are worse too.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the verdict in words.")] = False,
) -> None:
    """Say what became better and what became worse from one report to the next.

    Exit code 0: nothing became worse. 1: something became worse. 2: a report could not be read.

    For example: [bold]gradcheck compare last.json report.json[/bold]
    """
    from gradcheck.output.comparing import compare as compare_reports
    from gradcheck.output.comparison import render
    from gradcheck.output.stored import read_report

    comparison = compare_reports(read_report(before), read_report(after), strict)
    print_out(render(comparison, for_standard_output(Options(quiet=quiet))))
    raise typer.Exit(1 if comparison.worse else 0)
