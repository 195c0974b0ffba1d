"""A wheel as a user installs it: built, installed beside nothing of the source, and run."""

import os
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark  # it takes some seconds, and a package index for the build's backend

ROOT = Path(__file__).parent.parent


def run(*words, cwd, **env):
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=kept | env, capture_output=True, text=True, check=False)


def test_a_built_wheel_installs_and_checks_a_loss_and_explains_it(tmp_path):
    built = run("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)
    if built.returncode and "CI" not in os.environ:
        pytest.skip("no backend to build with, and no package index")
    (wheel,) = tmp_path.glob("gradcheck-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        metadata = message_from_string(archive.read(name).decode())
    assert metadata["License-Expression"] == "MIT"
    assert len(metadata.get_all("Project-URL", [])) == 3
    place = tmp_path / "installed"
    installed = run("-m", "pip", "install", "--quiet", "--no-deps", "--target", place, wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    for words, said in (
        ("--version", f"gradcheck {metadata['Version']}"),
        ("run svm --output html=page.html", "right: 120 entries of svm agree"),
        ("explain missing-mean", "missing-mean (error)"),
        ("init --loss mine", "wrote mine.py"),
        ("run", "right: "),
    ):
        done = run("-P", "-m", "gradcheck", *words.split(), cwd=tmp_path, PYTHONPATH=str(place))
        assert said in done.stdout, done.stdout + done.stderr
