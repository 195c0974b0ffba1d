"""The command line, in this process: options, formats, exit codes, messages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gradcheck.cli import app
from gradcheck.version import __version__

LOSSES = """\
import numpy as np

def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S

def drowned(S, y):
    return np.sin(S).sum() + 1e14, np.cos(S)

def raising(S, y):
    return {}[len(S)]

CALLS = [0]

def interrupted(S, y):
    CALLS[0] += 1
    if CALLS[0] > 100:
        raise KeyboardInterrupt
    return right(S, y)
"""


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(LOSSES)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["run", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stderr
    return result


def data(*arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return loaded


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["svm", "softmax"], 0),
        (["mine.py:right"], 0),
        (["mine.py:wrong"], 1),
        (["svm", "mine.py:wrong"], 1),
        (["mine.py:raising"], 1),
        (["mine.py:drowned"], 0),
        (["mine.py:drowned", "--strict"], 1),
        (["nosuch", "svm"], 2),
        (["nosuch", "mine.py:wrong"], 1),
        (["svm", "--seed", "x"], 2),
        (["svm", "--no-such-option"], 2),
        (["svm", "--set", "max_entries=4"], 0),
        (["mine.py:wrong", "--set", "max_entries=4"], 1),
        (["svm", "--worst", "0"], 2),
        (["mine.py:wrong", "mine.py:interrupted"], 130),
    ],
    ids=str,
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    assert run(*arguments).exit_code == code


def test_a_table_ends_with_the_verdict_in_words_and_quiet_leaves_only_that() -> None:
    assert run("mine.py:wrong").stdout.strip().splitlines()[-1].startswith("wrong: ")
    (line,) = run("svm", "--quiet").stdout.strip().splitlines()
    assert line.startswith("right: ")


def test_a_problem_of_too_many_entries_shows_no_grid_and_as_many_of_the_worst_as_were_asked_for() -> None:
    of_one = ("mine.py:wrong", "--batch-size", "4", "--scores", "normal", "--set", "max_entries=10")
    shown = [run(*of_one, "--worst", str(worst)).stdout for worst in (1, 3)]
    assert [text.count("  ✗ wrong") for text in shown] == [1, 3]
    assert all("4 random directions" in text and "relative error of each entry" not in text for text in shown)


def test_no_line_is_wider_than_columns_or_120(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (None, "80", "60"):
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
        text = run("mine.py:wrong", "svm").stdout
        # What is to be copied is never broken: the smallest failing case, and commands.
        text = re.sub(r"smallest case:.*?\nrerun: .*?\n", "", text, flags=re.DOTALL)
        widths = [len(line) for line in text.splitlines()]
        assert max(widths) <= int(columns or 120)


def test_json_is_one_object_of_schema_1() -> None:
    report = data("svm", "mine.py:wrong")
    assert (report["schema"], report["version"], report["passed"]) == (1, __version__, False)
    assert [loss["target"] for loss in report["losses"]] == ["svm", "mine.py:wrong"]
    assert [loss["passed"] for loss in report["losses"]] == [True, False]
    worst = report["losses"][1]["batches"][0]["worst"][0]
    assert worst["verdict"] == "wrong"
    assert worst["relative_error"] == pytest.approx(1 / 3)


def test_every_option_takes_effect() -> None:
    options = "--seed 5 --trials 2 --batch-size 2,4 --classes 3 --scores uniform --rtol 1e-6 --atol 1e-12"
    options += " --dtype float32 --set labels.distribution=skewed"
    report = data("svm", *options.split(), "--scores", "normal(0, 0.5)")
    batches = report["losses"][0]["batches"]
    assert {b["batch_size"] for b in batches} == {2, 4}
    assert {b["classes"] for b in batches} == {3}
    assert {b["scores"] for b in batches} == {"normal(0, 0.5)", "uniform(-1, 1)"}
    assert {(b["trial"], b["seed"]) for b in batches} == {(0, 5), (1, 6)}
    labels = {"kind": "class", "distribution": "skewed", "ignored": 0.0}
    assert {"rtol": 1e-6, "atol": 1e-12, "dtype": "float32", "labels": labels}.items() <= report["config"].items()


def test_options_win_over_the_file_and_the_file_over_the_defaults() -> None:
    Path("gradcheck.yaml").write_text("losses: [softmax]\nbatch_sizes: [2]\nclasses: [3]\nseed: 4\n")
    report = data("--seed", "9")
    assert [loss["target"] for loss in report["losses"]] == ["softmax"]
    assert (report["config"]["seed"], report["config"]["batch_sizes"]) == (9, [2])
    Path("other.yaml").write_text("losses: [svm, softmax]\nclasses: 2\n")
    assert [loss["target"] for loss in data("-c", "other.yaml")["losses"]] == ["svm", "softmax"]
    assert [loss["target"] for loss in data("brier")["losses"]] == ["brier"]


def test_a_target_named_twice_is_checked_once_and_fail_fast_stops_early() -> None:
    assert len(data("svm", "svm")["losses"]) == 1
    assert len(data("mine.py:wrong", "svm", "--fail-fast")["losses"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["nothing to check", "gradcheck run svm", "gradcheck list"]),
        (["svm", "--dtype", "int8"], ["--dtype", "float64", "float32", "int8"]),
        (["svm", "--rtol", "nan"], ["--rtol", "a number"]),
        (["svm", "--set", "sed=1"], ["--set sed=1", "seed"]),
        (["svm", "--config", "nosuch.yaml"], ["nosuch.yaml"]),
        (["svm", "--config", "."], ["directory"]),
        (["svm", "--output", "no/such.txt"], ["no/such.txt", "cannot be written"]),
        (["svm", "--output", "."], ["cannot be written"]),
    ],
    ids=str,
)
def test_a_mistake_gets_a_message_on_standard_error_and_no_report(arguments: list[str], words: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr
    assert "\\n" not in result.stderr  # lines are lines


def test_control_characters_from_outside_reach_no_terminal() -> None:
    result = run("svm", "--set", "\x1b[31m=1")
    assert "\x1b" not in result.stderr + result.stdout
    assert "\x1b" not in run("\x1b[31m").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("softmax --hessian", 0, "right: 20 entries of softmax agree"),
        ("svm --hessian", 2, "no second derivatives after value and gradient"),
        ("mine.py:right --hvp product", 0, "right: 10 entries of mine.py:right, second derivatives agree"),
        ("mine.py:right --hvp twice", 1, "wrong: 10 of 10 entries of mine.py:right, second derivatives disagree"),
        ("svm --order 2", 2, "order 2 is for PyTorch and JAX"),
        ("svm --order x", 2, "--order: should be 1 or 2; got 'x'"),
        ("svm --entry S[1,4]", 0, "dS[1, 4] is right"),
        ("svm --entry S[9,9]", 2, "there is no entry S[9,9]"),
        ("svm --against svm", 0, "value and gradient are those of svm"),
        ("mine.py:right --against svm", 1, "unlike"),
    ],
)
def test_second_derivatives_entries_and_other_functions_from_the_command_line(words: str, code: int, said: str) -> None:
    with Path("mine.py").open("a") as file:
        file.write("\ndef product(S, y, v):\n    return v\n\ndef twice(S, y, v):\n    return 2 * v\n")
    result = run(*words.split(), "--batch-size", "2", "--scores", "normal")
    assert result.exit_code == code
    assert said in result.stdout + result.stderr
