"""What the README shows, taken apart: for the tests, and for .ci/run, which runs its very words."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


@dataclass(frozen=True)
class Example:
    """A console example: a command, and what it prints."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def examples() -> list[Example]:
    """The ``console`` blocks: lines that begin with ``$`` are commands, what follows is their output."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, output))
    return found


def files() -> dict[str, str]:
    """The ``python`` and ``yaml`` blocks whose first line is a comment with a file's name."""
    named = {}
    for block in blocks("python") + blocks("yaml"):
        first = re.match(r"# ([\w./-]+\.(?:py|ya?ml))\n", block)
        if first:
            named[first[1]] = block
    return named


def set_up_commands() -> list[str]:
    """The two commands of the set-up: to install and run, and to test."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


if __name__ == "__main__":
    sys.stdout.write(set_up_commands()[{"install-command": 0, "test-command": 1}[sys.argv[1]]] + "\n")
