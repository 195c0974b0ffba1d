"""What the README shows, taken apart: for the tests, and for .ci/run, which runs its very words.

``python tests/readme.py rewrite`` runs its examples again and writes what they print; ``rewrite peers`` also the table
that compares gradcheck with other checkers, which takes long.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent.parent / "README.md"
PEERS = Path(__file__).parent / "benchmarks" / "peers.py"


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


def write_files(directory: Path) -> None:
    """Write those files."""
    for name, text in files().items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def printed(command: str, directory: Path) -> str:
    """What a command prints in a directory with those files."""
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "FORCE_COLOR")}
    words = [sys.executable, "-m", *shlex.split(command)]
    how = {"cwd": directory, "capture_output": True, "text": True, "env": {**env, "PYTHONUTF8": "1"}}
    return str(subprocess.run(words, check=False, **how).stdout)


def rewrite(peers: bool = False) -> None:
    """Write what the examples print today, and with ``peers`` the table of other checkers, into the README."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        write_files(Path(directory))
        for command, output in examples():
            text = text.replace(f"$ {command}\n{output}", f"$ {command}\n{printed(command, Path(directory))}")
    if peers:
        done = subprocess.run([sys.executable, PEERS], capture_output=True, text=True, check=True)
        text = re.sub(r"^Side by side.*?\n(?=\n## )", lambda _: done.stdout, text, flags=re.MULTILINE | re.DOTALL)
    README.write_text(text, encoding="utf-8")


def set_up_commands() -> list[str]:
    """The two commands of the set-up: to install and run, and to test."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


if __name__ == "__main__":
    if sys.argv[1] == "rewrite":
        rewrite("peers" in sys.argv)
    else:
        sys.stdout.write(set_up_commands()[{"install-command": 0, "test-command": 1}[sys.argv[1]]] + "\n")
