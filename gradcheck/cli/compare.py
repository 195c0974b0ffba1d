"""``gradcheck compare``."""

# No annotations from the future here: see ``run``.
from pathlib import Path
from typing import Annotated

import typer

from gradcheck.cli.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.cli.terminal import write_out


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="An earlier report, as --format json writes it.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="A later one.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="New warnings are worse too, and what is not checked any more.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict in words.")] = False,
) -> None:
    """Say what became better and what worse from one report to another.

    Exit code 0: nothing became worse. 1: something did. 2: a report could not be read.

    For example: [bold]gradcheck compare last.json report.json[/bold]
    """
    from gradcheck.cli.outputs import for_standard_output
    from gradcheck.output import Options
    from gradcheck.output.compare import compare, read_report, render

    with errors_for_people(), a_reader_may_leave():
        comparison = compare(read_report(before), read_report(after), strict)
        write_out(render(comparison, for_standard_output(Options(quiet=quiet))), None)
    raise typer.Exit(1 if comparison.worse else 0)
