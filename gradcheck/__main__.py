"""The console script, and ``python -m gradcheck``."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line as a process of its own; whoever has another use for the process calls ``cli.main``.

    What is imported stays to the end, so the garbage collector, which would look through it again and again as it
    grows, waits; a command that runs the user's code lets it loose (``gradcheck.cli.surroundings``).
    """
    gc.disable()
    codes: list[int] = []
    # Handlers of earlier date, as coverage's, would come after this one. There is no public way to ask for them.
    if getattr(atexit, "_ncallbacks", lambda: 1)() == 0:
        atexit.register(_leave_at_once, codes)
    from gradcheck.cli import main as command_line

    try:
        command_line()
    except SystemExit as end:
        if isinstance(end.code, int):
            codes.append(end.code)
        raise


def _leave_at_once(codes: list[int]) -> None:
    """The last handler at exit: end the process, for to free its memory object by object takes a twentieth of a run.

    Args:
        codes: the exit code; empty where the command line came to an end of another kind, which is left to Python.
    """
    if not codes:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # Python has words for it
        return
    os._exit(codes[0])


if __name__ == "__main__":
    main()
