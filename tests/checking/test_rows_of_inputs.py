"""Inputs whose first axis is the batch's: their entries are moved in single rows, where rows do not meet."""

import numpy as np
import pytest

import gradcheck


class Counted:
    """An affine layer with tanh after it, that counts the rows which it is given."""

    def __init__(self, centred=False, defect=""):
        self.rows, self.centred, self.defect = 0, centred, defect

    def forward(self, x, w, b):
        self.rows += len(x)
        out = np.tanh((x - x.mean(axis=0) * self.centred) @ w + b)
        return out, (x, w, out)

    def backward(self, dout, cache):
        x, w, out = cache
        d = dout * (1 - out**2)
        dx = d @ w.T
        if self.centred and self.defect != "mean":
            dx -= dx.mean(axis=0)
        if self.defect == "rolled" and len(x) > 1:
            dx = np.roll(dx, 1, axis=0)
        if self.defect == "scaled":
            dx[-1, 3] *= 1.0001
        return dx, (x - x.mean(axis=0) * self.centred).T @ d, d.sum(axis=0)


INPUTS = {"x": "[N, 30]", "w": "normal(0, 0.2) [30, 3]", "b": "[3]"}


def checked(layer, plan="auto", inputs=INPUTS, **keys):
    return gradcheck.check(layer, inputs=inputs, batch_sizes=[8], plan=plan, **keys)


def verdicts(report):
    return [(each.input, each.wrong, each.unresolved, each.subgradient) for each in report.losses[0].batches]


def test_rows_that_do_not_meet_are_moved_alone():
    by_rows, whole = Counted(), Counted()
    report = checked(by_rows)
    assert report.passed
    assert report.losses[0].batches[0].why == "each entry is moved alone, those of x in single rows"
    assert checked(whole, "full").passed
    assert by_rows.rows < 0.6 * whole.rows


@pytest.mark.parametrize("defect", ["", "mean"])
def test_rows_that_meet_are_moved_in_the_batch(defect):
    report = checked(Counted(centred=True, defect=defect))
    assert report.passed is not bool(defect)
    assert verdicts(report) == verdicts(checked(Counted(centred=True, defect=defect), "full"))


@pytest.mark.parametrize(("defect", "entries"), [("rolled", 240), ("scaled", 1)])
def test_a_batch_whose_gradient_is_wrong_is_wrong_though_single_rows_are_right(defect, entries):
    report = checked(Counted(defect=defect))
    assert verdicts(report)[0][1] == entries
    assert [wrong for _, wrong, *_ in verdicts(report)[1:]] == [0, 0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_mean_over_the_rows_and_labels_beside_them(dtype):
    seen = []

    def loss(X, W, y, reg):
        seen.append(len(X))
        S, rows = X @ W, np.arange(len(X))
        p = np.exp(S - S.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        value = -np.log(p[rows, y]).mean() + reg * (W**2).sum()
        p[rows, y] -= 1
        return value, p @ W.T / len(X), X.T @ p / len(X) + 2 * reg * W

    inputs = {"X": "[N, 40]", "W": "normal(0, 0.1) [40, C]", "y": "labels", "reg": 0.1}
    report = checked(loss, inputs=inputs, wrt=["X", "W"], dtype=dtype)
    assert report.passed
    assert seen.count(1) > 2 * 8 * 40  # the regularizer is no part of a row, and does not change with X


def squares(x):
    if len(x) < 2:
        raise ValueError("a batch has two rows at least")
    return x**2


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(squares, lambda dout, x: 2 * x * dout), (lambda x: np.sin(x).sum(axis=0), lambda dout, x: dout * np.cos(x))],
    ids=["not of one row", "an output without their axis"],
)
def test_what_has_no_rows_of_its_own_is_called_with_all(forward, backward):
    assert checked(forward, inputs={"x": "[N, 40]"}, backward=backward).passed
