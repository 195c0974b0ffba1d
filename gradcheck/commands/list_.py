"""``gradcheck list``."""

# No annotations from the future here: see ``run``.
from gradcheck.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.terminal import write_out


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.outputs import for_standard_output
    from gradcheck.rendering import Options
    from gradcheck.rendering.built_ins import render_list

    with errors_for_people(), a_reader_may_leave():
        write_out(render_list(for_standard_output(Options())), None)
