"""Reports built by hand: what a renderer gets, with nothing computed."""

import numpy as np
import pytest

import gradcheck
from gradcheck.report import VERDICTS, BatchReport, Entry, Finding, LossReport, Report, Verdict


def make_problem(
    batch_size=3, classes=5, *, wrong=(), subgradient=(), unresolved=(), labels=(), errors=3.14e-11, **fields
):
    """A problem whose entries are all ``ok`` with one relative error, but for those named."""
    relative_errors = np.full((batch_size, classes), errors)
    verdicts = np.zeros((batch_size, classes), np.int8)
    for cells, verdict, error in (
        (subgradient, Verdict.SUBGRADIENT, 0.5),
        (unresolved, Verdict.UNRESOLVED, 1.2e-4),
        (wrong, Verdict.WRONG, 0.333),
    ):
        for cell in cells:
            relative_errors[cell], verdicts[cell] = error, VERDICTS.index(verdict)
    if labels == ():
        labels = [row % classes for row in range(batch_size)]

    def entry(row, class_):
        label, error = None if labels is None else labels[row], float(relative_errors[row, class_])
        numbers = {"score": 0.5, "analytic": 0.25, "numerical": 0.25 * (1 - error), "bound": 1e-12}
        verdict = VERDICTS[verdicts[row, class_]]
        return Entry(row, class_, label, **numbers, relative_error=error, verdict=verdict, plain=0.2468, step=0.00071)

    worst = sorted(np.ndindex(batch_size, classes), key=lambda cell: -int(verdicts[cell]))
    defaults = {
        "scores": "normal(0, 1)", "trial": 0, "seed": 0, "value": 1.25, "plan": "full",
        "evaluations": 2 * batch_size * classes + 31, "seconds": 0.004,
    }  # fmt: skip
    return BatchReport(
        batch_size=batch_size,
        classes=classes,
        labels=None if labels is None else np.array(labels),
        relative_errors=relative_errors,
        verdicts=verdicts,
        worst=tuple(entry(*cell) for cell in worst[:20]),
        **(defaults | fields),
    )


def make_loss(*batches, **fields):
    """A loss called ``svm`` with these problems."""
    defaults = {"target": "svm", "file": None, "line": None, "findings": ()}
    return LossReport(batches=batches, **(defaults | fields))


def make_report(*losses, interrupted=False, out_of_time=False):
    return Report("0.1.0", {"seed": 0, "batch_sizes": (1, 3)}, losses, interrupted, out_of_time)


problem = pytest.fixture(name="problem")(lambda: make_problem)
loss = pytest.fixture(name="loss")(lambda: make_loss)
report = pytest.fixture(name="report")(lambda: make_report)


@pytest.fixture
def mixed():
    """Two batch sizes and two kinds of scores, with every verdict, an error and a warning."""
    batches = [
        make_problem(n, 5, scores=scores, wrong=[(n - 1, 2)], unresolved=[(0, 0)], subgradient=[(0, 1)])
        for n in (3, 8)
        for scores in ("normal(0, 1)", "integers(-2, 2)")
    ]
    findings = (
        Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by the number of rows"),
        Finding("shared-buffer", "warning", "two calls return the same memory"),
    )
    return make_loss(*batches, rerun="gradcheck run svm --batch-size 3", findings=findings)


def affine(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dx[:, 1, 2] *= 2
    return dx, x.reshape(len(x), -1).T @ dout, 1.5 * dout.sum(axis=0)


@pytest.fixture(scope="session")
def wrong_layer():
    """A layer whose dx (N x 2 x 3) is wrong at x[:, 1, 2], and db everywhere; dw is right."""
    inputs = {"x": "[N, 2, 3]", "w": "[6, 4]", "b": "[4]"}
    return gradcheck.check(affine, inputs=inputs, backward=affine_backward, worst=100)


@pytest.fixture(scope="session")
def wide_weights():
    """A function of 20,000 weights, some of them wrong, which is checked by projections."""

    def cubes(W):
        dW = 3 * W**2
        dW[17, 3:9] *= 1.01
        return float((W**3).sum()), dW

    return gradcheck.check(cubes, inputs={"W": "[200, 100]"})
