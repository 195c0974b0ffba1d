"""Processes of the command: their workers, signals, standard output, and their progress bar in a terminal."""

import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

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
def _losses(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


def begun(directory, *arguments):
    """A run in a session of its own, so that what it leaves behind can be found."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    command = [sys.executable, "-m", "gradcheck", "run", *arguments]
    return subprocess.Popen(command, cwd=directory, start_new_session=True, **streams)


def workers_of(session):
    """Command lines of loky's workers that live in a session."""
    listed = subprocess.run(["ps", "-ww", "-eo", "sid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=2) for line in listed.splitlines())
    return [args for sid, _, args in lines if int(sid) == session and "popen_loky" in args]


def wait_for_workers(session):
    end = time.monotonic() + 30
    while not workers_of(session):
        assert time.monotonic() < end, "no worker was started"
        time.sleep(0.05)


@pytest.mark.parametrize("later", [0.0, 0.3, 2.0], ids="{} s after the start of workers".format)
def test_ctrl_c_is_130_and_leaves_no_worker(tmp_path, later):
    with begun(tmp_path, *LONG, "--format", "json") as process:
        wait_for_workers(process.pid)
        time.sleep(later)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["passed"] is False
    said = "calling mine.py:slow ...", "mine.py:slow may take "  # once a call has taken a second, or the run two
    assert [line for line in err.splitlines() if not line.startswith(said)] == []
    assert workers_of(process.pid) == []


def test_workers_do_not_outlive_a_process_that_is_killed(tmp_path):
    with begun(tmp_path, *LONG) as process:
        wait_for_workers(process.pid)
        time.sleep(1.0)
        process.kill()
        process.wait()
        end = time.monotonic() + 10
        while workers_of(process.pid):
            assert time.monotonic() < end, "workers are left"
            time.sleep(0.2)


def test_standard_output_is_the_report_alone_and_a_loss_that_ends_its_process_ends_no_run(tmp_path):
    heads = (f"def {name}(S, y):\n    time.sleep(0.005)\n    return mine.{name}(S, y)\n" for name in ("dies", "chatty"))
    (tmp_path / "loud.py").write_text("\n".join(["import mine, time\nprint('imported')", *heads]))
    few = "--jobs 2 --batch-size 1,3 --classes 60 --scores normal --plan full --format json"
    with begun(tmp_path, "loud.py:dies", "loud.py:chatty", *few.split()) as process:
        out, err = process.communicate(timeout=60)
    dead, later = json.loads(out)["losses"]
    assert process.returncode == 2
    assert "EXIT(7)" in dead["error"]
    assert [batch["batch_size"] for batch in dead["batches"]] == [1]
    assert later["passed"] is True
    assert err.splitlines() == ["imported", "from the loss"]  # once each, by the process itself
    assert workers_of(process.pid) == []


# --- the progress bar in a terminal of 80 columns: it takes more than a second to appear ---------------------

STUCK = """\
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


@pytest.mark.skipif(sys.platform != "linux", reason="pseudo-terminals, and a mutex of Linux's")
def test_the_bar_is_shown_and_gone_also_where_the_process_ends_with_a_call_that_hangs(tmp_path):
    import fcntl
    import pty
    import termios

    (tmp_path / "mine.py").write_text(STUCK)
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
    assert "cannot be ended" in written.split("\x1b[2K")[-1]
