"""The command line as a process of its own: exit codes, signals, pipes, terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LOSSES = """\
import os
import signal
import sys
import warnings

import numpy as np

def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S

def chatty(S, y):
    print("hello from the loss")
    warnings.warn("an old loss")
    return right(S, y)

CALLS = [0]

def interrupts_itself(S, y):
    CALLS[0] += 1
    if CALLS[0] == 100:
        os.kill(os.getpid(), signal.SIGINT)
    return right(S, y)

def waits(S, y):
    print("waiting", flush=True)
    sys.stdin.read()
    return right(S, y)
"""

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def _losses(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOSSES)


def environment(**variables: str) -> dict[str, str]:
    """This process's, without what changes the look of output, and without a terminal's size."""
    plain = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    return {**plain, "PYTHONIOENCODING": "utf-8", **variables}


def command(*arguments: str, python: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *python, "-m", "gradcheck", *arguments]


def gradcheck(
    directory: Path, *arguments: str, python: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments, python=python),
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("target", "code", "word"),
    [
        ("svm", 0, "right"),
        ("mine.py:wrong", 1, "wrong"),
        ("nosuch", 2, "not checked"),
        ("mine.py:interrupts_itself", 130, "interrupted"),
    ],
)
def test_exit_codes_and_the_last_line(tmp_path: Path, target: str, code: int, word: str) -> None:
    done = gradcheck(tmp_path, "run", target)
    assert done.returncode == code
    assert done.stdout.strip().splitlines()[-1].startswith(f"{word}: ")
    assert done.stderr == ""


def test_ctrl_c_from_outside_while_the_loss_waits_is_130(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("run", "mine.py:waits", "--format", "json"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["passed"] is False
    assert "Traceback" not in err


def test_json_on_standard_output_is_pure_though_the_loss_prints_and_warns(tmp_path: Path) -> None:
    done = gradcheck(tmp_path, "run", "mine.py:chatty", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["passed"] is True
    assert done.stderr.count("hello from the loss") == 1
    assert done.stderr.count("UserWarning: an old loss") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["run", "svm"], 0), (["run", "mine.py:wrong"], 1), (["list"], 0), (["show", "softmax"], 0)],
    ids=str,
)
def test_a_reader_that_left_changes_no_exit_code_and_gets_no_complaint(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    with subprocess.Popen(
        command(*arguments),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        assert (process.wait(timeout=60), complaint) == (code, "")


def test_a_report_in_a_file_is_whole_and_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    done = gradcheck(tmp_path, "run", "mine.py:wrong", "-f", "json", "-o", "out/report.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.json"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["schema"] == 1


def test_a_loss_that_exits_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys\ndef loss(S, y):\n    sys.exit(0)\n")
    done = gradcheck(tmp_path, "run", "leaves.py:loss", "svm", "--format", "json")
    assert done.returncode == 1
    assert [loss["passed"] for loss in json.loads(done.stdout)["losses"]] == [False, True]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")
@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_of_80_columns_gets_colour_and_no_wider_line(tmp_path: Path, no_color: bool) -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    variables = {"TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    with subprocess.Popen(
        command("run", "mine.py:wrong"),
        cwd=tmp_path,
        env=environment(**variables),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            written += part
        assert process.wait(timeout=60) == 1
    os.close(ours)
    text = written.decode()
    assert ("\x1b[" in text) is not no_color
    lines = ESCAPES.sub("", text).splitlines()
    assert lines[-1].startswith("wrong: ") or any(line.startswith("wrong: ") for line in lines[-3:])
    assert max(len(line) for line in lines if "gradcheck run" not in line) <= 80
