"""The command line: which commands there are. Each has a file of its own in ``gradcheck.cli``."""

import importlib
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

#: In the order that ``--help`` shows; each has a module of its name.
COMMANDS = ("run", "list", "show", "explain", "init", "schema", "compare")
_MODULES = {"list": "list_"}  # where Python has the name already


def _show_version(wanted: bool) -> None:
    if wanted:
        from gradcheck.version import __version__

        typer.echo(f"gradcheck {__version__}")
        raise typer.Exit()


def gradcheck(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Point it at a loss; it says whether the gradient is right, where it is not, and why."""


def application(only: str | None = None) -> typer.Typer:
    """The command line as Typer has it.

    Args:
        only: the one command that is asked for: to make the others takes time; None for all of them.
    """
    app = typer.Typer(
        name="gradcheck",
        help="Point it at a loss; it says whether the gradient is right, where it is not, and why.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(gradcheck)
    for name in COMMANDS if only is None else [only]:
        module = _MODULES.get(name, name)
        command: Callable[..., None] = getattr(importlib.import_module(f"gradcheck.cli.{module}"), module)
        app.command(name=name)(command)
    return app


def __getattr__(name: str) -> typer.Typer:
    """``app``: all commands, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    app = globals()[name] = application()
    return app


def main() -> NoReturn:
    """The console script. A mistake of gradcheck's own is no wrong gradient: it exits with 2, not with 1."""
    from typer.main import get_command

    from gradcheck.cli.quick_parameters import quickened

    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        quickened(get_command(application(first if first in COMMANDS else None)))()
    except KeyboardInterrupt:
        typer.echo("interrupted before any problem was checked", err=True)
        sys.exit(130)
    except Exception:
        import traceback

        traceback.print_exc()
        typer.echo("this is a mistake in gradcheck, not in your loss: nothing was judged", err=True)
        sys.exit(2)
    sys.exit(0)
