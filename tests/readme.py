"""What the README shows, taken apart: for the tests, and for .ci/run, which runs its very words."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent.parent / "README.md"


class Example(NamedTuple):
    """A console example: a command, and what it prints."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def examples() -> list[Example]:
    """The ``console`` blocks: lines that begin with ``$`` are commands, what follows is their output."""
    parts = [part for block in blocks("console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [Example(*part.split("\n", 1)) for part in parts]


def files() -> dict[str, str]:
    """The ``python`` and ``yaml`` blocks whose first line is a comment with a file's name."""
    firsts = ((re.match(r"# ([\w./-]+\.(?:py|ya?ml))\n", block), block) for block in blocks("python") + blocks("yaml"))
    return {first[1]: block for first, block in firsts if first}


def set_up_commands() -> list[str]:
    """The two commands of the set-up: to install and run, and to test."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


if __name__ == "__main__":
    sys.stdout.write(set_up_commands()[{"install-command": 0, "test-command": 1}[sys.argv[1]]] + "\n")
