"""``gradcheck run --watch``: the same check in a new process, whenever a Python or YAML file changes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import typer

from gradcheck.errors import UsageError


def check_at_changes(targets: Sequence[str], config: Path | None) -> int:
    """Check now and at every change, until Ctrl-C; each time in a new process, which imports changed modules again.

    Args:
        targets: the losses; files named here are watched even outside of the working directory.
        config: the configuration file, if one was named; likewise.

    Returns:
        The exit code of the last check; 130 if there was none.
    """
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        raise UsageError("--watch needs watchfiles", hint="pip install 'gradcheck[watch]'") from None
    files = [Path(target.rpartition(":")[0]) for target in targets] + ([config] if config else [])
    directories = {Path.cwd(), *(file.resolve().parent for file in files if file.is_file())}
    suffixes = PythonFilter(extra_extensions=(".yaml", ".yml", *([config.suffix] if config else [])))
    command = [sys.executable, "-m", "gradcheck", *(word for word in sys.argv[1:] if word != "--watch")]
    code = None
    with suppress(KeyboardInterrupt):  # some versions of watchfiles end the loop instead
        # The watch begins before the first check, so that a change during a check is seen after it.
        for changes in watch(*directories, watch_filter=suffixes, rust_timeout=200, yield_on_timeout=True):
            if changes or code is None:
                code = subprocess.run(command, check=False).returncode
                typer.echo("waiting for changes; Ctrl-C ends", err=True)
    return 130 if code is None else code
