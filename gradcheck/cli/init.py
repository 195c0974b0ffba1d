"""``gradcheck init``."""

# No annotations from the future here: see ``run``.
from pathlib import Path
from typing import Annotated

import typer

from gradcheck.cli.surroundings import errors_for_people


def init(
    directory: Annotated[Path, typer.Argument(help="Where.", show_default="here")] = Path("."),
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Also a loss of this name to fill in, and its test.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Write a gradcheck.yaml that explains itself; with --loss, a loss to fill in and its test.

    For example: [bold]gradcheck init --loss my_loss && gradcheck run[/bold]
    """
    from gradcheck.cli.scaffolding import files, write_files

    with errors_for_people():
        written = write_files(files(loss), directory, force)
    for path in written:
        typer.echo(f"wrote {path}")
    if not written:
        typer.echo("nothing to write: the files are there as they would be")
