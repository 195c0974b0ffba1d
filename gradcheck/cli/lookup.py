"""Commands that print what gradcheck knows: ``list``, ``show``, ``explain`` and ``schema``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gradcheck.cli.terminal import for_standard_output, print_out
from gradcheck.config.model import json_schema
from gradcheck.functions.loading import built_in_named


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.output.built_ins import render_list

    print_out(render_list(for_standard_output()))


def show(name: Annotated[str, typer.Argument(help="A built-in loss; `gradcheck list` shows them.")]) -> None:
    """Print a built-in loss: its formula, its gradient, and the derivation of the gradient.

    For example: [bold]gradcheck show softmax[/bold]
    """
    from gradcheck.output.built_ins import render_one

    print_out(render_one(built_in_named(name), for_standard_output()))


def explain(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="CODE", help="Codes of findings; without any, all codes are listed.")
    ] = None,
) -> None:
    """Explain the code of a finding: what it means, how it happens, and what is right instead.

    For example: [bold]gradcheck explain missing-mean[/bold]
    """
    from gradcheck.diagnosis.pages import page
    from gradcheck.output.pages import render_codes, render_page  # rich.markdown

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
    return f"{json.dumps(json_schema(), indent=2)}\n"
