"""Losses of JAX's: right ones pass, wrong rules are found, in 64 bits whatever the user's setting."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from frameworks import conftest
from frameworks.conftest import CONFIG, SPOILS, Make, S, Y, adapted, is_all_right, shows_only_lines_of

import gradcheck
from gradcheck.functions.function import Function

pytestmark = pytest.mark.jax

report_of, only_finding = partial(conftest.report_of, of="jax"), partial(conftest.only_finding, of="jax")


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax")


def each_row(jax: Any) -> Any:
    return lambda S, y: -jax.nn.log_softmax(S)[jax.numpy.arange(len(y)), y]


def softmax(jax: Any) -> Any:
    return lambda S, y: each_row(jax)(S, y).mean()


def jitted(jax: Any) -> Any:
    return jax.jit(softmax(jax))


def by_hand(jax: Any) -> Any:
    @jax.jit
    def loss(S: Any, y: Any) -> Any:
        rows = jax.numpy.arange(len(y))
        log_p = jax.nn.log_softmax(S)
        return -log_p[rows, y].mean(), jax.numpy.exp(log_p).at[rows, y].add(-1) / len(y)

    return loss


def by_grad_of_its_own(jax: Any) -> Any:
    return jax.value_and_grad(jitted(jax))


def from_arrays(jax: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        T = S.copy()
        T[T < 0] = 0  # no array of JAX's takes that
        return jax.numpy.sum(jax.numpy.asarray(T) ** 2) / 2, jax.numpy.asarray(T)

    return loss


@pytest.mark.parametrize("framework", ["auto", "jax"])
@pytest.mark.parametrize("make", [softmax, jitted, each_row, by_hand, by_grad_of_its_own, from_arrays])
def test_a_right_loss_passes_however_it_is_written(make: Make, framework: Any, jax: Any) -> None:
    assert is_all_right(report_of(make(jax), CONFIG, framework=framework))


def test_a_subgradient_of_jaxs_at_a_tie_is_no_false_alarm(jax: Any) -> None:
    @jax.jit
    def hinge(S: Any, y: Any) -> Any:
        rows = jax.numpy.arange(len(y))
        margins = jax.numpy.maximum(0, S - S[rows, y][:, None] + 1)
        return margins.at[rows, y].set(0).sum() / len(y)

    config = gradcheck.Config(batch_sizes=[3, 8], classes=5, scores="integers", trials=2)
    report = report_of(hinge, config)
    assert report.passed
    assert sum(batch.subgradient for batch in report.batches) > 3


def test_a_reduction_is_offered_and_taken(jax: Any) -> None:
    rows = each_row(jax)

    def loss(S: Any, y: Any, reduction: str = "mean") -> Any:
        return rows(S, y) if reduction == "none" else rows(S, y).mean()

    compiled = jax.jit(loss, static_argnames="reduction")
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    for function in (loss, compiled):
        other = adapted(Function("mine", function), "jax", S, Y)
        assert other.each_row_options == {"reduction": "none"}
        values, gradient = other.call(S.copy(), Y, reduction="none")
        np.testing.assert_allclose(values, -np.log(p[[0, 1], Y]))
        np.testing.assert_allclose(gradient, p - np.eye(3)[Y])
    assert {batch.plan for batch in report_of(compiled).batches} == {"per-sample"}


def with_custom_vjp(jax: Any, spoil: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Softmax cross-entropy whose backward pass is ``spoil`` of the right one."""

    @jax.custom_vjp
    def loss(S: Any, y: Any) -> Any:
        return softmax(jax)(S, y)

    def backward(saved: Any, upstream: Any) -> Any:
        S, y = saved
        rows = jax.numpy.arange(len(y))
        return upstream * spoil(jax.nn.softmax(S).at[rows, y].add(-1) / len(y)), None

    loss.defvjp(lambda S, y: (loss(S, y), (S, y)), backward)
    return loss


@pytest.mark.parametrize("framework", ["auto", "jax"])
@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_wrong_custom_vjp_is_found(spoil: Any, framework: Any, jax: Any) -> None:
    report = report_of(jax.jit(with_custom_vjp(jax, spoil)), framework=framework)
    assert not report.passed
    assert report.batches[0].wrong == 6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["class", "real"])
@pytest.mark.parametrize("compiled", [False, True])
def test_scores_come_in_the_dtype_of_the_config_and_classes_as_int64(
    dtype: str, kind: str, compiled: bool, jax: Any
) -> None:
    seen = set()

    def loss(S: Any, y: Any) -> Any:
        assert isinstance(y, jax.Array)
        seen.add((str(S.dtype), str(y.dtype)))
        return (S**2).sum()

    config = gradcheck.Config(batch_sizes=2, classes=3, scores="normal", labels={"kind": kind}, dtype=dtype)
    assert report_of(jax.jit(loss) if compiled else loss, config, framework="jax").passed
    assert seen == {(one, "int64" if kind == "class" else one) for one in ("float64", dtype)}


def test_the_users_own_setting_stays_as_it_is(jax: Any) -> None:
    assert report_of(jitted(jax)).passed
    assert jax.numpy.zeros(1).dtype == np.float32


@pytest.mark.parametrize("make", [softmax, jitted])
def test_complex_scores_get_a_complex_value(make: Make, jax: Any) -> None:
    function = make(jax)
    loss = adapted(Function("mine", lambda S, y: jax.numpy.exp(S).sum()), "jax", S, Y)
    value, _ = loss.call(S + 1e-3j, Y)
    assert complex(value) == pytest.approx(complex(np.exp(S + 1e-3j).sum()))
    assert adapted(Function("mine", function), "jax", S, Y).framework == "jax"


def test_what_is_random_or_keeps_a_state_is_not_traced_away(jax: Any) -> None:
    rng, calls = np.random.default_rng(0), itertools.count()
    for loss in (
        lambda S, y: jax.numpy.sum(S) * rng.random(),
        lambda S, y: jax.numpy.sum(S**2) * (1 + (next(calls) > 20)),
    ):
        assert only_finding(loss, framework="jax").code == "not-deterministic"


def test_an_array_that_nobody_can_change_is_no_shared_buffer(jax: Any) -> None:
    with jax.enable_x64(True):
        ones = jax.numpy.ones((2, 3))
    assert report_of(lambda S, y: (jax.numpy.sum(S), ones)).passed
    assert not report_of(lambda S, y: (jax.numpy.sum(S), ones)).findings


def test_scores_cannot_be_changed_and_that_is_said(jax: Any) -> None:
    def loss(S: Any, y: Any) -> Any:
        S[0] = 0
        return jax.numpy.sum(S)

    finding = only_finding(loss)
    assert "immutable" in finding.message
    assert "S[0] = 0" in finding.details


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda jax: lambda S, y: jax.numpy.sum(y), "wrong-dtype", "the value has dtype int64"),
        (lambda jax: lambda S, y: (jax.numpy.sum(S), None), "wrong-shape", "dS is None"),
        (lambda jax: lambda S, y: (jax.numpy.sum(S), jax.numpy.ones(3)), "wrong-shape", "dS has shape (3,)"),
        (lambda jax: lambda S, y: jax.numpy.sum(S, axis=0), "wrong-shape", "the value has shape (3,)"),
        (lambda jax: lambda S, y: {"loss": jax.numpy.sum(S)}, "wrong-shape", "returns a dict, neither"),
        (lambda jax: lambda S, y: (jax.numpy.sum(S), jax.random.key(0)), "wrong-dtype", "dS is no array of numbers"),
    ],
    ids=["integer", "None", "shape", "rows", "dict", "key"],
)
def test_an_answer_that_is_no_use_is_named(make: Make, code: str, words: str, jax: Any) -> None:
    finding = only_finding(make(jax), framework="jax")
    assert (finding.code, finding.details) == (code, "")
    assert words in finding.message


@pytest.mark.parametrize("framework", ["auto", "jax"])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_users_lines_are_shown_and_none_of_jaxs(compiled: bool, framework: Any, jax: Any) -> None:
    def loss(S: Any, y: Any) -> Any:
        return jax.numpy.dot(S, jax.numpy.ones(7)).sum()

    finding = only_finding(jax.jit(loss) if compiled else loss, framework=framework)
    assert finding.code == "raises"
    assert "jax.numpy.dot(S, jax.numpy.ones(7))" in finding.details
    assert shows_only_lines_of(finding, __file__)
    assert "FILTERING" not in finding.details
