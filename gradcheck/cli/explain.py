"""``gradcheck explain``."""

# No annotations from the future here: see ``run``.
from typing import Annotated

import typer

from gradcheck.cli.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.cli.terminal import write_out


def explain(
    codes: Annotated[
        list[str] | None,
        typer.Argument(metavar="CODE", help="Codes of findings; all are listed without any.", show_default=False),
    ] = None,
) -> None:
    """Say what the code of a finding means, how it happens, and what is right instead.

    For example: [bold]gradcheck explain missing-mean[/bold]
    """
    from gradcheck.cli.outputs import for_standard_output
    from gradcheck.diagnosis.pages import page
    from gradcheck.output import Options
    from gradcheck.output.pages import render_codes, render_page

    options = for_standard_output(Options())
    with errors_for_people(), a_reader_may_leave():
        asked = [page(code) for code in codes or []]
        write_out("\n".join(render_page(each, options) for each in asked) or render_codes(options), None)
