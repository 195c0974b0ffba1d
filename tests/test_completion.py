"""Targets for the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradcheck.cli.completion import targets


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "raise SystemExit('never executed')\n"
        "def softly(S, y): ...\ndef hard(S, y, margin=1): ...\ndef helper(x): ...\ndef _private(S, y): ...\n"
        "made = functools.partial(hard, margin=2)\nNUMBER = 3\n"
    )
    Path("broken.py").write_text("def (")
    Path("pkg").mkdir()
    Path("pkg/__init__.py").write_text("def inside(S, y): ...\n")
    Path("pkg/losses.py").write_text("def deep(*args): ...\n")
    Path(".hidden.py").touch()


@pytest.mark.parametrize(
    ("args", "begun", "expected"),
    [
        ([], "softm", ["softmax"]),
        ([], "mi", ["min-square-exp", "mine.py:"]),
        ([], "mine.py:", ["mine.py:softly", "mine.py:hard", "mine.py:made"]),
        ([], "mine:so", ["mine:softly"]),
        ([], "mine.py:_", ["mine.py:_private"]),
        ([], "pkg/", ["pkg/__init__.py:", "pkg/losses.py:"]),
        ([], "pk", ["pkg/"]),
        ([], "pkg.losses:", ["pkg.losses:deep"]),
        ([], "pkg:", ["pkg:inside"]),
        ([], "broken.py:", []),
        ([], "nosuch.py:", []),
        (["run", "mine.py", ":"], "so", ["softly"]),  # as bash breaks words
        (["run", "mine.py"], ":", [":softly", ":hard", ":made"]),
    ],
)
def test_what_was_begun_is_completed(args: list[str], begun: str, expected: list[str]) -> None:
    assert targets(args, begun) == expected


def test_the_shell_asks_the_command_itself() -> None:
    env = {**os.environ, "_GRADCHECK_COMPLETE": "complete_bash", "COMP_WORDS": "gradcheck run sof", "COMP_CWORD": "2"}
    script = Path(sys.executable).with_name("gradcheck")
    done = subprocess.run([script], env=env, capture_output=True, text=True, check=False)
    assert "softmax" in done.stdout.split(), done.stderr
