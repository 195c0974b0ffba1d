"""Files to begin with: a configuration that explains itself, its schema for editors, a loss and its test."""

from __future__ import annotations

import keyword
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from gradcheck.cli.terminal import write_bytes
from gradcheck.errors import OutputError, UsageError

#: Where the schema stands beside the configuration, which names it for editors.
SCHEMA_FILE = ".gradcheck.schema.json"


def files(loss: str | None) -> dict[str, str]:
    """The files to begin with, by name.

    Args:
        loss: what the loss is to be called, and its module; None for no loss.

    Raises:
        UsageError: the loss's name is no name for a Python module.
    """
    from gradcheck.config.model import schema_text

    target = f"[{loss}:{loss}]" if loss else "[]"
    written = {
        "gradcheck.yaml": _filled("gradcheck.yaml", {"schema": SCHEMA_FILE, "losses": target}),
        SCHEMA_FILE: schema_text(),
    }
    if loss is None:
        return written
    _refuse_what_is_no_module(loss)
    code = {f"{loss}.py": "loss.py.txt", f"test_{loss}.py": "test_loss.py.txt"}
    return written | {name: _filled(template, {"name": loss}) for name, template in code.items()}


def write_files(texts: Mapping[str, str], directory: Path, force: bool) -> list[Path]:
    """Write files; none of them where one that is there would change and may not.

    Args:
        texts: what each file is to hold, by its name.
        directory: where; it is made if it does not exist.
        force: write over files that exist.

    Returns:
        The files that were written; one that holds the same already is left alone.

    Raises:
        OutputError: a file exists and would change, or cannot be written.
    """
    paths = {directory / name: text for name, text in texts.items()}
    there = [path for path, text in paths.items() if os.path.lexists(path) and not _holds(path, text)]
    if there and not force:
        names = ", ".join(repr(str(path)) for path in there)
        raise OutputError(f"{names} would be overwritten; nothing was written", hint="--force writes all the same")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(directory)!r} cannot be made: {error.strerror or error}") from None
    changed = [path for path, text in paths.items() if not _holds(path, text)]
    for path in changed:
        write_bytes(paths[path].encode(), path)
    return changed


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (resources.files(__name__) / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def _refuse_what_is_no_module(name: str) -> None:
    import sys

    hint = "take letters, digits and underscores, as in --loss my_loss"
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise UsageError(f"{name!r} is no name for a Python function and its module", hint=hint)
    if name in sys.stdlib_module_names or name in ("numpy", "gradcheck", "pytest", "test"):
        raise UsageError(f"a module {name!r} would stand in front of the one that all know by that name", hint=hint)
