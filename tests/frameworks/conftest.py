"""Losses in files, for tests that run the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run_json(tmp_path: Path) -> Run:
    """Runs gradcheck as a process beside ``mine.py`` of a given source: exit code, JSON, standard error."""

    def run(source: str, *arguments: str, **environment: str) -> tuple[int, Any, str]:
        (tmp_path / "mine.py").write_text(source)
        done = subprocess.run(
            [sys.executable, "-m", "gradcheck", "run", *arguments, "--format", "json"],
            cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run
