"""``--watch``: checks again when a loss's file or the configuration changes."""

import signal
import subprocess
import sys
import threading
from queue import Queue

import pytest

RIGHT = "def loss(S, y):\n    return float((S**2).sum()) / 2, S\n"
WRONG = "def loss(S, y):\n    return float((S**2).sum()) / 2, 2 * S\n"


class Watched:
    """A run with ``--watch``, and what it says, line by line."""

    def __init__(self, directory):
        command = [sys.executable, "-u", "-m", "gradcheck", "run", "mine.py:loss", "--watch", "--quiet"]
        self.process = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def says(self, word):
        """The next line that holds a word; fails where none comes."""
        while word not in (line := self._lines.get(timeout=60)):
            pass
        return line


@pytest.fixture
def watched(tmp_path):
    pytest.importorskip("watchfiles")
    (tmp_path / "mine.py").write_text(RIGHT)
    one = Watched(tmp_path)
    yield one
    one.process.kill()
    one.process.wait()


def test_a_changed_loss_and_a_changed_configuration_are_checked_again(watched, tmp_path):
    assert "120 entries" in watched.says("right: ")
    watched.says("waiting for changes")
    (tmp_path / "mine.py").write_text(WRONG)
    watched.says("wrong: ")
    watched.says("waiting for changes")
    (tmp_path / "gradcheck.yaml").write_text("batch_sizes: 1\n")
    assert "of 10 entries" in watched.says("wrong: ")
    watched.says("waiting for changes")
    (tmp_path / "notes.txt").write_text("nothing to do with it")
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(timeout=60) == 1  # as the last check
