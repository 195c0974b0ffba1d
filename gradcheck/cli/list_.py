"""``gradcheck list``."""

# No annotations from the future here: see ``run``.
from gradcheck.cli.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.cli.terminal import write_out


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.cli.outputs import for_standard_output
    from gradcheck.output import Options
    from gradcheck.output.pages import render_list

    with errors_for_people(), a_reader_may_leave():
        write_out(render_list(for_standard_output(Options())), None)
