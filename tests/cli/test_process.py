"""The command line as a process of its own: exit codes, signals, pipes, terminals."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradcheck import cli

LOSSES = """\
import atexit
import os
import signal
import sys
import threading
import time
import warnings

def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S

def chatty(S, y):
    print("hello from the loss")
    warnings.warn("an old loss")
    return right(S, y)

def leaves(S, y):
    sys.exit(0)

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

def finish_later():
    time.sleep(0.5)
    open("done", "w").close()

if os.environ.get("FINISH_LATER"):
    atexit.register(lambda: open("left", "w").close())
    threading.Thread(target=finish_later).start()
"""

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def _losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with losses, and no variable that changes the look of output or says a terminal's size."""
    (tmp_path / "mine.py").write_text(LOSSES)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gradcheck", *arguments]


def gradcheck(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    # Without ``env`` a process inherits what C code set as well: readline, once imported, sets COLUMNS.
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "env": os.environ}
    how |= {"text": True, "encoding": "utf-8", "timeout": 60} | options
    return subprocess.run(command(*arguments), check=False, **how)


@pytest.mark.parametrize(
    ("target", "code", "word"),
    [
        ("svm", 0, "right"),
        ("mine.py:wrong", 1, "wrong"),
        ("nosuch", 2, "not checked"),
        ("mine.py:interrupts_itself", 130, "interrupted"),
    ],
)
def test_exit_codes_and_the_last_line(target: str, code: int, word: str) -> None:
    done = gradcheck("run", target)
    assert done.returncode == code
    assert done.stdout.strip().splitlines()[-1].startswith(f"{word}: ")
    assert done.stderr == ""


@pytest.mark.parametrize(("name", "code"), [("right", 0), ("wrong", 1), ("missing", 2)])
def test_handlers_at_exit_and_threads_of_the_loss_run_and_the_exit_code_stays(
    monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    monkeypatch.setenv("FINISH_LATER", "1")
    assert gradcheck("run", f"mine:{name}").returncode == code
    assert Path("left").exists()
    assert Path("done").exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("oops"), 2, ["RuntimeError: oops", "an error in gradcheck itself, not in your loss"]),
        (KeyboardInterrupt(), 130, []),
    ],
    ids=str,
)
def test_an_error_in_gradcheck_itself_is_2_and_ctrl_c_is_130(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    words: list[str],
) -> None:
    def broken(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["gradcheck.cli.run"], "check_targets", broken)
    monkeypatch.setattr(sys, "argv", ["gradcheck", "run", "svm"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    said = capsys.readouterr().err
    assert all(word in said for word in words)


def test_ctrl_c_from_outside_while_the_loss_waits_is_130() -> None:
    with subprocess.Popen(
        command("run", "mine.py:waits", "--format", "json"),
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


def test_json_on_standard_output_is_pure_though_the_loss_prints_and_warns() -> None:
    done = gradcheck("run", "mine.py:chatty", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["passed"] is True
    assert done.stderr.count("hello from the loss") == 1
    assert done.stderr.count("UserWarning: an old loss") == 1


def test_a_loss_that_exits_ends_no_run() -> None:
    done = gradcheck("run", "mine.py:leaves", "svm", "--format", "json")
    assert done.returncode == 1
    assert [loss["passed"] for loss in json.loads(done.stdout)["losses"]] == [False, True]


@pytest.mark.parametrize(("arguments", "code"), [("run svm", 0), ("run mine.py:wrong", 1), ("list", 0)])
def test_a_reader_that_left_changes_no_exit_code_and_gets_no_complaint(arguments: str, code: int) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = gradcheck(*arguments.split(), stdout=theirs)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", ["run svm", "run svm --format json", "list", "schema"])
def test_a_full_disk_is_one_line_and_2(arguments: str) -> None:
    with open("/dev/full", "w") as full:
        done = gradcheck(*arguments.split(), stdout=full)
    assert (done.returncode, done.stderr) == (2, "standard output cannot be written: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_of_80_columns_gets_colour_and_no_wider_line(monkeypatch: pytest.MonkeyPatch, no_color: str) -> None:
    import pty
    import termios

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 80))
    with subprocess.Popen(
        command("run", "mine.py:wrong"), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=os.environ
    ) as process:
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while part := os.read(ours, 65536):
                written += part
        assert process.wait(timeout=60) == 1
    os.close(ours)
    text = written.decode()
    assert ("\x1b[" in text) is not bool(no_color)
    lines = ESCAPES.sub("", text).splitlines()
    assert any(line.startswith("wrong: ") for line in lines[-3:])
    assert max(len(line) for line in lines if "gradcheck run" not in line) <= 80
