"""``gradcheck show``."""

# No annotations from the future here: see ``run``.
from typing import Annotated

import typer

from gradcheck.cli.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.cli.terminal import write_out


def show(
    name: Annotated[str, typer.Argument(help="A built-in loss, as `gradcheck list` names it.")],
) -> None:
    """Print a built-in loss: its formula, its gradient, and how the one follows from the other.

    For example: [bold]gradcheck show softmax[/bold]
    """
    from gradcheck.cli.outputs import for_standard_output
    from gradcheck.functions.loading import built_in_named
    from gradcheck.output import Options
    from gradcheck.output.pages import render_one

    with errors_for_people(), a_reader_may_leave():
        write_out(render_one(built_in_named(name), for_standard_output(Options())), None)
