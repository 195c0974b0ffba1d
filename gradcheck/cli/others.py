"""The short commands: ``list``, ``show``, ``explain``, ``schema`` and ``compare``."""

from pathlib import Path
from typing import Annotated

import typer

from gradcheck.cli.terminal import for_standard_output, print_out
from gradcheck.functions.loading import built_in_named
from gradcheck.output import Options


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.output.pages import render_list

    print_out(render_list(for_standard_output()))


def show(name: Annotated[str, typer.Argument(help="A built-in loss; `gradcheck list` shows them.")]) -> None:
    """Print a built-in loss: its formula, its gradient, and the derivation of the gradient.

    For example: [bold]gradcheck show softmax[/bold]
    """
    from gradcheck.output.pages import render_one

    print_out(render_one(built_in_named(name), for_standard_output()))


def explain(
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE", help="Codes; none: all are listed.")] = None,
) -> None:
    """Explain the code of a finding: what it means, how it happens, and what is right instead.

    For example: [bold]gradcheck explain missing-mean[/bold]
    """
    from gradcheck.output.pages import page, render_codes, render_page

    options = for_standard_output()
    pages = [page(code) for code in codes or []]
    print_out("\n".join(render_page(each, options) for each in pages) or render_codes(options))


def schema() -> None:
    """Print the JSON Schema of gradcheck.yaml, for an editor or a validator.

    For example: [bold]gradcheck schema > gradcheck.schema.json[/bold]
    """
    print_out(schema_text())


def schema_text() -> str:
    """The JSON Schema of the configuration as text."""
    import json

    from gradcheck.config.model import json_schema

    return f"{json.dumps(json_schema(), indent=2)}\n"


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier report, from --format json.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The later report.")],
    strict: Annotated[bool, typer.Option("--strict", help="New warnings and missing checks are worse too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the verdict in words.")] = False,
) -> None:
    """Say what became better and what became worse from one report to the next.

    Exit code 0: nothing became worse. 1: something became worse. 2: a report could not be read.

    For example: [bold]gradcheck compare last.json report.json[/bold]
    """
    from gradcheck.output import compare as comparison

    found = comparison.compare(comparison.read_report(before), comparison.read_report(after), strict)
    print_out(comparison.render(found, for_standard_output(Options(quiet=quiet))))
    raise typer.Exit(1 if any(change.direction == "worse" for change in found) else 0)
