"""``gradcheck list``."""

# No annotations from the future here: see ``run``.
import sys

from gradcheck.surroundings import a_reader_may_leave
from gradcheck.terminal import wants_color, width_of, write_out


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.rendering.built_ins import render_list

    with a_reader_may_leave():
        write_out(render_list(width_of(sys.stdout), wants_color(sys.stdout)), None)
