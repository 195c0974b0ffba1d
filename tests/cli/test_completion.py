"""Completion in the shell: options, their values, and the names of built-in losses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run sof", "softmax"),
        ("run svm --fram", "--framework"),
        ("run svm --framework to", "torch"),
        ("exp", "explain"),
    ],
)
def test_the_shell_completes(tmp_path: Path, words: str, expected: str) -> None:
    env = {
        **os.environ,
        "_GRADCHECK_COMPLETE": "complete_bash",
        "COMP_WORDS": f"gradcheck {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    script = Path(sys.executable).with_name("gradcheck")
    done = subprocess.run([script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert expected in done.stdout.split(), done.stderr
