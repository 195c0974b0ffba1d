"""The progress bar as a terminal of 80 columns shows it: it takes more than a second to appear."""

from __future__ import annotations

import contextlib
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

LOSS = """\
import ctypes
import time

def stuck(S, y):
    time.sleep(0.05)
    if len(S) == 2:
        library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        library.pthread_mutex_lock(mutex)
        library.pthread_mutex_lock(mutex)
    return (S**2).sum() / 2, S
"""
ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def test_the_bar_is_shown_and_gone_also_where_the_process_ends_with_a_call_that_hangs(tmp_path: Path) -> None:
    import fcntl
    import pty
    import termios

    (tmp_path / "mine.py").write_text(LOSS)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    options = "--batch-size 1 --batch-size 2 --timeout 0.5 --quiet --classes 3 --scores normal"
    with subprocess.Popen(
        [sys.executable, "-m", "gradcheck", "run", "mine.py:stuck", *options.split()], cwd=tmp_path,
        env={**environment, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        os.close(theirs)
        parts = b""
        with contextlib.suppress(OSError):  # which is how Linux tells that the other end is closed
            while part := os.read(ours, 65536):
                parts += part
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    written = parts.decode()
    assert process.returncode == 1
    assert "hangs" in output
    frames = [line for line in re.split(r"[\r\n]+", ESCAPES.sub("", written)) if ", call " in line]
    assert frames
    assert all(len(line) <= 80 for line in frames)
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")
    assert "cannot be ended" in written.split("\x1b[2K")[-1]
