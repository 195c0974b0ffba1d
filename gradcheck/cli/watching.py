"""``gradcheck run --watch``: the same check in a fresh process, whenever a loss's file or the configuration changes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from gradcheck.config import DEFAULT_FILE
from gradcheck.errors import UsageError


def check_again_and_again(targets: Sequence[str], config: Path | None) -> int:
    """Check now, and at every change, until Ctrl-C.

    Each check is a process of its own: so a changed module is what is imported, and its neighbours too.

    Args:
        targets: what is checked.
        config: the configuration's file, if one was named.

    Returns:
        The exit code of the last check; 130 if there was none.

    Raises:
        UsageError: watchfiles is not there, or no target has a file to be watched.
    """
    try:
        from watchfiles import watch
    except ImportError:
        raise UsageError("--watch needs watchfiles", hint="pip install 'gradcheck[watch]'") from None
    directories = directories_of(targets)
    configuration = Path(config or DEFAULT_FILE).resolve()
    if not directories and config is None:
        raise UsageError("--watch: there is no file of a loss to be watched", hint="name a loss of your own")
    command = [sys.executable, "-m", "gradcheck", *(word for word in sys.argv[1:] if word != "--watch")]
    code = None
    try:
        # The watch begins before the first check: what changes while one runs is seen after it.
        for changes in watch(*directories, configuration.parent, rust_timeout=200, yield_on_timeout=True):
            changed = {Path(path) for _, path in changes}
            if code is None or any(each == configuration or _is_of_a_loss(each, directories) for each in changed):
                code = _run(command)
    except KeyboardInterrupt:  # some versions of watchfiles end the loop, others pass it on
        pass
    return 130 if code is None else code


def directories_of(targets: Sequence[str]) -> set[Path]:
    """Where the files of losses stand, with their neighbours; nothing of gradcheck's own.

    Args:
        targets: ``package.module:callable``, ``path/to/file.py:callable``, or built-in names.
    """
    found = set()
    for target in targets:
        place, colon, _ = target.rpartition(":")
        if not colon:
            continue
        if place.endswith(".py") or "/" in place:
            file = Path(place)
        else:
            if "" not in sys.path:
                sys.path.insert(0, "")
            try:
                spec = importlib.util.find_spec(place)
            except (ImportError, ValueError):
                spec = None
            file = Path(spec.origin) if spec is not None and spec.origin else Path(f"{place.replace('.', '/')}.py")
        if file.parent.is_dir():
            found.add(file.parent.resolve())
    return found


def _is_of_a_loss(path: Path, directories: set[Path]) -> bool:
    return path.suffix == ".py" and any(directory in path.parents for directory in directories)


def _run(command: Sequence[str]) -> int:
    code = subprocess.run(command, check=False).returncode
    typer.echo("waiting for changes; Ctrl-C ends", err=True)
    return code
