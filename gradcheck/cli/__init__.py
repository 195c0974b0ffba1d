"""The command line: ``gradcheck`` and its commands."""

import sys
import traceback
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from gradcheck.cli.others import compare, explain, init, list_, schema, show
from gradcheck.cli.outputs import usage_errors
from gradcheck.cli.run import run
from gradcheck.version import __version__

#: The commands by name, in the order that ``--help`` shows.
COMMANDS: dict[str, Callable[..., None]] = {
    "run": run, "list": list_, "show": show, "explain": explain, "init": init, "schema": schema, "compare": compare,
}  # fmt: skip

app = typer.Typer(
    name="gradcheck",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name)(usage_errors()(_command))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gradcheck {__version__}")
        raise typer.Exit()


@app.callback()
def gradcheck(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Check the gradient of a loss: is it right, where is it wrong, and why."""


def main() -> NoReturn:
    """Run the command line; an error in gradcheck itself exits with 2, because 1 means a wrong gradient."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("interrupted before any problem was checked", err=True)
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        typer.echo("this is an error in gradcheck itself, not in your loss: nothing was checked", err=True)
        sys.exit(2)
    sys.exit(0)
