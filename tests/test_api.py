"""The public way in from Python."""

import functools
import itertools
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from observed import changed

import gradcheck
from gradcheck.errors import TargetError, UsageError
from gradcheck.losses import BUILT_INS

SMALL = gradcheck.Config(batch_sizes=2, classes=3, scores="normal")
softmax = BUILT_INS["softmax"].function


def wrong(S, y):
    value, dS = softmax(S, y)
    dS[0, 0] *= 1.5
    return value, dS


class Hinge:
    def __call__(self, S, y):
        return softmax(S, y)

    method = __call__


LOSSES = {
    "name": "softmax", "function": softmax, "object": Hinge(), "method": Hinge().method,
    "partial": functools.partial(lambda S, y, margin: softmax(S, y), margin=2.0), "lambda": lambda S, y: softmax(S, y),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOSSES)
def test_anything_that_is_a_loss_can_be_checked(kind):
    report = gradcheck.check(LOSSES[kind], SMALL)
    assert report.passed
    assert report.losses[0].batches[0].entries == 6


def test_several_losses_are_one_report_which_is_true_if_it_passed_and_its_repr_is_the_verdict():
    report = gradcheck.check(["svm", softmax, wrong], SMALL)
    assert [loss.passed for loss in report.losses] == [True, True, False]
    last = report.losses[2]
    assert (last.target, last.file, last.line) == ("wrong", __file__, wrong.__code__.co_firstlineno)
    worst = last.batches[0].worst[0]
    assert (worst.row, worst.class_, worst.relative_error) == (0, 0, pytest.approx(1 / 3))
    assert not report
    assert repr(report).startswith("<Report: wrong: 1 of 3 losses")
    right = gradcheck.check("softmax", SMALL)
    assert right
    assert repr(right).startswith("<Report: right: 6 entries of softmax agree")


def test_without_a_config_the_defaults_count_and_no_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "gradcheck.yaml").write_text("seed: [")
    monkeypatch.chdir(tmp_path)
    report = gradcheck.check("softmax")
    assert report.passed
    assert [batch.batch_size for batch in report.losses[0].batches] == [1, 1, 3, 3, 8, 8]


@pytest.mark.parametrize("thing", ["sofmax", Hinge, lambda S: 0, 3, "module_that_is_not:there", ["svm", "sofmax"]])
def test_what_is_no_loss_is_a_target_error(thing):
    with pytest.raises((TargetError, TypeError)):
        gradcheck.check(thing, SMALL)


def test_ctrl_c_goes_through():
    calls = itertools.count()

    def interrupted(S, y):
        if next(calls) >= 5:
            raise KeyboardInterrupt
        return softmax(S, y)

    for check in (lambda: gradcheck.check(interrupted, SMALL), lambda: gradcheck.check_at(interrupted, [[1.0]], [0])):
        with pytest.raises(KeyboardInterrupt):
            check()


def test_keys_of_the_configuration_are_keywords_too_and_win_over_it():
    report = gradcheck.check("softmax", SMALL, batch_sizes=[1, 4], rtol=1e-6, jobs=1, strict=True)
    assert [batch.batch_size for batch in report.losses[0].batches] == [1, 4]
    assert (report.config["rtol"], report.config["classes"], report.losses[0].strict) == (1e-6, [3], True)
    assert gradcheck.check_at("softmax", [[1.0, 2.0]], [0], plan="full").losses[0].batches[0].plan == "full"
    gradcheck.assert_gradients("softmax", batch_sizes=2, scores="normal", fail_fast=True)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"bach_sizes": 2}, TypeError, ["unknown keyword 'bach_sizes'", "strict, ", "did you mean batch_sizes?"]),
        ({"losses": "svm"}, TypeError, ["losses"]),
        ({"framework": "torhc"}, UsageError, ["should be 'auto', 'numpy', 'torch' or 'jax'", "did you mean torch?"]),
        ({"reference": "exact"}, UsageError, ["reference: should be 'auto', 'central' or 'complex'"]),
        ({"timeout": "soon"}, UsageError, ["timeout: should be a number", "got 'soon'"]),
        ({"strict": "very"}, UsageError, ["strict: should be true or false", "got 'very'"]),
        ({"batch_sizes": [0]}, UsageError, ["batch_sizes[0]: should be at least 1"]),
    ],
    ids=str,
)
def test_a_wrong_keyword_says_what_is_right(keywords, error, words):
    for function in (gradcheck.check, gradcheck.assert_gradients):
        with pytest.raises(error) as caught:
            function("svm", **keywords)
        assert all(word in str(caught.value) for word in words)
    with pytest.raises(TypeError, match="trials"):
        gradcheck.check_at("svm", [[1.0]], [0], trials=2)


@pytest.mark.parametrize("plan", ["full", "projections"])
def test_as_many_of_the_worst_entries_are_kept_as_were_asked_for(plan):
    flipped = changed("softmax", lambda dS, S, y: -dS)
    config = gradcheck.Config(batch_sizes=6, classes=5, scores="normal", plan=plan)
    for worst in (1, 4, 20):
        (batch,) = gradcheck.check(flipped, config, worst=worst).losses[0].batches
        assert [entry.verdict for entry in batch.worst] == ["wrong"] * worst
    with pytest.raises(UsageError, match="worst: should be at least 1"):
        gradcheck.check("svm", SMALL, worst=0)


def test_scores_may_be_any_matrix_of_numbers_and_float32_ones_stay_so():
    for S in ([[1, 2, 0]], [[1.0, 2.0, 0.0]], np.array([[1, 2, 0]]), np.array([[1, 2, 0]], dtype=np.float16)):
        (batch,) = gradcheck.check_at("softmax", S, [1]).losses[0].batches
        assert (batch.batch_size, batch.classes, batch.scores, batch.labels.tolist()) == (1, 3, "given", [1])
        assert batch.value == softmax(np.array([[1.0, 2.0, 0.0]]), np.array([1]))[0]
    seen = set()

    def to_target(S, y):
        seen.add(S.dtype.name)
        return float(((S - y) ** 2).sum()), 2 * (S - y)

    report = gradcheck.check_at(to_target, np.array([[0.5, 1.0]], dtype=np.float32), [[0.25, -1.0]])
    assert (report.passed, report.losses[0].batches[0].labels) == (True, None)
    assert "float32" in seen


def test_the_callers_arrays_stay_as_they_are():
    def spoils(S, y):
        answer = softmax(S, y)
        S[:] = y[:] = 0
        return answer

    S, y = np.array([[1.0, 2.0]]), np.array([1])
    assert not gradcheck.check_at(spoils, S, y).passed
    assert (S.tolist(), y.tolist()) == ([[1.0, 2.0]], [1])


@pytest.mark.parametrize(
    ("S", "y", "words"),
    [
        ([1.0, 2.0], [0], "shape (2,)"),
        ([[[1.0]]], [0], "shape (1, 1, 1)"),
        ([[]], [0], "at least one of each"),
        (np.zeros((0, 3)), [0], "at least one of each"),
        ([[1.0, float("nan")]], [0], "infinite or NaN"),
        ([[1.0, float("inf")]], [0], "infinite or NaN"),
        ([["a", "b"]], [0], "not made of numbers"),
        ([[None, 1.0]], [0], "S is not"),
        ([[1j, 1.0]], [0], "not made of numbers"),
        ([[1.0, 2.0], [3.0]], [0], "S or y is not an array"),
        ([[1.0, 2.0]], [[1], [1, 2]], "y is not an array"),
    ],
    ids=repr,
)
def test_scores_and_labels_that_are_none_are_a_usage_error(S, y, words):
    with pytest.raises(UsageError) as caught:
        gradcheck.check_at("softmax", S, y)
    assert words in str(caught.value)


def test_assert_gradients_is_silent_or_raises_with_the_entry_the_finding_and_the_verdict_in_words(capsys):
    gradcheck.assert_gradients(["softmax", "svm"], SMALL)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(AssertionError) as caught:
        gradcheck.assert_gradients(wrong, SMALL)
    message = str(caught.value)
    assert all(words in message for words in ("wrong", "batch size 2", "test_api.py", "normal(0, 1)")), message
    assert "\x1b" not in message
    assert max(map(len, message.splitlines())) <= 120
    buffer = np.empty((2, 3))

    def shared(S, y):
        value, buffer[:] = softmax(S, y)
        return value, buffer

    gradcheck.assert_gradients(shared, SMALL)
    with pytest.raises(AssertionError, match="shared-buffer"):
        gradcheck.assert_gradients(shared, SMALL, strict=True)
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        gradcheck.assert_gradients(lambda S, y: 1 / 0, SMALL)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import gradcheck", "numpy rich typer"),
        ("import gradcheck.pytest_plugin", "numpy pydantic"),
        ("import gradcheck; assert gradcheck.check('svm').passed", "torch jax joblib distributed typer"),
        ("import gradcheck, gradcheck.run, gradcheck.cli; assert gradcheck.check('svm').passed", "torch jax joblib"),
    ],
)
def test_what_is_not_needed_is_not_imported_and_no_module_takes_the_place_of_a_function(code, heavy):
    code = f"{code}\nimport sys\nprint(sorted({set(heavy.split())} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


RNG = np.random.default_rng(0)
W, X, x = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4)), RNG.normal(size=4)


def quadratic(W, X, reg=0.5):
    return ((X @ W) ** 2).sum() + reg * (W**2).sum(), 2 * X.T @ (X @ W) + 2 * reg * W


def forward(x, w):
    return x @ w, (x, w)


def backward(dout, cache):
    return dout @ cache[1].T, cache[0].T @ dout


class Least:
    def __init__(self):
        self.params = {"W": W}

    def loss(self, X):
        value, dW = quadratic(self.params["W"], X)
        return value, {"W": dW}


LAYER = {"inputs": {"x": "[N, D]", "w": "[D, M]"}, "backward": backward}
DESCRIBED = {
    "function": (quadratic, {"inputs": {"W": "[D, C]", "X": "[N, D]"}}, {"W"}),
    "default": (quadratic, {"inputs": {"W": "[D, C]", "X": "[N, D]", "reg": 2.0}, "sizes": {"D": 2}}, {"W"}),
    "partial": (functools.partial(quadratic, X=X), {"inputs": {"W": [4, 5]}}, {"W"}),
    "layer": (forward, LAYER, {"x", "w"}),
    "one input of a layer": (forward, LAYER | {"only": "w"}, {"w"}),
    "method": (Least().loss, {"inputs": {"X": "[N, 4]"}}, {"params.W"}),
    "class": (Least, {"inputs": {"X": "[N, 4]"}, "wrt": ["params"]}, {"params.W"}),
    "object": (Least(), {"inputs": {"X": X}}, {"params.W"}),
    "gradient": (lambda x: (x**3).sum(), {"inputs": {"x": "[5]"}, "gradient": lambda x: 3 * x**2}, {"x"}),
    "value": (lambda x: 3 * x**2, {"inputs": {"x": "[5]"}, "value": lambda x: (x**3).sum()}, {"x"}),
}


@pytest.mark.parametrize("kind", DESCRIBED)
def test_a_function_of_named_inputs_is_checked_as_its_keywords_describe_it(kind):
    function, keywords, names = DESCRIBED[kind]
    report = gradcheck.check(function, batch_sizes=[1, 3], **keywords)
    assert report.passed, report.losses[0].error
    assert {batch.input for batch in report.losses[0].batches} == names
    gradcheck.assert_gradients(function, batch_sizes=2, **keywords)


def test_what_cannot_be_checked_says_how_to_describe_it_and_a_wrong_gradient_is_named():
    with pytest.raises(TargetError, match=re.escape("inputs={'W': 'normal(0, 0.5) [D, C]', 'X': '[N, D]'}")):
        gradcheck.check(lambda W, X: quadratic(W, X))
    (loss,) = gradcheck.check(quadratic, inputs={"W": "[D, C]"}).losses
    assert "takes (W, X, reg=…); not described: X\nsay what they are, for example: inputs={'W'" in loss.error
    (loss,) = gradcheck.check(backward, inputs={"dout": "[N, M]"}).losses
    assert loss.error.endswith("is checked with its forward\nname its forward, with this one as its backward")
    (loss,) = gradcheck.check(forward, **LAYER | {"backward": "backwards"}).losses
    assert "backwards: no built-in loss has this name" in loss.error
    assert gradcheck.check(forward, **LAYER | {"backward": "backward"}).passed
    with pytest.raises(AssertionError, match=r"dw (?s:.*)ignores-upstream-gradient"):
        gradcheck.assert_gradients(
            forward, **LAYER | {"backward": lambda dout, cache: (dout @ cache[1].T, cache[0].T @ np.ones_like(dout))}
        )


AT_A_POINT = {
    "function": (quadratic, {"W": W, "X": X}, {}, {"W"}),
    "lists": (quadratic, {"W": W.tolist(), "X": X.tolist(), "reg": 0.1}, {"wrt": "W"}, {"W"}),
    "layer": (forward, {"x": X, "w": W}, {"backward": backward}, {"x", "w"}),
    "gradient": (lambda x: (x**3).sum(), {"x": x}, {"gradient": lambda x: 3 * x**2, "rtol": 1e-6}, {"x"}),
    "value": (lambda x: 3 * x**2, {"x": x}, {"value": lambda x: (x**3).sum()}, {"x"}),
    "parameters": (
        lambda params, X: ((v := quadratic(params["W"], X))[0], {"W": v[1]}),
        {"params": {"W": W, "rate": 0.1}, "X": X},
        {"only": "params.*"},
        {"params.W"},
    ),
    "float32": (quadratic, {"W": W.astype(np.float32), "X": X.astype(np.float32)}, {}, {"W"}),
}


@pytest.mark.parametrize("kind", AT_A_POINT)
def test_a_function_is_checked_at_a_point_of_named_arguments(kind):
    function, point, keywords, names = AT_A_POINT[kind]
    report = gradcheck.check_at(function, point, **keywords)
    assert report.passed, report.losses[0].error or report.losses[0].findings
    assert {(batch.input, batch.scores) for batch in report.losses[0].batches} == {(name, "given") for name in names}


def test_a_point_that_does_not_fit_is_said():
    for point, words in (
        ({"W": W}, "not described: X\ngive an argument for each"),
        ({"W": W, "X": X, "y": 3}, "called with W, X, y"),
        ({"W": W * np.nan, "X": X}, "not finite"),
    ):
        assert words in gradcheck.check_at(quadratic, point).losses[0].error
    with pytest.raises(TypeError, match="unknown keyword 'inputs'"):
        gradcheck.check_at(quadratic, {"W": W, "X": X}, inputs={})


def svm(S: Any, y: Any) -> Any:
    """Not the built-in of this name."""
    return (S**2).sum() / 2, 2 * S


def test_a_report_reads_as_the_terminal_shows_it_and_gives_a_row_for_each_entry(monkeypatch: Any) -> None:
    report = gradcheck.check(svm, batch_sizes=[2], scores="normal")
    assert not report
    assert str(report).startswith("svm  ")
    assert str(report).endswith("missing-mean")
    assert "\n" not in repr(report)
    rows = report.rows()
    assert [(row["row"], row["class"]) for row in rows] == [(row, at) for row in range(2) for at in range(5)]
    assert {row["verdict"] for row in rows} == {"wrong"}
    assert all(row["analytic"] == pytest.approx(2 * row["numerical"]) for row in rows)
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert report.to_frame() == rows
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"rows\(\) gives the same"):
        report.to_frame()


def test_the_rows_of_a_problem_by_projections_are_its_worst_entries() -> None:
    report = gradcheck.check(svm, batch_sizes=[20], max_entries=10, worst=3)
    assert {len(batch.worst) for batch in report.losses[0].batches} == {3}
    assert len(report.rows()) == 6


def test_the_command_that_repeats_a_check_is_left_out_where_no_target_leads_to_the_function() -> None:
    assert gradcheck.check(svm).losses[0].rerun == ""
    assert gradcheck.check("svm").losses[0].rerun.startswith("gradcheck run svm ")
