"""``gradcheck init``: files to start with."""

from __future__ import annotations

import keyword
import os
import sys
import textwrap
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer
import yaml

from gradcheck.cli.others import schema_text
from gradcheck.cli.terminal import write_file
from gradcheck.config import DEFAULT_FILE, Config
from gradcheck.errors import OutputError, UsageError

#: The schema stands beside the configuration, whose first line names it for editors.
SCHEMA_FILE = ".gradcheck.schema.json"


def init(
    directory: Annotated[Path, typer.Argument(help="Directory to write to.", show_default="here")] = Path("."),
    loss: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write a loss with this name to fill in, and its test, too.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write a gradcheck.yaml that explains itself; with --loss, a loss to fill in and its test.

    For example: [bold]gradcheck init --loss my_loss && gradcheck run[/bold]
    """
    files = {directory / name: text for name, text in starting_files(loss).items()}
    changed = {path: text for path, text in files.items() if not _holds(path, text)}
    existing = [repr(str(path)) for path in changed if os.path.lexists(path)]
    if existing and not force:
        message = f"{', '.join(existing)} would be overwritten; nothing was written"
        raise OutputError(message, hint="--force overwrites existing files")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(directory)!r} cannot be made: {error.strerror or error}") from None
    for path, text in changed.items():
        write_file(text, path)
        typer.echo(f"wrote {path}")
    if not changed:
        typer.echo("nothing to write: the files exist and are up to date")


def starting_files(loss: str | None) -> dict[str, str]:
    """The files to start with, by name.

    Args:
        loss: the name of a loss and its module; None for no loss.

    Raises:
        UsageError: the name cannot be that of a new Python module.
    """
    losses = [f"{loss}:{loss}"] if loss else []
    head = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
    files = {DEFAULT_FILE: head + default_yaml(losses), SCHEMA_FILE: schema_text()}
    if loss is None:
        return files
    hint = "use letters, digits and underscores, for example --loss my_loss"
    if not loss.isidentifier() or not loss.isascii() or keyword.iskeyword(loss):
        raise UsageError(f"{loss!r} cannot be the name of a Python function and its module", hint=hint)
    if loss in sys.stdlib_module_names or loss in ("numpy", "gradcheck", "pytest", "test"):
        raise UsageError(f"a module {loss!r} would hide the well-known one of the same name", hint=hint)
    for name, template in ((f"{loss}.py", "loss.py.txt"), (f"test_{loss}.py", "test_loss.py.txt")):
        text = (resources.files(__package__) / "templates" / template).read_text(encoding="utf-8")
        files[name] = Template(text).substitute(name=loss)
    return files


def default_yaml(losses: list[str]) -> str:
    """The text of a configuration file: each key at its default, below its description."""
    text = "# gradcheck reads this file in the working directory. Each key has its default; keep what you change.\n"
    for key, value in Config(losses=losses).as_data().items():
        description = "\n".join(f"# {line}" for line in textwrap.wrap(Config.model_fields[key].description or "", 98))
        style = None if isinstance(value, list | dict) else False  # flow style for the innermost collections
        text += f"\n{description}\n{yaml.safe_dump({key: value}, default_flow_style=style, sort_keys=False, width=98)}"
    return text


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
