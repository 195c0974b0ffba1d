"""Limits on time as a process of its own meets them: losses that hang, for good or not, and runs that are too long."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gradcheck.cli import app

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timers here")

LOSSES = """\
import ctypes
import itertools
import time

LIBRARY = ctypes.CDLL(None)

def right(S, y):
    return (S**2).sum() / 2, S

def slow(S, y):
    time.sleep(0.02)
    return right(S, y)

def hangs_at_three(S, y):
    while len(S) == 3:
        pass
    return right(S, y)

def stuck(S, y):
    if len(S) == 3:
        mutex = ctypes.create_string_buffer(256)
        LIBRARY.pthread_mutex_lock(mutex)
        LIBRARY.pthread_mutex_lock(mutex)  # forever
    return right(S, y)

def holds_the_interpreter(S, y):
    return sum(itertools.repeat(0))  # forever
"""

#: Gradcheck with a hang guard that does not wait long.
HURRIED = """\
import gradcheck.functions.budget
gradcheck.functions.budget.GRACE = 0.5
gradcheck.functions.budget.CHECK_EVERY = 0.05
from gradcheck.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def _losses(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOSSES)


def python(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(LOSSES.splitlines(), 1) if text in line)


def checked(directory: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = python(directory, "-c", HURRIED, "run", *arguments, "--scores", "normal", "--format", "json")
    answer: dict[str, Any] = json.loads(done.stdout)
    return done, answer


def test_a_loss_that_hangs_is_wrong_and_the_others_are_checked(tmp_path: Path) -> None:
    done, answer = checked(tmp_path, "mine.py:hangs_at_three", "svm", "--timeout", "0.2")
    assert (done.returncode, done.stderr) == (1, "")
    hanging, svm = answer["losses"]
    assert svm["passed"]
    assert [batch["batch_size"] for batch in hanging["batches"]] == [1]
    assert hanging["unchecked"] == 1
    (finding,) = hanging["findings"]
    assert finding["code"] == "hangs"
    lines = line_of("while len(S) == 3"), line_of("while len(S) == 3") + 1
    assert any(f"it is at {tmp_path / 'mine.py'}:{line} " in finding["message"] for line in lines)
    assert hanging["rerun"].endswith(" --timeout 0.2")


@pytest.mark.skipif(sys.platform != "linux", reason="the mutex is Linux's")
def test_a_loss_stuck_in_compiled_code_ends_the_process_with_what_was_done(tmp_path: Path) -> None:
    done, answer = checked(tmp_path, "svm", "mine.py:stuck", "softmax", "--timeout", "0.5")
    assert done.returncode == 1
    assert "cannot be ended" in done.stderr
    svm, stuck, softmax = answer["losses"]
    assert svm["passed"]
    assert [batch["batch_size"] for batch in stuck["batches"]] == [1]
    assert [finding["code"] for finding in stuck["findings"]] == ["hangs"]
    assert f":{line_of('# forever')} (at batch size 3" in stuck["findings"][0]["message"]
    assert (stuck["unchecked"], softmax["unchecked"]) == (2, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the mutex is Linux's")
def test_from_python_it_says_where_and_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import gradcheck.functions.budget as budget\nbudget.GRACE = 0.5\nbudget.CHECK_EVERY = 0.05\n"
        "import gradcheck, mine\ngradcheck.check(mine.stuck, timeout=0.2)\nprint('never')\n"
    )
    done = python(tmp_path, "test_mine.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"mine.py:{line_of('# forever')}" in done.stderr
    assert "cannot be ended" in done.stderr


def test_a_loss_that_lets_no_other_thread_run_ends_the_process_with_its_line(tmp_path: Path) -> None:
    done = python(tmp_path, "-c", HURRIED, "run", "mine.py:holds_the_interpreter", "--timeout", "0.2")
    assert (done.returncode, done.stdout) == (1, "")
    assert f'mine.py", line {line_of("sum(itertools")} in holds_the_interpreter' in done.stderr


def test_a_run_that_is_too_long_says_what_it_did_not_do(tmp_path: Path) -> None:
    done, answer = checked(tmp_path, "svm", "mine.py:slow", "softmax", "--max-seconds", "0.7")
    assert (done.returncode, done.stderr) == (2, "")
    assert (answer["passed"], answer["interrupted"], answer["out_of_time"]) == (False, False, True)
    svm, slow, softmax = answer["losses"]
    assert (svm["passed"], svm["unchecked"]) == (True, 0)
    assert not slow["passed"]
    assert len(slow["batches"]) + slow["unchecked"] == 3
    assert slow["unchecked"] > 0
    assert (softmax["passed"], softmax["unchecked"], softmax["batches"]) == (False, 3, [])


@pytest.mark.parametrize("option", ["--timeout", "--max-seconds"])
@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_what_is_no_time_is_2(option: str, seconds: str) -> None:
    result = CliRunner().invoke(app, ["run", "svm", option, seconds])
    assert result.exit_code == 2
    assert option in result.stderr
