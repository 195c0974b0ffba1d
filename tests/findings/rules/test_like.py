"""The value beside that of a built-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import codes, evidence_of, right, seeds, some_losses
from typer.testing import CliRunner

import gradcheck
from gradcheck.cli import app
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.rules.like import like
from gradcheck.errors import UsageError


def said(name: str, change: Callable[[float, int], float], meant: str | None = None, **how: Any) -> list[Any]:
    """What is said of a right loss whose value was changed as its gradient allows."""
    evidence = evidence_of(name, lambda a, S, y: a, **how)
    seen = tuple(replace(each, value=change(each.value, each.rows)) for each in evidence.observations)
    return list(like(replace(evidence, observations=seen, like=meant)))


@given(some_losses, seeds)
def test_a_built_in_s_own_value_is_nothing_to_speak_of(name: str, seed: int) -> None:
    assert said(name, lambda value, N: value, seed=seed) == []
    assert said(name, lambda value, N: value, meant=name, seed=seed) == []


@pytest.mark.parametrize(("meant", "severity"), [(None, "note"), ("svm", "error")])
def test_the_label_s_own_margin_is_told(meant: str | None, severity: str) -> None:
    (finding,) = said("svm", lambda value, N: value + 1, meant)
    assert (finding.code, finding.severity) == ("constant-offset", severity)
    assert finding.message.startswith("the value is svm's plus 1: perhaps the label's own margin")
    assert finding.hint.startswith("leave m = y out of the value's sum")


def test_another_constant_is_told_without_that_reason() -> None:
    (finding,) = said("softmax", lambda value, N: value - np.log(5))
    assert finding.message == "the value is softmax's minus 1.60944"


@pytest.mark.parametrize(("meant", "severity"), [(None, "note"), ("softmax", "error")])
def test_a_sum_is_told(meant: str | None, severity: str) -> None:
    (finding,) = said("softmax", lambda value, N: N * value, meant)
    assert (finding.code, finding.severity) == ("sum-over-rows", severity)


def test_a_sum_with_the_label_s_own_margin_is_both() -> None:
    findings = said("svm", lambda value, N: N * (value + 1))
    assert codes(findings) == ["sum-over-rows", "constant-offset"]
    assert "svm's plus 1 in each row" in findings[1].message


def test_single_rows_do_not_tell_a_sum_from_a_mean() -> None:
    assert said("softmax", lambda value, N: N * value, shapes=[(1, 5), (1, 5)]) == []


def test_one_problem_makes_no_note() -> None:
    assert said("softmax", lambda value, N: N * value, shapes=[(3, 5)]) == []


def test_other_values_are_unlike() -> None:
    (finding,) = said("brier", lambda value, N: value, "softmax")
    assert (finding.code, finding.severity) == ("unlike", "error")
    assert finding.message.startswith("the value is not softmax's: ")
    assert finding.message.endswith("; it is brier's")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value, N: value / np.log(2), "it is 1.4427 = 1/log 2 times that"),
        (lambda value, N: value / 5, "it is 1/5 times that"),
        (lambda value, N: -value, "it is -1 times that"),
    ],
)
def test_a_multiple_is_unlike_and_told(change: Callable[[float, int], float], words: str) -> None:
    (finding,) = said("softmax", change, "softmax")
    assert finding.code == "unlike"
    assert finding.message.endswith(f"; {words}")


def test_what_is_missing_in_an_unlike_value_is_told() -> None:
    def without_max(S: Any, y: Any) -> tuple[Any, Any]:
        margins = S - S[np.arange(len(S)), y][:, np.newaxis]
        return (margins.sum(axis=1) + S.shape[1] - 1).mean(), np.zeros_like(S)

    evidence = replace(evidence_of(without_max, lambda a, S, y: a), like="svm")
    (finding,) = like(evidence)
    assert finding.message.endswith("it is mean(sum_{m!=y} (s_m - s_y + 1)): max(0, .) is missing in the value")


def test_a_value_in_float32_is_like() -> None:
    assert said("softmax", lambda value, N: float(np.float32(value)), "softmax") == []


def test_a_wrong_gradient_leaves_no_note() -> None:
    evidence = evidence_of("svm", lambda a, S, y: 2 * a)
    seen = tuple(replace(each, value=each.value + 1) for each in evidence.observations)
    assert codes(like(replace(evidence, observations=seen))) == []
    assert codes(like(replace(evidence, observations=seen, like="svm"))) == ["constant-offset"]


def test_without_any_problem_there_is_nothing_to_compare() -> None:
    evidence: Evidence = replace(evidence_of("svm", lambda a, S, y: a), observations=())
    assert codes(like(evidence)) == []
    assert codes(like(replace(evidence, like="svm"))) == []


# --- through a check --------------------------------------------------------------------------------------

OWN_MARGIN = """\
import numpy as np

def loss(S, y):
    N, i = len(S), np.arange(len(S))
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    dS = (margins > 0).astype(float)
    dS[i, y] -= dS.sum(axis=1)
    return margins.sum() / N, dS / N
"""


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["run", *arguments, "--format", "json"])
    return result.exit_code, json.loads(result.stdout)["losses"][0] if result.stdout else {}


@pytest.fixture
def own_margin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mine.py").write_text(OWN_MARGIN)
    monkeypatch.chdir(tmp_path)
    return "mine.py:loss"


def test_a_note_becomes_an_error_that_fails_the_run(own_margin: str) -> None:
    code, loss = run(own_margin)
    assert (code, [each["severity"] for each in loss["findings"]]) == (0, ["note"])
    code, loss = run(own_margin, "--like", "svm")
    assert (code, [each["severity"] for each in loss["findings"]]) == (1, ["error"])


@pytest.mark.parametrize("plan", ["auto", "projections"])
def test_every_plan_compares_values(own_margin: str, plan: str) -> None:
    code, loss = run(own_margin, "--like", "svm", "--plan", plan)
    assert (code, [each["code"] for each in loss["findings"]]) == (1, ["constant-offset"])
    assert run("svm", "--like", "svm", "--plan", plan)[0] == 0


def test_a_built_in_is_compared_as_well() -> None:
    code, loss = run("svm", "--like", "softmax")
    assert (code, [each["code"] for each in loss["findings"]]) == (1, ["unlike"])


def test_the_rerun_line_repeats_it(own_margin: str) -> None:
    assert run(own_margin, "--like", "svm")[1]["rerun"].endswith(" --like svm")
    assert "--like" not in run(own_margin)[1]["rerun"]


def test_every_problem_is_compared() -> None:
    """Not only those few that are kept to find out why."""

    def late(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = right("softmax")(S, y)
        return value + (len(S) == 20), dS

    config = gradcheck.Config(batch_sizes=[*range(2, 16), 20], scores=["normal"])
    assert codes(gradcheck.check(late, config, like="softmax").losses[0].findings) == ["unlike"]


def test_a_name_of_no_built_in_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["run", "svm", "--like", "smax"])
    assert result.exit_code == 2
    assert "like: 'smax': no built-in loss has this name" in result.stderr
    assert "did you mean softmax?" in result.stderr
    with pytest.raises(UsageError, match="no built-in loss"):
        gradcheck.check_at("svm", [[1.0, 2.0]], [0], like="smax")


def test_labels_that_the_built_in_does_not_take_are_a_usage_error() -> None:
    def square(S: Any, y: Any) -> tuple[Any, Any]:
        return ((S - y) ** 2).sum(), 2 * (S - y)

    config = gradcheck.Config(labels={"kind": "real"})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="softmax takes classes as labels, and these are real"):
        gradcheck.check(square, config, like="softmax")
    report = gradcheck.check_at(square, [[1.0, 2.0]], [[0.5, 0.1]], like="softmax")
    assert report.exit_code == 2
    assert "cannot be compared with softmax's" in report.losses[0].error
    # cubed-relu takes no labels, so it can be compared
    assert codes(gradcheck.check(square, config, like="cubed-relu").losses[0].findings) == ["unlike"]


def test_one_hot_labels_are_classes() -> None:
    def of_one_hot(S: Any, y: Any) -> tuple[Any, Any]:
        return right("softmax")(S, y.argmax(axis=1))

    config = gradcheck.Config(labels={"kind": "one-hot"})  # type: ignore[arg-type]
    assert gradcheck.check(of_one_hot, config, like="softmax").passed
    gradcheck.assert_gradients(of_one_hot, config, like="softmax")
    with pytest.raises(AssertionError, match="unlike"):
        gradcheck.assert_gradients(of_one_hot, config, like="svm")


def test_a_loss_that_returns_each_row_s_value_is_compared_by_their_mean() -> None:
    def each_row(S: Any, y: Any) -> tuple[Any, Any]:
        return right("softmax")(S, y, reduction="none")  # type: ignore[call-arg]

    report = gradcheck.check(each_row, like="softmax")
    assert report.passed
    assert codes(gradcheck.check(each_row).losses[0].findings) == []
