"""The progress bar as a terminal of 80 columns shows it: it takes more than a second to appear."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timing,
    pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals, and a mutex of Linux's"),
]

LOSSES = """\
import ctypes
import time

def slow(S, y):
    time.sleep(0.05)
    return (S**2).sum() / 2, S

def stuck(S, y):
    if len(S) == 2:
        library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        library.pthread_mutex_lock(mutex)
        library.pthread_mutex_lock(mutex)
    return slow(S, y)
"""
ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def in_a_terminal(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code, standard output, and what the terminal got as standard error."""
    import fcntl
    import pty
    import termios

    (directory / "mine.py").write_text(LOSSES)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    command = [sys.executable, "-m", "gradcheck", "run", *arguments, "--classes", "3", "--scores", "normal"]
    with subprocess.Popen(
        command, cwd=directory, env={**environment, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # which is how Linux tells that the other end is closed
            while part := os.read(ours, 65536):
                written += part
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, output, written.decode()


def frames(written: str) -> list[str]:
    """What stood on the line, one after the other."""
    return [line for line in re.split(r"[\r\n]+", ESCAPES.sub("", written)) if ", call " in line]


def test_a_slow_loss_moves_the_bar_within_a_problem_and_its_report_is_untouched(tmp_path: Path) -> None:
    code, output, written = in_a_terminal(tmp_path, "mine.py:slow", "--batch-size", "2", "--format", "json")
    assert code == 0
    assert json.loads(output)["passed"]
    lines = frames(written)
    assert all(len(line) <= 80 for line in lines)
    assert len(set(lines)) >= 10
    frame = re.compile(r"mine\.py:slow 2 x 3 .* problem 1/1, call \d+/\d+, \d+/s,? [\d:-]+ left$")
    assert any(frame.match(line) for line in lines)
    assert written.endswith("\x1b[2K")  # and it is gone


def test_the_bar_is_gone_also_where_the_process_ends_with_a_call_that_hangs(tmp_path: Path) -> None:
    arguments = ("mine.py:stuck", "--batch-size", "1", "--batch-size", "2", "--timeout", "0.5", "--quiet")
    code, output, written = in_a_terminal(tmp_path, *arguments)
    assert code == 1
    assert "hangs" in output
    assert frames(written)
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")
    assert "cannot be ended" in written.split("\x1b[2K")[-1]
