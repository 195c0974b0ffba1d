"""Another function beside the one that is checked: which of value and dS differs from it, by how much, and where."""

import numpy as np
import pytest
from corpora.right import softmax
from typer.testing import CliRunner

import gradcheck
from gradcheck.cli import app
from gradcheck.errors import UsageError


def times(value=1, gradient=1):
    """The softmax loss with value and dS multiplied, by numbers or by functions of S."""

    def loss(S, y):
        factors = (each(S) if callable(each) else each for each in (value, gradient))
        return tuple(own * factor for own, factor in zip(softmax(S, y), factors, strict=True))

    return loss


def a_row(S):
    factor = np.ones(S.shape)
    factor[0, 1] = 1.5
    return factor


def against(loss, oracle, **how):
    return gradcheck.check(loss, batch_sizes=[1, 3], against=oracle, **how).losses[0]


def unlike(report):
    """Severity and message of the one finding that compares."""
    assert not report.error, report.error
    (found,) = [each for each in report.findings if each.code == "unlike"]
    return found.severity, found.message


@pytest.mark.parametrize("oracle", [softmax, "softmax", times()])
def test_a_right_loss_that_is_like_the_oracle_passes_and_says_so(oracle):
    report = against(softmax, oracle)
    assert not report.failed
    assert report.alike == getattr(oracle, "__qualname__", oracle)
    assert against(softmax, oracle, plan="projections").alike == report.alike


@pytest.mark.parametrize(
    ("loss", "severity", "words"),
    [
        (times(2, 2), "error", "; value and dS are 2 times that"),
        (times(len, len), None, "sum-over-rows"),
        (times(2), "error", "; it is 2 times that; dS is softmax's: the value is wrong"),
        (times(1, 2), "note", "the value is softmax's, and dS is not, in 40 of 40 entries, most where dS["),
        (times(1, a_row), "note", "in 4 of 40 entries, most where dS[0, 1] is "),
        (times(2, a_row), "error", "; it is 2 times that; dS is not softmax's either, in 4 of 40 entries, most where"),
        (times(lambda S: 1 + S[0, 0] ** 2), "error", "; dS is softmax's: the value is wrong"),
    ],
)
def test_it_says_which_of_value_and_gradient_differs(loss, severity, words):
    report = against(loss, softmax)
    assert report.failed
    assert not report.alike
    if severity is None:
        assert words in [each.code for each in report.findings]
        return
    found, message = unlike(report)
    assert found == severity
    assert words in message
    assert message.endswith("the value is right and dS wrong") is (severity == "note")


def test_a_mistake_of_the_oracle_s_gradient_is_a_note_and_one_in_both_is_told():
    wrong = times(1, a_row)
    severity, message = unlike(against(softmax, wrong))
    assert severity == "note"
    assert message.endswith("dS is right, and times.<locals>.loss's is wrong")
    report = against(wrong, wrong)
    assert unlike(report) == ("note", "value and dS are times.<locals>.loss's, which has the same mistake")
    assert report.failed
    # By random directions it is not known that dS is right in each entry.
    assert "right" not in unlike(against(softmax, wrong, plan="projections"))[1]


def each_row(S, y):
    value, dS = zip(*(softmax(S[i : i + 1], y[i : i + 1]) for i in range(len(S))), strict=True)
    return np.array(value), np.concatenate(dS)


def test_an_oracle_of_rows_or_their_sum_and_subgradients_at_kinks():
    assert against(softmax, each_row).alike
    assert against(times(), softmax, dtype="float32").alike
    assert "; value and dS are 1/N times that" in unlike(against(softmax, times(len, len)))[1]

    def hinge(at_tie):
        return lambda S, y: (np.maximum(S, 0).sum(), (S > 0) + at_tie * (S == 0))

    assert against(hinge(0.0), hinge(1.0)).alike


@pytest.mark.parametrize(
    ("oracle", "words"),
    [
        (lambda S, y: 1 / 0, "<lambda> raises ZeroDivisionError"),
        (lambda S, y: (1.0, S[:, :2]), "dS has shape (1, 2); S has shape (1, 5)"),
        (lambda S, y: S.sum(), "returns a number, not a pair (value, dS)"),
        (lambda S, y: (np.nan, S), "the value is nan"),
        (lambda W, X, y: (1.0, W), "missing 1 required positional argument"),
        (times(lambda S: np.random.random()), "two calls with the same S and y differ"),
    ],
)
def test_an_oracle_that_fails_is_told_before_the_work(oracle, words):
    report = against(softmax, oracle)
    assert report.error.startswith("like: ")
    assert words in report.error
    assert not report.batches


def regression(W, X, t, reg):
    out = X @ W - t
    return (out**2).sum() / 2 + reg * (W**2).sum(), X.T @ out + 2 * reg * W


def half(W, X, t, reg):
    value, dW = regression(W, X, t, reg)
    return value, dW - reg * W


INPUTS = {"W": "[D, C]", "X": "[N, D]", "t": "[N, C]", "reg": 0.1}


def test_functions_of_named_inputs_are_compared_by_name():
    def other(X, W, t, reg, unused=None):
        return regression(W, X, t, reg)

    assert against(regression, other, inputs=INPUTS).alike
    assert against(regression, other, inputs=INPUTS, plan="projections").alike
    severity, message = unlike(against(half, other, inputs=INPUTS, wrt=["W"]))
    assert severity == "note"
    assert "and the gradient is not, in 40 of 40 entries, most where dW[" in message
    severity, message = unlike(against(other, half, inputs=INPUTS, wrt=["W"]))
    assert "the gradient is right, and half's is wrong" in message
    twice = lambda W, X, t, reg: tuple(2 * each for each in regression(W, X, t, reg))  # noqa: E731
    assert "value and the gradient are 2 times that" in unlike(against(twice, regression, inputs=INPUTS))[1]
    assert "softmax: takes (S, y, " in against(regression, "softmax", inputs=INPUTS).error
    error = against(regression, lambda A, X: (A.sum(), A), inputs=INPUTS).error
    assert "<lambda>: takes (A, X); not described: A" in error


class Model:
    params = {"W": np.ones((4, 5))}  # noqa: RUF012

    def loss(self, X, t):
        value, dW = regression(self.params["W"], X, t, 0.0)
        return value, {"W": dW}


def test_models_and_functions_of_their_parameters_are_compared_with_each_other():
    def other(params, X, t):
        value, dW = regression(params["W"], X, t, 0.0)
        return value, {"W": dW}

    inputs = {"X": "[N, D]", "t": "[N, C]"}
    assert against(Model(), other, inputs=inputs).alike
    assert against(other, Model(), inputs=inputs | {"params.W": "[D, C]"}, dtype="float32").alike


def test_at_a_point_of_ones_own():
    given = {"W": np.ones((2, 3)), "X": np.ones((4, 2)), "t": np.zeros((4, 3)), "reg": 0.5}
    report = gradcheck.check_at(regression, given, wrt=["W"], against=half)
    assert "dW[0, 0] is 9 where half has 8.5, numerically 9" in report.losses[0].findings[0].message


def test_a_target_a_module_s_function_and_the_command_line(tmp_path, monkeypatch):
    source = "import gradcheck.losses as known\ndef loss(S, y):\n    return known.BUILT_INS['softmax'].function(S, y)\n"
    (tmp_path / "oracle_of_mine.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    module = "oracle_of_mine"
    for name in (f"{module}.py:loss", f"{module}:loss", f"{module}.loss", f"{module}.py", "softmax"):
        done = CliRunner().invoke(app, ["run", "oracle_of_mine.py", "--batch-size", "2", "--against", name, "--quiet"])
        assert done.exit_code == 0, done.output
        assert f"value and gradient are those of {name}" in " ".join(done.stdout.split())
    done = CliRunner().invoke(app, ["run", "oracle_of_mine.py:loss", "--against", "oracle_of_mine:los", "--quiet"])
    assert done.exit_code == 2
    with pytest.raises(UsageError, match="like: oracle_of_mine:los: nothing in it is called los"):
        gradcheck.check(softmax, against="oracle_of_mine:los")
