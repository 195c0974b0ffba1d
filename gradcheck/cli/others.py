"""The short commands: ``list``, ``show``, ``explain``, ``init``, ``schema`` and ``compare``."""

import os
import sys
import textwrap
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gradcheck.cli.outputs import for_standard_output, print_out, write_file
from gradcheck.config import DEFAULT_FILE, Config
from gradcheck.config.model import json_schema
from gradcheck.errors import UsageError, did_you_mean
from gradcheck.functions.loading import SUFFIXES, guessed_config
from gradcheck.losses import BUILT_INS
from gradcheck.output import Options
from gradcheck.output import compare as comparison
from gradcheck.output.pages import page, render_codes, render_list, render_one, render_page

#: The schema stands beside the configuration, whose first line names it for editors.
SCHEMA_FILE = ".gradcheck.schema.json"


def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    print_out(render_list(for_standard_output()))


def show(name: Annotated[str, typer.Argument(help="A built-in loss; `gradcheck list` shows them.")]) -> None:
    """Print a built-in loss: its formula, its gradient, and the derivation of the gradient.

    For example: [bold]gradcheck show softmax[/bold]
    """
    if name not in BUILT_INS:
        hint = f"{did_you_mean(name, BUILT_INS)} `gradcheck list` shows all".strip()
        raise UsageError(f"{name!r}: no built-in loss has this name", hint=hint)
    print_out(render_one(BUILT_INS[name], for_standard_output()))


def explain(
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE", help="Codes; none: all are listed.")] = None,
) -> None:
    """Explain the code of a finding: what it means, how it happens, and what is right instead.

    For example: [bold]gradcheck explain missing-mean[/bold]
    """
    options = for_standard_output()
    pages = [page(code) for code in codes or []]
    print_out("\n".join(render_page(each, options) for each in pages) or render_codes(options))


def schema() -> None:
    """Print the JSON Schema of gradcheck.yaml, for an editor or a validator.

    For example: [bold]gradcheck schema > gradcheck.schema.json[/bold]
    """
    print_out(json_schema())


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier report, from --format json.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The later report.")],
    strict: Annotated[bool, typer.Option("--strict", help="New warnings and missing checks are worse too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the verdict in words.")] = False,
) -> None:
    """Say what became better and what became worse from one report to the next.

    Exit code 0: nothing became worse. 1: something became worse. 2: a report could not be read.

    For example: [bold]gradcheck compare last.json report.json[/bold]
    """
    found = comparison.compare(comparison.read_report(before), comparison.read_report(after), strict)
    print_out(comparison.render(found, for_standard_output(Options(quiet=quiet))))
    raise typer.Exit(1 if any(change.direction == "worse" for change in found) else 0)


def init(
    place: Annotated[
        str,
        typer.Argument(metavar="DIRECTORY|TARGET", help="Where to write; or what to describe.", show_default="here"),
    ] = ".",
    loss: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write a loss with this name to fill in, and its test, too.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Write a gradcheck.yaml that explains itself; with --loss, a loss to fill in and its test.

    Of a function, as layers.py:affine_forward, it guesses the inputs from the names of the parameters, for you to edit.

    For example: [bold]gradcheck init --loss my_loss && gradcheck run[/bold]
    """
    is_target = not os.path.isdir(place) and (":" in place or place.endswith(SUFFIXES))
    directory = Path("." if is_target else place)
    config = Config(losses=f"{loss}:{loss}") if loss else guessed_config(place) if is_target else Config()
    files = {
        directory / DEFAULT_FILE: f"# yaml-language-server: $schema={SCHEMA_FILE}\n{default_yaml(config)}",
        directory / SCHEMA_FILE: json_schema(),
    }
    if loss is not None:
        files |= {directory / name: text for name, text in _templates(loss).items()}
    existing = ", ".join(repr(str(path)) for path in files if os.path.lexists(path))
    if existing and not force:
        raise UsageError(f"{existing} would be overwritten; nothing was written", hint="--force overwrites")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{str(directory)!r} cannot be created: {error.strerror or error}") from None
    for path, text in files.items():
        write_file(text, path)
        typer.echo(f"wrote {path}")


def _templates(loss: str) -> dict[str, str]:
    """A loss to fill in and its test, by file; a UsageError if ``loss`` cannot be the name of a new module."""
    taken = iskeyword(loss) or loss in {*sys.stdlib_module_names, "numpy", "gradcheck", "pytest", "test"}
    if taken or not loss.isidentifier() or not loss.isascii():
        hint = "use letters, digits and underscores, for example --loss my_loss"
        raise UsageError(f"{loss!r} cannot be the name of a function in a module of its own", hint=hint)
    files = {f"{loss}.py": "loss.py.txt", f"test_{loss}.py": "test_loss.py.txt"}
    texts = {name: Path(__file__).with_name("templates") / template for name, template in files.items()}
    return {name: path.read_text(encoding="utf-8").replace("$name", loss) for name, path in texts.items()}


def default_yaml(config: Config) -> str:
    """The text of a configuration file: each key with its value, below its description."""
    text = "# gradcheck reads this file in the working directory. Keep the keys that you change.\n"
    for key, value in config.as_data().items():
        description = "\n".join(f"# {line}" for line in textwrap.wrap(Config.model_fields[key].description or "", 98))
        is_flow = isinstance(value, list | dict) and not (key == "inputs" and value)
        style = None if is_flow else False  # None: the innermost collections in flow style
        text += f"\n{description}\n{yaml.safe_dump({key: value}, default_flow_style=style, sort_keys=False, width=98)}"
    return text
