"""The console script, and ``python -m gradcheck``."""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, which imports what a command needs.

    What is imported stays to the end, so the garbage collector, which would look through it again and again as it
    grows, waits; a command that runs the user's code lets it loose (``gradcheck.surroundings``).
    """
    gc.disable()
    from gradcheck.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
