"""Entries that were asked for: steps, orders, and the sentence that reads them."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import gradcheck
from gradcheck.cli import app
from gradcheck.report import Verdict


def of_entry(value, derivative, at, **how):
    """The evidence for a function of one number and what is given as its derivative."""

    def loss(S, y):
        return value(S).sum(), np.broadcast_to(derivative(S), S.shape).astype(S.dtype)

    (steps,) = gradcheck.check_at(loss, [[at]], [0], entry="0,0", **how).losses[0].steps
    return steps


def single(x):
    return np.exp(x.astype(np.float32))


#: A function, what is given as its derivative, a point, and words of the reading.
FUNCTIONS = {
    "smooth": (np.exp, np.exp, 0.3, "the error falls as h^2 down to"),
    "of scale 1e8": (lambda x: 1e8 * np.exp(x), lambda x: 1e8 * np.exp(x), 0.3, "falls as h^2 down to"),
    "far from 0": (lambda x: 1e8 + np.exp(x), np.exp, 0.3, "falls as h^2 down to"),
    "of scale 1e-250": (lambda x: 1e-250 * np.exp(x), lambda x: 1e-250 * np.exp(x), 0.3, "falls as h^2 down to"),
    "in float32": (single, single, 0.3, "the error falls as h^2 down to"),
    "in decimals": (lambda x: np.round(np.exp(x), 6), np.exp, 0.3, "the error falls from"),
    "steep": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), 0.3, "falls as h^2 down to"),
    "a cubic": (lambda x: x**3, lambda x: 3 * x**2, 0.3, "the error falls as h^2 down to"),
    "a line": (lambda x: 3 * x, lambda x: 3.0, 0.3, "(exact: the function is a polynomial here, or symmetric"),
    "a parabola": (lambda x: x**2, lambda x: 2 * x, 0.3, "every difference equals dS[0, 0] up to rounding (exact: "),
    "a line at 1e9": (lambda x: x, lambda x: 1.0, 1e9, "(exact: the function is a polynomial here, or symmetric"),
    "constant": (lambda x: 0 * x, lambda x: 0.0, 0.3, "every difference equals dS[0, 0] up to rounding (exact"),
    "saturated": (lambda x: np.log1p(np.exp(x)), np.exp, -750.0, "every difference equals dS[0, 0] up to rounding (ex"),
    "symmetric": (np.cos, lambda x: -np.sin(x), 0.0, "symmetric about this point): dS[0, 0] is right"),
    "beside a kink": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0, 0.01, "falls from 0.39 down to 0 at h"),
    "with a kink of dS": (lambda x: x * abs(x), lambda x: 2 * abs(x), 0.0, "as h^1 (a smooth function's as h^2)"),
    "at a kink": (
        lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 0.5, x > 0), 0.0,
        "left and right differences settle at 0 and 1: a kink; any value between the derivatives around is right",
    ),
    "beyond a kink": (
        lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 1.5, x > 0), 0.0,
        "left and right differences settle at 0 and 1: a kink, and dS[0, 0], 1.5, is not between: it is wrong",
    ),
    "a jump": (lambda x: (x >= 0) * 1.0, lambda x: 0.0, 0.0, "the value jumps here: whether dS[0, 0], 0, is right"),
    "a cusp": (lambda x: np.sqrt(abs(x)), lambda x: 0.0, 0.0, "the differences settle only within"),
    "twice": (
        lambda x: x**2 / 2, lambda x: 2 * x, 0.25,
        "every difference is 0.25 (exact: the function is a polynomial here, or symmetric about this point) while "
        "dS[0, 0] is 0.5: it is wrong by the factor 2",
    ),
    "of the other sign": (np.exp, lambda x: -np.exp(x), 0.0, "settle at 1 while dS[0, 0] is -1: it is wrong by the"),
    "off by 1e-6": (np.exp, lambda x: np.exp(x) * (1 + 1e-6), 0.0, "is 1.000001: it is wrong by a relative error"),
    "not 0": (lambda x: 0 * x, lambda x: 0.5, 0.3, "every difference is 0 (exact: the function is a polynomial"),
    "not 0, symmetric": (np.cos, lambda x: 0.5, 0.0, "every difference is 0 (exact: the function is a polynomial"),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_sentence_reads_the_steps_and_agrees_with_the_verdict(name):
    value, derivative, at, words = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        evidence = of_entry(value, derivative, at)
    assert words in evidence.reading
    is_right = evidence.entry.verdict in (Verdict.OK, Verdict.SUBGRADIENT)
    assert is_right is evidence.reading.endswith(("is right", ", is"))
    assert ("wrong" in evidence.reading) is (evidence.entry.verdict is Verdict.WRONG)
    assert ("cannot be decided" in evidence.reading) is (evidence.entry.verdict is Verdict.UNRESOLVED)
    assert evidence.exact is ("polynomial" in evidence.reading)
    for step in evidence.steps:
        assert step.error == abs(step.difference - evidence.entry.analytic)


def test_the_order_of_a_right_derivative_is_2_and_of_a_wrong_one_0():
    for factor, order in ((1.0, 2.0), (1.5, 0.0)):
        steps = of_entry(np.exp, lambda x, factor=factor: factor * np.exp(x), 0.3).steps
        orders = [step.order for step in steps if step.order is not None]
        assert len(orders) >= 4
        assert orders == pytest.approx([order] * len(orders), abs=0.1)
        assert [step.step for step in steps] == sorted((step.step for step in steps), reverse=True)


def test_a_defect_within_the_users_tolerance_is_right_and_float32_is_judged_as_the_report_does():
    assert of_entry(np.exp, lambda x: np.exp(x) * 1.0001, 0.3, rtol=1e-3).reading.endswith("dS[0, 0] is right")
    (steps,) = gradcheck.check("softmax", dtype="float32", batch_sizes=[3], entry="S[1,4]").losses[0].steps
    assert steps.entry.verdict is Verdict.OK
    assert steps.reading.endswith("dS[1, 4] is right")


def test_values_that_are_not_finite_at_wide_steps_are_left_out():
    evidence = of_entry(lambda x: np.where(x > 0.31, np.nan, x**3), lambda x: 3 * x**2, 0.3)
    assert all(np.isfinite([step.difference, step.rounding]).all() for step in evidence.steps)
    assert evidence.reading.endswith("dS[0, 0] is right")


def quartic(S, y):
    dS = 4 * S**3
    dS[-1, 2] *= 2
    return float((S**4).sum()), dS


@pytest.mark.parametrize("plan", ["auto", "full", "projections"])
def test_every_plan_shows_the_entry_of_its_worst_problem(plan):
    report = gradcheck.check(quartic, batch_sizes=[1, 3], plan=plan, entry=["dS[2, 2]", "S[0,1]"])
    wrong, right = report.losses[0].steps
    assert (wrong.entry.name, wrong.entry.verdict, right.entry.name) == ("dS[2, 2]", Verdict.WRONG, "dS[0, 1]")
    assert "wrong by the factor 2" in wrong.reading
    assert wrong.where.startswith("batch size 3")
    assert right.reading.endswith("dS[0, 1] is right")


def test_inputs_are_named_as_in_the_report():
    def loss(params, X, reg):
        W, out = params["W"], X @ params["W"] + params["b"]
        gradients = {"W": X.T @ out + 2 * reg * W, "b": out.sum(axis=0)}
        return (out**2).sum() / 2 + reg * (W**2).sum(), gradients, (W**2).sum()

    W, b, X = np.arange(6.0).reshape(3, 2), np.ones(2), np.ones((4, 3))
    given = {"params": {"W": W, "b": b}, "X": X, "reg": np.float64(0.5)}
    entries = ["params.W[2,1]", "dparams.b[0]", "reg"]
    report = gradcheck.check_at(loss, given, wrt=["params", "reg"], entry=entries, gradient=None)
    steps = report.losses[0].steps
    assert [each.entry.name for each in steps] == ["dparams.W[2, 1]", "dparams.b[0]", "dreg"], report.losses[0].error
    assert all("exact: the function is a polynomial here" in each.reading for each in steps)


@pytest.mark.parametrize("text", ["S[9,4]", "S[1]", "S", "W[0,0]", "1,5", "S[-1,0]", "S[1,4", "S[1,,4]", "", "1.5,2"])
def test_an_entry_that_is_not_there_is_an_error_that_says_which_are(text):
    (loss,) = gradcheck.check("svm", entry=("S[1,4]", text)).losses
    assert f"there is no entry {text}" in loss.error
    assert "entries go up to S[7, 4], counted from 0" in loss.error
    assert not loss.batches  # before the work


def test_the_command_line_prints_them_writes_them_and_draws_them(tmp_path):
    command = ["run", "softmax", "--entry", "S[1,4]", "--entry", "0,0", "--batch-size", "3"]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "60"})
    assert shown.exit_code == 0
    assert "dS[1, 4] is " in shown.stdout
    assert shown.stdout.count("the error falls as h^2 down to") == 2
    pytest.importorskip("matplotlib")
    picture = tmp_path / "steps.svg"
    done = CliRunner().invoke(app, [*command, "--format", "json", "--plot", str(picture)])
    first, second = json.loads(done.stdout)["losses"][0]["steps"]
    assert (first["row"], first["class"], second["name"], first["expected_order"]) == (1, 4, "dS[0, 0]", 2)
    assert {"step", "difference", "error", "order", "rounding"} == first["steps"][0].keys()
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
