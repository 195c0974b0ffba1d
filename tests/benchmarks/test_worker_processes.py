"""Workers as processes of a command: signals, standard output, and that none is left over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from worker_losses import FILES

pytest.importorskip("joblib")
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timing,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX's signals"),
]

LONG = ["mine.py:slow", "--jobs", "2", "--batch-size", "8", "--classes", "400", "--scores", "normal"]


@pytest.fixture(autouse=True)
def _losses(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


def begun(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run in a session of its own, so that what it leaves behind can be found."""
    return subprocess.Popen(
        [sys.executable, "-m", "gradcheck", "run", *arguments],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def workers_of(session: int) -> list[str]:
    """Command lines of loky's workers that live in a session."""
    listed = subprocess.run(["ps", "-ww", "-eo", "sid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=2) for line in listed.splitlines())
    return [args for sid, _, args in lines if int(sid) == session and "popen_loky" in args]


def wait_for_workers(session: int) -> None:
    end = time.monotonic() + 30
    while not workers_of(session):
        assert time.monotonic() < end, "no worker was started"
        time.sleep(0.05)


@pytest.mark.parametrize("later", [0.0, 0.3, 2.0], ids="{} s after the start of workers".format)
def test_ctrl_c_is_130_and_leaves_no_worker(tmp_path: Path, later: float) -> None:
    with begun(tmp_path, *LONG, "--format", "json") as process:
        wait_for_workers(process.pid)
        time.sleep(later)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["passed"] is False
    assert err == ""
    assert workers_of(process.pid) == []


def test_workers_do_not_outlive_a_process_that_is_killed(tmp_path: Path) -> None:
    with begun(tmp_path, *LONG) as process:
        wait_for_workers(process.pid)
        time.sleep(1.0)
        process.kill()
        process.wait()
        end = time.monotonic() + 10
        while workers_of(process.pid):
            assert time.monotonic() < end, "workers are left"
            time.sleep(0.2)


def test_standard_output_is_the_report_alone_and_no_worker_is_left(tmp_path: Path) -> None:
    few = ["--jobs", "2", "--batch-size", "3", "--classes", "60", "--scores", "normal", "--format", "json"]
    (tmp_path / "loud.py").write_text(
        "import mine, time\nprint('imported')\ndef loss(S, y):\n    time.sleep(0.005)\n    return mine.chatty(S, y)\n"
    )
    with begun(tmp_path, "loud.py:loss", *few) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["passed"] is True
    assert err.splitlines() == ["imported", "from the loss"]  # once each, by the process itself
    assert workers_of(process.pid) == []


def test_a_loss_that_ends_its_process_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(
        "import mine, time\n\ndef loss(S, y):\n    time.sleep(0.005)\n    return mine.dies(S, y)\n"
    )
    few = ["--jobs", "2", "--batch-size", "1", "--batch-size", "3", "--classes", "60", "--scores", "normal"]
    with begun(tmp_path, "leaves.py:loss", "svm", *few, "--plan", "full", "--format", "json") as process:
        out, _ = process.communicate(timeout=60)
    dead, later = json.loads(out)["losses"]
    assert process.returncode == 2
    assert "EXIT(7)" in dead["error"]
    assert [batch["batch_size"] for batch in dead["batches"]] == [1]
    assert later["passed"] is True
    assert workers_of(process.pid) == []
