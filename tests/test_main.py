"""The package's front doors: what ``import gradcheck`` gives, and the console script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradcheck


def python(code: str, directory: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_there_and_listed() -> None:
    assert set(gradcheck.__all__) <= set(dir(gradcheck))
    assert all(getattr(gradcheck, name) is not None for name in gradcheck.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        gradcheck.chekc  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("before", ["", "import gradcheck.run, gradcheck.cli; gradcheck.check_at; "])
def test_no_module_takes_the_place_of_a_public_function(tmp_path: Path, before: str) -> None:
    out = python(f"import gradcheck; {before}print(gradcheck.check('svm').passed)", tmp_path)
    assert out.strip() == "True"


def test_the_version_and_the_help_need_no_numpy(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.argv = ['gradcheck', {!r}]\nfrom gradcheck.__main__ import main\n"
        "try: main()\nfinally: assert 'numpy' not in sys.modules"
    )
    assert gradcheck.__version__ in python(code.format("--version"), tmp_path)
    assert "Usage" in python(code.format("--help"), tmp_path)


def test_the_garbage_collector_runs_while_the_loss_does(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import gc, sys\n"
        "from gradcheck.losses import BUILT_INS\n"
        "def loss(S, y):\n"
        "    assert gc.isenabled()\n"
        "    return BUILT_INS['softmax'].function(S, y)\n"
    )
    run = [sys.executable, "-m", "gradcheck", "run", "mine:loss"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_to_be_done_at_exit_is_done_and_the_exit_code_stays(tmp_path: Path) -> None:
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


def test_handlers_that_were_there_before_run_as_well(tmp_path: Path) -> None:
    """As coverage's, where a process begins to measure itself before gradcheck does anything."""
    code = (
        "import atexit, sys\nfrom pathlib import Path\nsys.argv = ['gradcheck', 'run', 'svm', '--quiet']\n"
        "atexit.register(lambda: Path('left').touch())\nfrom gradcheck.__main__ import main\nmain()"
    )
    assert python(code, tmp_path).startswith("right:")
    assert (tmp_path / "left").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["run svm", "run svm --format json", "list", "show svm", "schema", "explain"])
def test_a_full_disk_is_no_mistake_of_gradchecks(tmp_path: Path, command: str) -> None:
    with open("/dev/full", "w") as full:
        run = [sys.executable, "-m", "gradcheck", *command.split()]
        done = subprocess.run(run, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "standard output cannot be written: No space left on device\n"
