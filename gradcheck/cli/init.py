"""``gradcheck init``: files to start with."""

import keyword
import os
import sys
import textwrap
from pathlib import Path
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
    existing = ", ".join(repr(str(path)) for path in files if os.path.lexists(path))
    if existing and not force:
        raise OutputError(f"{existing} would be overwritten; nothing was written", hint="--force overwrites")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(directory)!r} cannot be made: {error.strerror or error}") from None
    for path, text in files.items():
        write_file(text, path)
        typer.echo(f"wrote {path}")


def starting_files(loss: str | None) -> dict[str, str]:
    """The files to start with, by name; a UsageError if ``loss`` cannot be the name of a new module."""
    head = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
    files = {DEFAULT_FILE: head + default_yaml([f"{loss}:{loss}"] if loss else []), SCHEMA_FILE: schema_text()}
    if loss is None:
        return files
    taken = keyword.iskeyword(loss) or loss in {*sys.stdlib_module_names, "numpy", "gradcheck", "pytest", "test"}
    if taken or not loss.isidentifier() or not loss.isascii():
        hint = "use letters, digits and underscores, for example --loss my_loss"
        raise UsageError(f"{loss!r} cannot be the name of a function in a module of its own", hint=hint)
    from importlib import resources
    from string import Template

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
