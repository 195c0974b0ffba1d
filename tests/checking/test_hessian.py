"""Second derivatives: right ones pass, wrong ones are named, and upper bounds of the diagonal are no mistake."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import gradcheck
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport
from tests.corpora import hessians

_Array = npt.NDArray[Any]
SCORES = ["normal(0, 1)", "integers(-2, 2)", "normal(0, 0.001)", "student-t(3, 2)"]


def checked(loss: Any, **keys: Any) -> LossReport:
    return gradcheck.check(loss, **{"hessian": True, "batch_sizes": [1, 3], **keys}).losses[0]


def of_hessian(report: LossReport) -> list[Any]:
    return [batch for batch in report.batches if batch.input]


@pytest.mark.parametrize("loss", hessians.RIGHT)
@pytest.mark.parametrize("scores", SCORES)
def test_right_second_derivatives_pass(loss: Callable[..., Any], scores: str) -> None:
    report = checked(loss, scores=scores)
    assert report.passed, report.findings
    assert len(of_hessian(report)) == 2
    assert sum(batch.unresolved for batch in report.batches) == 0


@pytest.mark.parametrize("name", [each for each in BUILT_INS if "hessian" in BUILT_INS[each].function.__annotations__])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_built_ins_return_their_diagonal(name: str, dtype: str) -> None:
    report = checked(name, dtype=dtype, scores=[*SCORES, "normal(0, 30)"])
    assert report.passed, report.findings
    assert len(of_hessian(report)) == 10


@pytest.mark.parametrize("way", hessians.WRONG)
@pytest.mark.parametrize("loss", hessians.RIGHT)
def test_wrong_second_derivatives_are_found_and_named(loss: Callable[..., Any], way: str) -> None:
    change, words = hessians.WRONG[way]

    def wrong(S: _Array, y: _Array) -> Any:
        value, dS, H = loss(S, y)
        return value, dS, change(H, len(S))

    report = checked(wrong, batch_sizes=[2, 3])
    assert report.failed
    assert any(batch.wrong for batch in of_hessian(report))
    assert all(not batch.wrong for batch in report.batches if not batch.input)
    (finding,) = (each for each in report.findings if each.severity == "error")
    assert finding.code == "wrong-hessian"
    assert words in finding.message or loss in (hessians.poisson, hessians.coupled, hessians.quartic), finding.message


def test_an_upper_bound_of_the_diagonal_is_a_note() -> None:
    def xgboost(S: _Array, y: _Array) -> Any:
        value, dS, H = hessians.softmax_diagonal(S, y)
        return value, dS, 2 * H

    def lightgbm(S: _Array, y: _Array) -> Any:
        value, dS, H = hessians.softmax_diagonal(S, y)
        return value, dS, S.shape[1] / (S.shape[1] - 1) * H

    for bound, scores in itertools.product((xgboost, lightgbm), ("normal(0, 1)", "uniform(-10, 10)", "normal(0, 5)")):
        report = checked(bound, scores=scores)
        assert report.passed
        assert "hessian-bound" in [finding.code for finding in report.findings]

    def doubled(S: _Array, y: _Array) -> Any:  # no second derivatives beside the diagonal: it bounds nothing
        value, dS, H = hessians.logistic(S, y)
        return value, dS, 2 * H

    assert checked(doubled).failed


def test_a_block_without_its_entries_beside_the_diagonal_is_wrong_there() -> None:
    def loss(S: _Array, y: _Array) -> Any:
        value, dS, H = hessians.softmax_blocks(S, y)
        return value, dS, H * np.eye(S.shape[1])

    (finding,) = checked(loss).findings
    assert "wrong only beside its diagonal" in finding.message
    assert "it is 0 there" in finding.message


def test_a_matrix_that_is_not_symmetric_is_told() -> None:
    def loss(S: _Array, y: _Array) -> Any:
        value, dS, H = hessians.softmax_blocks(S, y)
        H[:, 0, 1] *= 1.5
        return value, dS, H

    (finding,) = checked(loss).findings
    assert "not symmetric: hess[" in finding.message


def test_a_third_result_is_no_hessian_unless_that_is_said() -> None:
    def loss(S: _Array, y: _Array) -> Any:
        value, dS, _ = hessians.softmax_diagonal(S, y)
        return value, dS, np.full(S.shape, 7.0)  # as probabilities might be

    assert [finding.code for finding in gradcheck.check(loss).losses[0].findings] == ["wrong-shape"]
    assert checked(loss).failed


def test_what_cannot_be_checked_is_said() -> None:
    assert "no second derivatives" in checked("svm").error
    with_strange_shape = checked(lambda S, y: (float((S**2).sum() / 2), S, np.ones((7, 7))))
    assert [finding.code for finding in with_strange_shape.findings] == ["wrong-shape"]
    assert "so it may be (1, 5) for the diagonal" in with_strange_shape.findings[0].message
    of_a_wrong_gradient = checked(lambda S, y: (float((S**2).sum() / 2), 2 * S, np.ones_like(S)))
    assert of_hessian(of_a_wrong_gradient) == []
    assert "not checked" in of_a_wrong_gradient.findings[-1].message


def test_a_large_batch_costs_two_calls_for_each_class_and_one_that_is_too_large_is_not_checked() -> None:
    def squares(S: _Array, y: _Array) -> Any:
        return float((S**2).sum() / 2), S, np.ones(S.shape)

    def coupled(S: _Array, y: _Array) -> Any:
        value, dS, H = squares(S, y)
        return value + S.sum() ** 2 / 2, dS + S.sum(), H + 1

    large = {"batch_sizes": [512], "classes": [40], "scores": "normal"}
    first, second = checked(squares, **large).batches
    assert first.projections is not None
    assert second.evaluations <= 2 * 40 + 150
    (finding,) = checked(coupled, **large).findings
    assert (finding.code, finding.severity) == ("not-checked", "note")
    assert "max_entries is 10,000" in finding.message


def test_second_derivatives_of_named_inputs() -> None:
    def ridge(W: _Array, b: _Array, X: _Array) -> Any:
        r = X @ W + b
        return float((r**2).sum() / 2), (X.T @ r, r.sum(keepdims=True)), (X.T @ X, np.full(b.shape, float(len(X))))

    def off(W: _Array, b: _Array, X: _Array) -> Any:
        value, gradients, (of_W, of_b) = ridge(W, b, X)
        return value, gradients, (of_W, of_b + 1)

    inputs = {"W": "[D]", "b": "[1]", "X": "[N, D]"}
    assert checked(ridge, inputs=inputs, wrt=["W", "b"]).passed
    report = checked(off, inputs=inputs, wrt=["W", "b"])
    assert "hess.b" in report.findings[0].message

    def newton(x: _Array) -> Any:
        return float(np.cos(x).sum()), -np.sin(x), np.diag(-np.cos(x))

    assert gradcheck.check_at(newton, {"x": [1.0, 2.0, 3.0]}, hessian=True).passed


def test_gradient_and_hess_of_a_boosting_objective() -> None:
    def value(S: _Array, y: _Array) -> float:
        return float(np.logaddexp(0, S).sum() - (S[:, 0] * y).sum())

    def objective(S: _Array, y: _Array) -> Any:
        p = 1 / (1 + np.exp(-S))
        return p - np.eye(S.shape[1])[0] * y[:, None], p * (1 - p)

    described = {"inputs": {"S": "[N, C]", "y": "labels"}}
    assert checked(objective, value=value, **described).passed
    wrong = checked(lambda S, y: (objective(S, y)[0], objective(S, y)[1] * S), value=value, **described)
    assert wrong.findings[0].code == "wrong-hessian"


def _products(S: _Array, y: _Array, v: _Array) -> _Array:
    return np.asarray(np.einsum("ijk,ik->ij", hessians.softmax_blocks(S, y)[2], v))


def test_products_with_the_hessian() -> None:
    def loss(S: _Array, y: _Array) -> Any:
        return hessians.softmax_blocks(S, y)[:2]

    report = gradcheck.check(loss, hvp=_products)
    assert report.passed
    assert [each.target.endswith("second derivatives") for each in report.losses] == [False, True]
    for wrong, words in (
        (lambda S, y, v: len(S) * _products(S, y, v), "N times"),
        (lambda S, y, v: -_products(S, y, v), "-"),
        (lambda S, y, v: hessians.softmax_diagonal(S, y)[2] * v, ""),
    ):
        first, second = gradcheck.check(loss, hvp=wrong).losses
        assert first.passed
        assert [finding.code for finding in second.findings] == ["wrong-hessian"]
        assert words in second.findings[0].message


def test_products_of_named_inputs_and_at_a_point() -> None:
    def rosenbrock(x: _Array) -> Any:
        a, b = x[:-1], x[1:] - x[:-1] ** 2
        gradient = np.zeros_like(x)
        gradient[:-1] = -400 * a * b - 2 * (1 - a)
        gradient[1:] += 200 * b
        return float((100 * b**2 + (1 - a) ** 2).sum()), gradient

    def product(x: _Array, p: _Array) -> _Array:
        h = np.zeros_like(x)
        h[:-1] = (1200 * x[:-1] ** 2 - 400 * x[1:] + 2) * p[:-1] - 400 * x[:-1] * p[1:]
        h[1:] += 200 * p[1:] - 400 * x[:-1] * p[:-1]
        return h

    assert gradcheck.check(rosenbrock, inputs={"x": "[5]"}, hvp=product).passed
    assert gradcheck.check_at(rosenbrock, {"x": [1.0, 2.0, -1.0]}, hvp=product).passed
    assert not gradcheck.check_at(rosenbrock, {"x": [1.0, 2.0, -1.0]}, hvp=lambda x, p: product(x, p) + x).passed


def test_order_2_needs_a_framework() -> None:
    assert "order 2 is for PyTorch and JAX" in gradcheck.check("svm", order=2).losses[0].error
