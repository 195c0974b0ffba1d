"""The value of one known loss beside the gradient of another, and values that are not those of the loss meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from observed import LossFunction, bent, codes, evidence_of, right
from typer.testing import CliRunner

import gradcheck
from gradcheck.cli import app
from gradcheck.diagnosis.another_loss import gradient_known, like, value_and_gradient_known, value_known
from gradcheck.diagnosis.known import VARIANTS, built_in
from gradcheck.errors import UsageError
from gradcheck.report import Finding


def mean_of(formula: str, sign: int = 1, offset: float = 0.0) -> LossFunction:
    """A variant as a right loss."""
    variant = next(each for each in VARIANTS if each.formula == formula)

    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = variant.function(S, y)
        return sign * L.mean() + offset, sign * dL / len(S)

    return loss


def beside(value: str | LossFunction, gradient: str | LossFunction, **how: Any) -> list[Finding]:
    """The findings about one loss's value beside another's dS."""
    dS = right(gradient) if isinstance(gradient, str) else gradient
    evidence = evidence_of(value, lambda a, S, y: dS(S, y)[1], **how)
    return [*value_and_gradient_known(evidence), *gradient_known(evidence)]


def cosine(S: Any, y: Any) -> tuple[float, Any]:
    return np.cos(S).sum() / len(S), -np.sin(S) / len(S)


@pytest.mark.parametrize(
    ("value", "gradient", "words"),
    [
        (mean_of("-p_y"), "softmax", "the value is the mean of -p_y, not softmax's: the log is missing in the value"),
        (mean_of("-p_y", offset=1), "softmax", "the value is the mean of -p_y plus 1, not softmax's: the log is"),
        (mean_of("-p_y", sign=-1), "softmax", "the value is minus the mean of -p_y, not softmax's: the log is"),
        (mean_of("sum_{m!=y} (s_m - s_y + 1)"), "svm", "not svm's: max(0, .) is missing in the value"),
        ("squared-hinge", "svm", "the square is in the value and not in dS"),
        ("label-smoothing", "softmax", "dS has 1{j=y} where the smoothed target t_j belongs"),
        ("softmax", "svm", "dS is svm's gradient in all 120 entries, but the value is softmax's"),
    ],
)
def test_the_loss_whose_gradient_it_is_and_the_one_whose_value_it_is_are_named(
    value: Any, gradient: str, words: str
) -> None:
    (finding,) = beside(value, gradient)
    assert finding.code == "gradient-of-another-loss"
    assert finding.message.startswith(f"dS is {gradient}'s gradient in all 120 entries, but the value is ")
    assert words in finding.message
    assert f"gradcheck show {gradient}" in finding.hint
    assert isinstance(value, str) or finding.hint.startswith("look at the value")


@pytest.mark.parametrize(
    ("value", "gradient", "words"),
    [
        ("svm", mean_of("sum_{m!=y} (s_m - s_y + 1)"), "max(0, .) is missing in dS"),
        ("svm", mean_of("sum_{m!=y} max(0, s_m - s_y)"), "the 1 of the margin s_m - s_y + 1 is missing in dS"),
        ("softmax", mean_of("-p_y"), "dS is the gradient of -p_y in all 120 entries: the log is missing in dS"),
        ("brier", lambda S, y: (0.0, 2 * right("softmax")(S, y)[1]), "times 2 in all 120 entries: dS is not"),
    ],
)
def test_a_mistake_in_the_gradient_of_a_built_in_is_named(value: str, gradient: LossFunction, words: str) -> None:
    (finding,) = beside(value, gradient)
    assert finding.code == "value-of-another-loss"
    assert finding.message.startswith(f"the value is {value}'s, but dS is ")
    assert words in finding.message
    assert finding.hint.startswith(f"look at dS: `gradcheck show {value}`")


def test_an_unknown_value_is_shown_beside_the_known_one() -> None:
    (finding,) = beside(cosine, "softmax")
    seen = evidence_of(cosine, lambda a, S, y: a).observations[0]
    value, known = cosine(seen.S, seen.y)[0], right("softmax")(seen.S, seen.y)[0]
    assert f"the value is not softmax's: it is {value:.10g} where that is {known:.10g}" in finding.message


def test_a_factor_or_one_wrong_column_is_not_another_loss() -> None:
    def slipped(S: Any, y: Any) -> tuple[float, Any]:
        value, dS = right("softmax")(S, y)
        dS[:, 1] *= 1.001
        return value, dS

    assert beside("softmax", lambda S, y: (0.0, 3 * right("softmax")(S, y)[1])) == []
    assert beside("softmax", lambda S, y: (0.0, len(S) * right("softmax")(S, y)[1])) == []
    assert beside("softmax", slipped) == []


@pytest.mark.parametrize("name", ["softmax", "svm"])
def test_the_built_in_whose_value_it_is_and_the_wrong_places_are_named(name: str) -> None:
    (finding,) = value_known(evidence_of(name, lambda a, S, y: bent(a, S)))
    assert finding.code == "value-of-another-loss"
    assert finding.message.startswith(f"the value is {name}'s in all 6 problems, and dS is not its gradient: wrong in ")
    assert f"gradcheck show {name}" in finding.hint


def compared(name: str, change: Callable[[float, int], float], meant: str | None = None, **how: Any) -> list[Any]:
    """The findings about a right loss whose value was changed as its gradient allows."""
    evidence = evidence_of(name, lambda a, S, y: a, **how)
    seen = tuple(replace(each, value=change(each.value, each.rows)) for each in evidence.observations)
    return list(like(replace(evidence, observations=seen, like=meant and built_in(meant))))


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
def test_a_built_in_s_own_value_has_no_finding(name: str) -> None:
    assert compared(name, lambda value, N: value) == []
    assert compared(name, lambda value, N: float(np.float32(value)), meant=name) == []


@pytest.mark.parametrize(
    ("name", "change", "code", "words"),
    [
        ("svm", lambda value, N: value + 1, "constant-offset", "svm's plus 1: perhaps the label's own margin"),
        ("softmax", lambda value, N: value - np.log(5), "constant-offset", "the value is softmax's minus 1.60944"),
        ("softmax", lambda value, N: N * value, "sum-over-rows", "the sum of softmax's rows"),
    ],
)
def test_a_constant_and_a_sum_are_notes_and_with_like_errors(name: str, change: Any, code: str, words: str) -> None:
    for meant, severity in ((None, "note"), (name, "error")):
        (finding,) = compared(name, change, meant)
        assert (finding.code, finding.severity) == (code, severity)
        assert words in finding.message


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("brier", lambda value, N: value, "it is brier's"),
        ("softmax", lambda value, N: value / np.log(2), "it is 1.4427 (1/log 2) times that"),
        ("softmax", lambda value, N: value / 5, "it is 1/5 times that"),
        ("softmax", lambda value, N: -value, "it is -1 times that"),
    ],
)
def test_another_value_is_unlike_and_named(name: str, change: Callable[[float, int], float], words: str) -> None:
    (finding,) = compared(name, change, "softmax")
    assert (finding.code, finding.severity) == ("unlike", "error")
    assert finding.message.startswith("the value is not softmax's: ")
    assert finding.message.endswith(f"; {words}")


OWN_MARGIN = """\
import numpy as np

def loss(S, y):
    N, i = len(S), np.arange(len(S))
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    dS = (margins > 0).astype(float)
    dS[i, y] -= dS.sum(axis=1)
    return margins.sum() / N, dS / N
"""


@pytest.mark.parametrize("plan", ["auto", "projections"])
def test_like_makes_a_run_fail_with_every_plan_and_the_rerun_line_repeats_it(
    plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(app, ["run", *arguments, "--plan", plan, "--format", "json"])
        return result.exit_code, json.loads(result.stdout)["losses"][0]

    (tmp_path / "mine.py").write_text(OWN_MARGIN)
    monkeypatch.chdir(tmp_path)
    code, loss = run("mine.py:loss")
    assert code == 0
    assert "--like" not in loss["rerun"]
    code, loss = run("mine.py:loss", "--like", "svm")
    assert (code, [each["code"] for each in loss["findings"]]) == (1, ["constant-offset"])
    assert loss["rerun"].endswith(" --like svm")
    assert run("svm", "--like", "svm")[0] == 0
    assert [each["code"] for each in run("svm", "--like", "softmax")[1]["findings"]] == ["unlike"]


def test_a_name_of_no_built_in_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="like: smax: no built-in loss has this name"):
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


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("one-hot", lambda S, y: right("softmax")(S, y.argmax(axis=1))),
        ("class", lambda S, y: right("softmax")(S, y, reduction="none")),  # type: ignore[call-arg]
    ],
)
def test_one_hot_labels_and_one_value_for_each_row_are_compared(kind: str, loss: Any) -> None:
    config = gradcheck.Config(labels={"kind": kind})  # type: ignore[arg-type]
    gradcheck.assert_gradients(loss, config, like="softmax")
    with pytest.raises(AssertionError, match="unlike"):
        gradcheck.assert_gradients(loss, config, like="svm")


def halved(name: str, of: Any = np.float16) -> LossFunction:
    """A built-in of which scores, value and dS are rounded to half precision, its 1/N lost in dS."""

    def loss(S: Any, y: Any) -> tuple[float, Any]:
        value, dS = right(name)(S.astype(of).astype(S.dtype), y)
        return float(of(value)), len(S) * np.asarray(dS).astype(of).astype(S.dtype)

    return loss


@pytest.mark.parametrize("name", ["softmax", "svm", "one-vs-all", "squared-hinge"])
def test_a_value_in_half_precision_is_that_of_no_other_loss(name: str) -> None:
    for finding in gradcheck.check(halved(name)).losses[0].findings:
        assert "but the value is" not in finding.message


def test_squared_error_s_gradient_beside_huber_s_value_is_named() -> None:
    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        return right("huber")(S, y)[0], (S - np.eye(S.shape[1])[y]) / len(S)

    (finding,) = gradcheck.check(loss).losses[0].findings
    assert "dS is squared-error's gradient in all 120 entries, but the value is huber's" in finding.message


def test_the_value_is_a_note_beside_a_finding_that_leads() -> None:
    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = right("softmax")(S, y)
        return value, dS / np.linalg.norm(dS, axis=1, keepdims=True)

    first, second = gradcheck.check(loss).losses[0].findings
    assert (first.code, first.severity) == ("row-factor", "error")
    assert (second.code, second.severity) == ("value-of-another-loss", "note")
