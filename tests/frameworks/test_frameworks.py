"""Whose arrays a loss gets, tried on a framework that is made up here."""

from __future__ import annotations

import functools
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks.conftest import SMALL, Run, S, Y, adapted

import gradcheck
from gradcheck.checking.contract import inspect_at_first
from gradcheck.errors import UsageError
from gradcheck.functions import frameworks
from gradcheck.functions.frameworks import require
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import silenced
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport


class Array:
    """The made-up framework's: half the sum of its squares knows its gradient."""

    def __init__(self, numbers: Any, gradient: Any = None) -> None:
        self.numbers, self.gradient = numbers, gradient

    def half_square(self) -> Array:
        return Array((self.numbers**2).sum() / 2, self.numbers)


Array.__module__ = "fakeframework.core"


def by_hand(function: Any) -> Any:
    @functools.wraps(function)
    def loss(scores: Any, labels: Any) -> Any:
        value, gradient = function(Array(scores), labels)
        return value.numbers, gradient.numbers

    return loss


def by_graph(function: Any) -> Any:
    @functools.wraps(function)
    def loss(scores: Any, labels: Any) -> Any:
        value = function(Array(scores), labels)
        return value.numbers, value.gradient

    return loss


@pytest.fixture(autouse=True)
def _only_the_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "FRAMEWORKS", {"fake": ("fakeframework",)})
    module = types.ModuleType("fake_")
    module.TOOLKIT = types.SimpleNamespace(adapters=(by_hand, by_graph))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"{frameworks.__name__}.fake_", module)
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))  # as if the user's code had imported one


class Calls:
    """Counts the calls of a loss, and what kind of scores each got."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.kinds: list[str] = []

    def __call__(self, S: Any, y: Any) -> Any:
        self.kinds.append(type(S).__name__)
        return self.function(S, y)


def met(function: Any, framework: Any = "auto") -> Function:
    """The loss as it is called after its first inspection."""
    with silenced() as stderr:
        return inspect_at_first(Function("mine", function), S, Y, stderr, framework)[0]


def report_of(function: Any, **options: Any) -> LossReport:
    return gradcheck.check(function, SMALL, **options).losses[0]


def lone(S: Any, y: Any) -> Any:
    return (S if isinstance(S, Array) else Array(S)).half_square()


def pair(S: Any, y: Any) -> Any:
    value = lone(S, y)
    return value, Array(value.gradient)


@pytest.mark.parametrize("function", [lone, pair])
def test_a_framework_is_recognised_by_what_the_loss_returns(function: Any) -> None:
    loss = met(function)
    assert loss.framework == "fake"
    value, gradient = loss.call(S.copy(), Y)
    assert value == (S**2).sum() / 2
    np.testing.assert_array_equal(gradient, S)


def test_it_is_checked_in_that_framework_and_the_report_says_so() -> None:
    calls = Calls(lone)
    report = report_of(calls)
    assert report.passed
    assert report.framework == "fake"
    assert calls.kinds.count("ndarray") == 1
    assert calls.kinds[0] == "ndarray"


def test_a_loss_of_numpys_costs_no_call_more() -> None:
    calls = Calls(BUILT_INS["softmax"].function)
    report = report_of(calls)
    assert report.framework == "numpy"
    assert len(calls.kinds) == report.batches[0].evaluations


def test_an_answer_that_is_no_use_either_way_is_told_in_the_frameworks_words() -> None:
    def loss(S: Any, y: Any) -> Any:
        return {"loss": 1} if isinstance(S, Array) else Array(1.0)

    report = report_of(loss)
    assert report.framework == "fake"
    assert [finding.code for finding in report.findings] == ["raises"]


def test_where_asked_for_numpy_nothing_is_recognised() -> None:
    report = report_of(lone, framework="numpy")
    assert report.framework == "numpy"
    assert "returns a Array, not a pair" in report.findings[0].message


def takes_nothing_else(S: Any, y: Any) -> Any:
    return S.half_square()


def test_a_loss_that_raises_is_tried_with_the_arrays_of_an_imported_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fakeframework", types.ModuleType("fakeframework"))
    assert met(takes_nothing_else).framework == "fake"
    assert report_of(takes_nothing_else).passed


def test_a_mistake_that_has_nothing_to_do_with_arrays_is_told_as_it_is() -> None:
    def loss(S: Any, y: Any) -> Any:
        raise ValueError("a mistake")

    report = report_of(loss)
    assert report.framework == "numpy"
    assert "raises ValueError: a mistake" in report.findings[0].message


def test_a_mistake_within_the_framework_is_told_as_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fakeframework", types.ModuleType("fakeframework"))

    def loss(S: Any, y: Any) -> Any:
        return (S.half_square().numbers, "mistake" + 1)

    report = report_of(loss)
    assert report.framework == "fake"
    assert 'can only concatenate str (not "int") to str' in report.findings[0].message


def test_by_name_the_loss_never_sees_another_array() -> None:
    calls = Calls(lone)
    loss = adapted(Function("mine", calls), "fake", S, Y)
    assert loss.framework == "fake"
    loss.call(S, Y)
    assert set(calls.kinds) == {"Array"}


def test_the_built_in_losses_are_numpys_in_every_run() -> None:
    loss = Function("svm", BUILT_INS["svm"].function, by_name=True)
    assert adapted(loss, "fake", S, Y) is loss


def test_scores_and_labels_are_left_untouched_while_adapters_are_tried() -> None:
    def loss(S: Array, y: Any) -> Any:
        S.numbers += 1
        y += 1
        return S.half_square()

    scores, labels = S.copy(), Y.copy()
    adapted(Function("mine", loss), "fake", scores, labels)
    np.testing.assert_array_equal(scores, S)
    np.testing.assert_array_equal(labels, Y)


def test_a_loss_that_works_in_no_way_is_told_what_the_usual_one_says() -> None:
    def loss(S: Any, y: Any) -> Any:
        raise KeyError("usual")

    assert adapted(Function("mine", loss), "fake", S, Y).adapter is by_graph


def test_a_framework_that_is_not_there_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"pip install 'gradcheck\[fake\]'"):
        require("fake")
    with pytest.raises(UsageError, match="framework: should be 'auto', 'numpy'"):
        gradcheck.check("svm", framework="tensorflow")
    monkeypatch.setitem(sys.modules, "fakeframework", types.ModuleType("fakeframework"))
    require("fake")


TORCH = """\
import torch
import torch.nn.functional as F

def right(S, y):
    return F.cross_entropy(S, y)

def wrong(S, y):
    value = F.cross_entropy(S, y)
    (gradient,) = torch.autograd.grad(value, S)
    return value, gradient * 1.001
"""
JAX = """\
import jax
import jax.numpy as jnp

@jax.jit
def right(S, y):
    return -jnp.mean(jax.nn.log_softmax(S)[jnp.arange(len(y)), y])

def wrong(S, y):
    value, gradient = jax.value_and_grad(right)(S, y)
    return value, gradient * 1.001
"""


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


@pytest.mark.parametrize("options", [False, True], ids=["auto", "named"])
@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param(name, source, marks=(getattr(pytest.mark, name), needs(name)))
        for name, source in (("torch", TORCH), ("jax", JAX))
    ],
)
def test_the_command_line_checks_losses_of_a_framework(name: str, source: str, options: bool, run_json: Run) -> None:
    framework = ("--framework", name) if options else ()
    code, report, _ = run_json(source, "mine:right", "mine:wrong", "svm", "--batch-size", "2", *framework)
    assert code == 1
    right, wrong, svm = report["losses"]
    of_each = [(loss["passed"], loss["framework"]) for loss in (right, wrong, svm)]
    assert of_each == [(True, name), (False, name), (True, "numpy")]
    assert wrong["batches"][0]["wrong"] == 10
    assert wrong["rerun"].endswith(f"--framework {name}") is options


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_on_the_command_line_it_is_exit_code_2_with_what_to_install(name: str, run_json: Run, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}')")
    code, report, said = run_json("", "svm", "--framework", name, PYTHONPATH=str(tmp_path / "without"))
    assert (code, report) == (2, None)
    assert f"pip install 'gradcheck[{name}]'" in said
    assert "Traceback" not in said


def test_a_plain_run_imports_no_framework() -> None:
    source = (
        "import sys, gradcheck\n"
        "assert gradcheck.check('svm').passed\n"
        "print(sorted({'torch', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
