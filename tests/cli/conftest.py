"""A directory for each test, with losses in it."""

from pathlib import Path

import pytest

LOSSES = """\
import numpy as np

def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S

def drowned(S, y):
    return np.sin(S).sum() + 1e14, np.cos(S)

def raising(S, y):
    return {}[len(S)]

CALLS = [0]

def interrupted(S, y):
    CALLS[0] += 1
    if CALLS[0] > 100:
        raise KeyboardInterrupt
    return right(S, y)

def product(S, y, v):
    return v

def twice(S, y, v):
    return 2 * v
"""


@pytest.fixture(autouse=True)
def _directory(tmp_path, monkeypatch):
    """A working directory with ``mine.py``, and no variable that changes how output looks or where it goes."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    Path("mine.py").write_text(LOSSES)
