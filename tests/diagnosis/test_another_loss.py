"""The value of one known loss beside the gradient of another, and values that are not those of the loss meant."""

import json
from dataclasses import replace

import draws
import numpy as np
import pytest
from hypothesis import given
from observed import bent, codes, evidence_of, findings, mean_of, right
from typer.testing import CliRunner

import gradcheck
from gradcheck.cli import app
from gradcheck.diagnosis.another_loss import gradient_known, like, value_and_gradient_known, value_known
from gradcheck.diagnosis.known import VARIANTS, Values, built_in, gradient_match, known_losses
from gradcheck.errors import UsageError
from gradcheck.losses import BUILT_INS


def beside(value, gradient, **how):
    """The findings about one loss's value beside another's dS."""
    dS = right(gradient) if isinstance(gradient, str) else gradient
    evidence = evidence_of(value, lambda a, S, y: dS(S, y)[1], **how)
    return [*value_and_gradient_known(evidence), *gradient_known(evidence)]


def cosine(S, y):
    return np.cos(S).sum() / len(S), -np.sin(S) / len(S)


def valued(name, change):
    """What is seen of a loss whose dS is right, its value changed."""
    seen = evidence_of(name, lambda a, S, y: a).observations
    return tuple(replace(each, value=change(each.value, each.rows)) for each in seen)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.formula)
def test_derivatives_of_a_variant_are_those_of_its_values(variant):
    # Not at ties: the rate of errors jumps there.
    gradcheck.assert_gradients(mean_of(variant.formula), gradcheck.Config(scores=["normal"], classes=[2, 5]))
    assert variant.built_in in BUILT_INS
    assert variant.mistake


@given(draws.some_losses, draws.seeds)
def test_a_value_and_a_gradient_are_those_of_their_loss_and_of_no_other(name, seed):
    seen = Values(evidence_of(name, lambda a, S, y: a, seed=seed).observations)
    assert [each.built_in for each in known_losses() if seen.match(each)] == [name]
    evidence = evidence_of(cosine, lambda a, S, y: right(name)(S, y)[1], seed=seed)
    assert [each.built_in for each in known_losses() if gradient_match(evidence, each)] == [name]


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
        ("huber", "squared-error", "but the value is huber's"),
    ],
)
def test_the_loss_whose_gradient_it_is_and_the_one_whose_value_it_is_are_named(value, gradient, words):
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
def test_a_mistake_in_the_gradient_of_a_built_in_is_named(value, gradient, words):
    (finding,) = beside(value, gradient)
    assert finding.code == "value-of-another-loss"
    assert finding.message.startswith(f"the value is {value}'s, but dS is ")
    assert words in finding.message
    assert finding.hint.startswith(f"look at dS: `gradcheck show {value}`")


def test_an_unknown_value_is_shown_beside_the_known_one_whose_gradient_it_is_unless_that_is_0():
    assert beside(cosine, lambda S, y: (0.0, np.zeros(S.shape))) == []
    (finding,) = beside(cosine, "softmax")
    seen = evidence_of(cosine, lambda a, S, y: a).observations[0]
    value, known = cosine(seen.S, seen.y)[0], right("softmax")(seen.S, seen.y)[0]
    assert f"the value is not softmax's: it is {value:.10g} where that is {known:.10g}" in finding.message


@pytest.mark.parametrize(
    "change", [lambda dS: dS, lambda dS: 3 * dS, lambda dS: len(dS) * dS, lambda dS: dS * [1, 1.001, 1, 1, 1]]
)
def test_a_right_gradient_a_factor_or_one_wrong_column_is_not_another_loss(change):
    assert beside("softmax", lambda S, y: (0.0, change(right("softmax")(S, y)[1]))) == []


@pytest.mark.parametrize("name", ["softmax", "svm"])
def test_the_built_in_whose_value_it_is_and_the_wrong_places_are_named(name):
    (finding,) = value_known(evidence_of(name, lambda a, S, y: bent(a, S)))
    assert finding.code == "value-of-another-loss"
    assert finding.message.startswith(f"the value is {name}'s in all 6 problems, and dS is not its gradient: wrong in ")
    assert f"gradcheck show {name}" in finding.hint


def test_the_value_is_a_note_beside_a_finding_that_leads():
    def loss(S, y):
        value, dS = right("softmax")(S, y)
        return value, dS / np.linalg.norm(dS, axis=1, keepdims=True)

    first, second = findings(loss)
    assert (first.code, first.severity) == ("row-factor", "error")
    assert (second.code, second.severity) == ("value-of-another-loss", "note")


@pytest.mark.parametrize("name", ["softmax", "svm", "one-vs-all", "squared-hinge"])
def test_a_value_in_half_precision_is_that_of_no_other_loss(name):
    def halved(S, y):
        value, dS = right(name)(S.astype(np.float16).astype(S.dtype), y)
        return float(np.float16(value)), len(S) * np.asarray(dS).astype(np.float16).astype(S.dtype)

    assert not any("but the value is" in each.message for each in findings(halved))


# --- like ------------------------------------------------------------------------------------------------


def compared(name, change, meant=None):
    """The findings about a right loss whose value was changed as its gradient allows."""
    evidence = evidence_of(name, lambda a, S, y: a)
    return list(like(replace(evidence, observations=valued(name, change), like=meant and built_in(meant))))


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
def test_a_built_in_s_own_value_has_no_finding(name):
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
def test_a_constant_and_a_sum_are_notes_and_with_like_errors(name, change, code, words):
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
def test_another_value_is_unlike_and_named(name, change, words):
    (finding,) = compared(name, change, "softmax")
    assert (finding.code, finding.severity) == ("unlike", "error")
    assert finding.message.startswith("the value is not softmax's: ")
    assert finding.message.endswith(f"; {words}")


@pytest.mark.parametrize("plan", ["auto", "projections"])
def test_like_makes_a_run_fail_with_every_plan_and_the_rerun_line_repeats_it(plan, tmp_path, monkeypatch):
    def run(*arguments):
        result = CliRunner().invoke(app, ["run", *arguments, "--plan", plan, "--format", "json"])
        return result.exit_code, json.loads(result.stdout)["losses"][0]

    (tmp_path / "mine.py").write_text(
        "from gradcheck.losses import BUILT_INS\n\n"
        "def loss(S, y):\n    value, dS = BUILT_INS['svm'].function(S, y)\n    return value + 1, dS\n"
    )
    monkeypatch.chdir(tmp_path)
    code, loss = run("mine.py:loss")
    assert code == 0
    assert "--like" not in loss["rerun"]
    code, loss = run("mine.py:loss", "--like", "svm")
    assert (code, [each["code"] for each in loss["findings"]]) == (1, ["constant-offset"])
    assert loss["rerun"].endswith(" --like svm")
    assert run("svm", "--like", "svm")[0] == 0
    assert [each["code"] for each in run("svm", "--like", "softmax")[1]["findings"]] == ["unlike"]


def test_a_name_of_no_built_in_is_a_usage_error():
    with pytest.raises(UsageError, match="like: smax: no built-in loss has this name"):
        gradcheck.check_at("svm", [[1.0, 2.0]], [0], like="smax")


def test_labels_that_the_built_in_does_not_take_are_a_usage_error():
    config = gradcheck.Config(labels={"kind": "real"})
    with pytest.raises(UsageError, match="softmax takes classes as labels, and these are real"):
        gradcheck.check("squared-error", config, like="softmax")
    report = gradcheck.check_at("squared-error", [[1.0, 2.0]], [[0.5, 0.1]], like="softmax")
    assert report.exit_code == 2
    assert "cannot be compared with softmax's" in report.losses[0].error
    # cubed-relu takes no labels, so it can be compared
    assert codes(gradcheck.check("squared-error", config, like="cubed-relu").losses[0].findings) == ["unlike"]


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("one-hot", lambda S, y: right("softmax")(S, y.argmax(axis=1))),
        ("class", lambda S, y: right("softmax")(S, y, reduction="none")),
    ],
)
def test_one_hot_labels_and_one_value_for_each_row_are_compared(kind, loss):
    config = gradcheck.Config(labels={"kind": kind})
    gradcheck.assert_gradients(loss, config, like="softmax")
    with pytest.raises(AssertionError, match="unlike"):
        gradcheck.assert_gradients(loss, config, like="svm")
