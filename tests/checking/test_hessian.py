"""Second derivatives: right ones pass, wrong ones are named, and upper bounds of the diagonal are no mistake."""

import numpy as np
import pytest
from corpora import hessians

import gradcheck
from gradcheck.losses import BUILT_INS

SCORES = ["normal(0, 1)", "integers(-2, 2)", "normal(0, 0.001)", "student-t(3, 2)"]


def checked(loss, **keys):
    return gradcheck.check(loss, **{"hessian": True, "batch_sizes": [1, 3], **keys}).losses[0]


def of_hessian(report):
    return [batch for batch in report.batches if batch.input]


@pytest.mark.parametrize("loss", hessians.RIGHT)
@pytest.mark.parametrize("scores", SCORES)
def test_right_second_derivatives_pass(loss, scores):
    report = checked(loss, scores=scores)
    assert report.passed, report.findings
    assert len(of_hessian(report)) == 2
    assert sum(batch.unresolved for batch in report.batches) == 0


@pytest.mark.parametrize("name", [each for each in BUILT_INS if "hessian" in BUILT_INS[each].function.__annotations__])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_built_ins_return_their_diagonal(name, dtype):
    report = checked(name, dtype=dtype, scores=[*SCORES, "normal(0, 30)"])
    assert report.passed, report.findings
    assert len(of_hessian(report)) == 10


def changed(loss, change):
    """The loss with other second derivatives: a function of them and N."""

    def wrong(S, y):
        value, dS, H = loss(S, y)
        return value, dS, change(H, len(S))

    return wrong


@pytest.mark.parametrize("way", hessians.WRONG)
@pytest.mark.parametrize("loss", hessians.RIGHT)
def test_wrong_second_derivatives_are_found_and_named(loss, way):
    change, words = hessians.WRONG[way]
    report = checked(changed(loss, change), batch_sizes=[2, 3])
    assert report.failed
    assert any(batch.wrong for batch in of_hessian(report))
    assert all(not batch.wrong for batch in report.batches if not batch.input)
    (finding,) = (each for each in report.findings if each.severity == "error")
    assert finding.code == "wrong-hessian"
    assert words in finding.message or loss in (hessians.poisson, hessians.coupled, hessians.quartic), finding.message


@pytest.mark.parametrize("scores", ["normal(0, 1)", "uniform(-10, 10)", "normal(0, 5)"])
@pytest.mark.parametrize("factor", [lambda C: 2, lambda C: C / (C - 1)], ids=["xgboost", "lightgbm"])
def test_an_upper_bound_of_the_diagonal_is_a_note(factor, scores):
    report = checked(changed(hessians.softmax_diagonal, lambda H, N: factor(H.shape[1]) * H), scores=scores)
    assert report.passed
    assert "hessian-bound" in [finding.code for finding in report.findings]


def not_symmetric(H, N):
    H[:, 0, 1] *= 1.5
    return H


@pytest.mark.parametrize(
    ("loss", "change", "words"),
    [
        (hessians.softmax_blocks, lambda H, N: H * np.eye(H.shape[1]), ["only beside its diagonal", "it is 0 there"]),
        (hessians.softmax_blocks, not_symmetric, ["not symmetric: hess["]),
        # No second derivatives beside the diagonal, so twice as much is no bound; a third result may be probabilities.
        (hessians.logistic, lambda H, N: 2 * H, []),
        (hessians.softmax_diagonal, lambda H, N: np.full(H.shape, 7.0), []),
    ],
)
def test_other_mistakes_are_told_by_where_they_are(loss, change, words):
    wrong = changed(loss, change)
    report = checked(wrong)
    assert report.failed
    (finding,) = report.findings
    assert all(each in finding.message for each in words)
    # A third result is no hessian unless that is said.
    assert [finding.code for finding in gradcheck.check(wrong).losses[0].findings] == ["wrong-shape"]


def test_what_cannot_be_checked_is_said():
    assert "no second derivatives" in checked("svm").error
    with_strange_shape = checked(lambda S, y: (float((S**2).sum() / 2), S, np.ones((7, 7))))
    assert [finding.code for finding in with_strange_shape.findings] == ["wrong-shape"]
    assert "so it may be (1, 5) for the diagonal" in with_strange_shape.findings[0].message
    of_a_wrong_gradient = checked(lambda S, y: (float((S**2).sum() / 2), 2 * S, np.ones_like(S)))
    assert of_hessian(of_a_wrong_gradient) == []
    assert "not checked" in of_a_wrong_gradient.findings[-1].message


def test_a_large_batch_costs_two_calls_for_each_class_and_one_that_is_too_large_is_not_checked():
    def squares(S, y):
        return float((S**2).sum() / 2), S, np.ones(S.shape)

    def coupled(S, y):
        value, dS, H = squares(S, y)
        return value + S.sum() ** 2 / 2, dS + S.sum(), H + 1

    large = {"batch_sizes": [512], "classes": [40], "scores": "normal"}
    first, second = checked(squares, **large).batches
    assert first.projections is not None
    assert second.evaluations <= 2 * 40 + 150
    (finding,) = checked(coupled, **large).findings
    assert (finding.code, finding.severity) == ("not-checked", "note")
    assert "max_entries is 10,000" in finding.message


def test_second_derivatives_of_named_inputs():
    def ridge(W, b, X):
        r = X @ W + b
        return float((r**2).sum() / 2), (X.T @ r, r.sum(keepdims=True)), (X.T @ X, np.full(b.shape, float(len(X))))

    def off(W, b, X):
        value, gradients, (of_W, of_b) = ridge(W, b, X)
        return value, gradients, (of_W, of_b + 1)

    inputs = {"W": "[D]", "b": "[1]", "X": "[N, D]"}
    assert checked(ridge, inputs=inputs, wrt=["W", "b"]).passed
    report = checked(off, inputs=inputs, wrt=["W", "b"])
    assert "hess.b" in report.findings[0].message

    def newton(x):
        return float(np.cos(x).sum()), -np.sin(x), np.diag(-np.cos(x))

    assert gradcheck.check_at(newton, {"x": [1.0, 2.0, 3.0]}, hessian=True).passed


def test_gradient_and_hess_of_a_boosting_objective():
    def value(S, y):
        return float(np.logaddexp(0, S).sum() - (S[:, 0] * y).sum())

    def objective(S, y):
        p = 1 / (1 + np.exp(-S))
        return p - np.eye(S.shape[1])[0] * y[:, None], p * (1 - p)

    described = {"inputs": {"S": "[N, C]", "y": "labels"}}
    assert checked(objective, value=value, **described).passed
    wrong = checked(lambda S, y: (objective(S, y)[0], objective(S, y)[1] * S), value=value, **described)
    assert wrong.findings[0].code == "wrong-hessian"


def products(S, y, v):
    return np.einsum("ijk,ik->ij", hessians.softmax_blocks(S, y)[2], v)


def test_products_with_the_hessian():
    def loss(S, y):
        return hessians.softmax_blocks(S, y)[:2]

    report = gradcheck.check(loss, hvp=products)
    assert report.passed
    assert [each.target.endswith("second derivatives") for each in report.losses] == [False, True]
    for wrong, words in (
        (lambda S, y, v: len(S) * products(S, y, v), "N times"),
        (lambda S, y, v: -products(S, y, v), "-"),
        (lambda S, y, v: hessians.softmax_diagonal(S, y)[2] * v, ""),
    ):
        first, second = gradcheck.check(loss, hvp=wrong).losses
        assert first.passed
        assert [finding.code for finding in second.findings] == ["wrong-hessian"]
        assert words in second.findings[0].message


def test_products_of_named_inputs_and_at_a_point():
    def rosenbrock(x):
        a, b = x[:-1], x[1:] - x[:-1] ** 2
        gradient = np.zeros_like(x)
        gradient[:-1] = -400 * a * b - 2 * (1 - a)
        gradient[1:] += 200 * b
        return float((100 * b**2 + (1 - a) ** 2).sum()), gradient

    def product(x, p):
        h = np.zeros_like(x)
        h[:-1] = (1200 * x[:-1] ** 2 - 400 * x[1:] + 2) * p[:-1] - 400 * x[:-1] * p[1:]
        h[1:] += 200 * p[1:] - 400 * x[:-1] * p[:-1]
        return h

    assert gradcheck.check(rosenbrock, inputs={"x": "[5]"}, hvp=product).passed
    assert gradcheck.check_at(rosenbrock, {"x": [1.0, 2.0, -1.0]}, hvp=product).passed
    assert not gradcheck.check_at(rosenbrock, {"x": [1.0, 2.0, -1.0]}, hvp=lambda x, p: product(x, p) + x).passed


def test_order_2_needs_a_framework():
    assert "order 2 is for PyTorch and JAX" in gradcheck.check("svm", order=2).losses[0].error


@pytest.mark.parametrize("size", [1e-6, 1e-4])
def test_a_small_defect_of_one_entry_is_no_upper_bound(size):
    def quartic(S, y):
        hess = S**2
        hess[0, 0] *= 1 + size
        return float((S**4).sum() / 12), S**3 / 3, hess

    report = gradcheck.check_at(quartic, [[0.03, 1.7, -0.4]], [0], hessian=True).losses[0]
    assert [each.code for each in report.findings] == ["wrong-hessian"]


def test_second_derivatives_of_a_saturated_row_are_right():
    report = gradcheck.check_at(hessians.softmax_blocks, [[-280.0, 516.0, 617.0]], [0], hessian=True).losses[0]
    assert report.passed
    assert sum(batch.unresolved for batch in report.batches) == 0
