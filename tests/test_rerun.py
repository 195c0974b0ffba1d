"""The command at the end of a report, run as it stands, shows the same wrong entries."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gradcheck.cli import app
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.functions.suggestions import rerun_command

LOSS = """\
import numpy as np

def wrong(S, y):
    residual = np.tanh(S)
    dS = 1 - residual**2
    dS[-1] *= 1.001
    dS[dS < 0.3] = 0
    return residual.sum(), dS
"""

CONFIGS: dict[str, list[str]] = {
    "defaults": [],
    "several problems": ["--batch-size", "1", "--batch-size", "4", "--classes", "3", "--classes", "6"],
    "trials": ["--trials", "3", "--seed", "5"],
    "a large seed": ["--seed", str(2**62)],
    "scores with signs": ["--scores", "uniform(-3.5, -0.25)", "--scores", "student-t(1.5, 2)"],
    "small scores": ["--scores", "normal(0, 0.001)"],
    "float32": ["--dtype", "float32", "--rtol", "1e-5"],
    "tolerances": ["--rtol", "1e-9", "--atol", "1e-12"],
    "one-hot labels": ["--set", "labels.kind=one-hot", "--set", "labels.distribution=skewed"],
    "real labels": ["--set", "labels={kind: real}"],
    "ignored rows": ["--set", "labels.ignored=0.5"],
    "few entries": ["--set", "max_entries=40"],
    "a plan": ["--batch-size", "3", "--plan", "full"],
}


@pytest.fixture(autouse=True)
def _in_a_directory_with_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "my losses"
    directory.mkdir()
    (directory / "it's mine.py").write_text(LOSS)
    monkeypatch.chdir(directory)


def report_of(arguments: list[str]) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["run", *arguments, "--format", "json"])
    assert result.exit_code == 1, result.output
    loss: dict[str, Any] = json.loads(result.stdout)["losses"][0]
    return loss


def rerun_of(arguments: list[str]) -> list[str]:
    """The command that the table ends with, without ``gradcheck run``."""
    result = CliRunner().invoke(app, ["run", *arguments])
    assert result.exit_code == 1, result.output
    commands = [line for line in result.stdout.splitlines() if "gradcheck run" in line]
    words = shlex.split(commands[-1][commands[-1].index("gradcheck run") :])
    return words[2:]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_command_shows_the_same_wrong_entries(name: str) -> None:
    arguments = ["it's mine.py:wrong", *CONFIGS[name]]
    batches = report_of(arguments)["batches"]
    worst = max(batches, key=lambda batch: (batch["wrong"], batch["unresolved"], batch["max_relative_error"]))
    (again,) = report_of(rerun_of(arguments))["batches"]
    for key in ("batch_size", "classes", "scores", "seed", "value", "wrong", "worst", "verdicts", "plan"):
        assert again[key] == worst[key], key


def test_a_broken_contract_is_shown_again(tmp_path: Path) -> None:
    Path("picky.py").write_text("def loss(S, y):\n    assert len(S) != 3, 'no threes'\n    return S.sum(), S * 0 + 1\n")
    first = report_of(["picky:loss"])
    again = report_of(rerun_of(["picky:loss"]))
    assert [finding["code"] for finding in again["findings"]] == ["raises"]
    assert again["findings"][0]["message"] == first["findings"][0]["message"]
    assert again["batches"] == []


def test_what_raises_in_one_problem_is_shown_again_beside_one_that_is_wrong() -> None:
    Path("crowded.py").write_text(
        "def loss(S, y):\n    assert len(S) != 8, 'too many'\n    return S.sum(), S * 0 + 2\n"
    )
    arguments = rerun_of(["crowded:loss"])
    assert arguments[arguments.index("--batch-size") + 1] == "8"
    assert report_of(arguments)["findings"][0]["code"] == "raises"


def test_only_what_differs_from_the_defaults_is_repeated() -> None:
    assert rerun_command("svm", Config(), Settings(), 3, 5, "normal(0, 1)", 0) == (
        "gradcheck run svm --batch-size 3 --classes 5 --scores 'normal(0, 1)' --seed 0"
    )
    config = Config(rtol=1e-9, atol=1e-3, dtype="float32", labels={"kind": "real"}, max_entries=9, trials=2)
    settings = Settings(framework="torch", reference="complex")
    command = rerun_command("a b.py:loss", config, settings, 1, 2, "normal(0, 1)", 7)
    for part in (
        "'a b.py:loss'", "--rtol 1e-09", "--atol 0.001", "--dtype float32", "labels.kind=real", "max_entries=9",
        "--trials 1", "--seed 7", "--framework torch", "--reference complex",
    ):  # fmt: skip
        assert part in command
