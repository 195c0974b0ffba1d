"""What ``import gradcheck`` gives, and how the process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gradcheck import cli


@pytest.mark.parametrize("before", ["", "import gradcheck.run, gradcheck.cli; gradcheck.check_at; "])
def test_no_module_takes_the_place_of_a_public_function(tmp_path: Path, before: str) -> None:
    code = f"import gradcheck; {before}print(gradcheck.check('svm').passed)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr


def test_handlers_at_exit_and_threads_of_the_loss_run_and_the_exit_code_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import atexit, threading, time\n"
        "from gradcheck.losses import BUILT_INS\n"
        "atexit.register(lambda: open('left', 'w').write('by its handler'))\n"
        "def slow():\n"
        "    time.sleep(0.5)\n"
        "    open('done', 'w').write('by its thread')\n"
        "threading.Thread(target=slow).start()\n"
        "def right(S, y):\n"
        "    return BUILT_INS['softmax'].function(S, y)\n"
        "def wrong(S, y):\n"
        "    value, dS = right(S, y)\n"
        "    return value, 2 * dS\n"
    )
    for name, code, word in (("right", 0, "right:"), ("wrong", 1, "wrong:"), ("missing", 2, "not checked:")):
        run = [sys.executable, "-m", "gradcheck", "run", f"mine:{name}"]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        assert any(line.startswith(word) for line in done.stdout.splitlines())
        for left in ("left", "done"):
            (tmp_path / left).unlink()


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["run svm", "run svm --format json", "list", "show svm", "schema", "explain"])
def test_a_full_disk_is_one_line_and_2(tmp_path: Path, command: str) -> None:
    with open("/dev/full", "w") as full:
        run = [sys.executable, "-m", "gradcheck", *command.split()]
        done = subprocess.run(run, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="closes a stream as a POSIX shell does")
@pytest.mark.parametrize(("closed", "code", "said"), [(">&-", 2, "standard output is closed\n"), ("2>&-", 0, "")])
def test_a_closed_stream_is_one_line_at_most(tmp_path: Path, closed: str, code: int, said: str) -> None:
    command = f"{sys.executable} -m gradcheck run svm --quiet {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, said)
