"""``--watch``: checks again when a loss's file or the configuration changes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def wait_for(words, times=1):
    """Until the run has said that so often."""
    until = time.monotonic() + 60
    while (said := Path("said.log").read_text()).count(words) < times:
        assert time.monotonic() < until, said
        time.sleep(0.05)


def test_a_changed_loss_and_a_changed_configuration_are_checked_again():
    pytest.importorskip("watchfiles")
    command = [sys.executable, "-m", "gradcheck", "run", "mine.py:right", "--watch", "--quiet"]
    with (
        Path("said.log").open("w") as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_for("right: 120 entries")
            wait_for("waiting for changes")
            Path("mine.py").write_text("def right(S, y):\n    return (S**2).sum() / 2, 2 * S\n")
            wait_for("of 120 entries of mine.py:right disagree")
            wait_for("waiting for changes", 2)
            Path("gradcheck.yaml").write_text("batch_sizes: 1\n")
            wait_for("of 10 entries")
            wait_for("waiting for changes", 3)
            Path("notes.txt").write_text("nothing to do with it")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 1  # as the last check
        finally:
            process.kill()
