# ruff: noqa: E501 (a case is a line)
"""What is said of functions of named inputs: right ones that tempt the rules are never accused, wrong ones are led."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from corpora.parts import softmax
from judging import to_half

import gradcheck


class Layer(NamedTuple):
    """out = forward(x, ...), and the gradients that backward(dout, x, ...) returns."""

    forward: Any
    backward: Any


def findings_of(function, inputs, **keywords):
    """What is said of a wrong function; of a right one nothing."""
    if isinstance(function, Layer):
        layer, names = function, ", ".join(inputs)
        function = eval(f"lambda {names}: (forward({names}), ({names},))", {"forward": layer.forward})
        keywords["backward"] = lambda dout, given: layer.backward(dout, *given)
    (loss,) = gradcheck.check([function], inputs=inputs, **keywords).losses
    assert not loss.error, loss.error
    found = [each for each in loss.findings if each.severity != "note"]
    assert loss.passed == (not found)
    return found


halved = to_half("float16")
MATRIX, SQUARE = {"x": "[N, D]"}, {"x": "[4, 4]"}
SYMMETRIC = np.array([[2.0, 1.0, 0.0, 0.5], [1.0, 3.0, 1.0, 0.0], [0.0, 1.0, 2.0, 1.0], [0.5, 0.0, 1.0, 4.0]])


def scatter(shape, index, values):
    total = np.zeros(shape)
    np.add.at(total, index, values)
    return total


def one_of_each(x):
    return x == x.max(axis=1, keepdims=True)


RIGHT = {
    "a symmetric gradient is its own transpose": (lambda x: (np.sum((x + x.T) ** 2), 4 * (x + x.T)), SQUARE),
    "a quadratic form": (lambda x: (0.5 * np.sum(x @ SYMMETRIC * x), x @ SYMMETRIC), MATRIX),
    "two inputs with one gradient": (lambda a, b: (np.sum((a + b) ** 2), 2 * (a + b), 2 * (a + b)), {"a": "[N]", "b": "[N]"}),
    "each is the gradient of the other": (lambda a, b: (np.sum(a * b), b, a), {"a": "[N, D]", "b": "[N, D]"}),
    "an input without effect": (lambda x, z: (np.sum(x**2), 2 * x, 0 * z), {"x": "[N]", "z": "[N]"}),
    "a sum of positive parts": (lambda x: (np.maximum(x, 0).sum(), (x > 0) * 1.0), MATRIX),
    "the mean of all entries": (lambda x: (np.mean(x**2), 2 * x / x.size), MATRIX),
    "a penalty alone": (lambda W, reg: (0.5 * reg * np.sum(W**2), reg * W), {"W": "[D, C]", "reg": 0.1}),
    "very small": (lambda x: (1e-8 * np.sum(np.tanh(x)), 1e-8 * (1 - np.tanh(x) ** 2)), MATRIX),
    "very large": (lambda x: (1e8 * np.sum(np.tanh(x)), 1e8 * (1 - np.tanh(x) ** 2)), MATRIX),
    "a mask": (lambda x, m: (np.sum(m * x**2), 2 * m * x), {"x": "[N, D]", "m": "integers(0, 1) [N, D]"}),
    "repeated indices": (lambda W, i: (np.sum(W[i] ** 2), scatter(W.shape, i, 2 * W[i])), {"W": "[5]", "i": "integers(0, 4) [7]"}),
    "a number": (lambda a, X: (np.sum((a * X) ** 2), 2 * a * np.sum(X**2)), {"a": "normal(0, 1)", "X": "[N]"}),
    "clipped": (lambda x: (np.clip(x, -1, 1).sum(), (abs(x) < 1) * 1.0), {"x": "normal(0, 2) [N, D]"}),
    "a layer that sums up": (Layer(lambda x: np.cumsum(x, 1), lambda dout, x: np.cumsum(dout[:, ::-1], 1)[:, ::-1]), MATRIX),
    "a layer that turns round": (Layer(lambda x: x[:, ::-1], lambda dout, x: dout[:, ::-1]), MATRIX),
    "a layer that transposes": (Layer(lambda x: x.T, lambda dout, x: dout.T), SQUARE),
    "a layer of probabilities": (Layer(softmax, lambda dout, x: softmax(x) * (dout - (dout * softmax(x)).sum(1, keepdims=True))), MATRIX),
    "a layer of maxima": (Layer(lambda x: x.max(axis=1), lambda dout, x: one_of_each(x) * dout[:, None]), MATRIX),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_that_tempts_the_rules_is_not_accused(name):
    assert not findings_of(*RIGHT[name])


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: (np.sum(x**3), np.round(3 * x**2, 6)), "dx is rounded to 6 decimals"),
        (lambda x: (np.sum(halved(x) ** 2), 2 * halved(x)), "an input is rounded to float16"),
    ],
)
def test_a_right_one_that_is_rounded_gets_a_note(function, words):
    (loss,) = gradcheck.check([function], inputs=MATRIX).losses
    (note,) = loss.findings
    assert loss.passed
    assert (note.code, note.severity) == ("rounded", "note")
    assert words in note.message


def test_where_every_gradient_is_0_nothing_was_tested():
    (finding,) = (
        gradcheck.check([lambda x, z: (1.0, 0 * x, 0 * z)], inputs={"x": "[N, D]", "z": "[2]"}).losses[0].findings
    )
    assert (finding.code, finding.severity) == ("vacuous", "warning")
    assert finding.message.startswith("the gradient and the numerical gradient are 0 in all 54 entries of 3 problems")
    assert "differentiated" in finding.hint


def windows(x, w):
    return np.stack([x[:, k : k + 3] @ w for k in range(x.shape[1] - 2)], axis=1)


def windows_overwritten(dout, x, w):
    dx = np.zeros_like(x)
    for k in range(dout.shape[1]):
        dx[:, k : k + 3] = dout[:, k : k + 1] * w
    return dx, sum(x[:, k : k + 3].T @ dout[:, k] for k in range(dout.shape[1]))


def ridge(x, X, reg, factor):
    return 0.5 * np.sum((X @ x) ** 2) + reg * np.sum(x**2), X.T @ (X @ x) + factor * reg * x


RIDGE = {"x": "[D]", "X": "[N, D]", "reg": 0.1}
SIGNAL = {"x": "[N, 7]", "w": "[3]"}
WRONG = {
    "the later sums": (Layer(lambda x: np.cumsum(x, 1), lambda dout, x: dout), MATRIX, "lacks its part of the outputs whose index of axis 1 is later than its own"),
    "the other outputs of a row": (Layer(softmax, lambda dout, x: dout * softmax(x) * (1 - softmax(x))), MATRIX, "lacks its part of the outputs whose index of axis 1 is not its own of axis 1"),
    "sum over the wrong axis": (Layer(softmax, lambda dout, x: softmax(x) * (dout - (dout * softmax(x)).sum(0))), MATRIX, "has a part of the outputs whose index of axis 0 is not its own of axis 0"),
    "not turned back": (Layer(lambda x: x[:, ::-1], lambda dout, x: dout), MATRIX, "reversed along axis 1"),
    "not transposed back": (Layer(lambda x: x.T, lambda dout, x: dout), SQUARE, "transposed"),
    "the Jacobian itself": (Layer(lambda x: x @ SYMMETRIC[::-1], lambda dout, x: dout @ SYMMETRIC[::-1]), MATRIX, "its transpose belongs"),
    "overlapping windows overwritten": (Layer(windows, windows_overwritten), SIGNAL, "the last alone"),
    "the first row lost": (Layer(lambda w, x: x @ w, lambda dout, w, x: x[1:].T @ dout[1:]), {"w": "[D]", "x": "[N, D]"}, "index 0 of axis 0"),
    "ones upstream": (Layer(lambda x: np.tanh(x), lambda dout, x: 1 - np.tanh(x) ** 2), MATRIX, "the same whatever the upstream gradient is"),
    "an activation forgotten": (Layer(lambda w, x: np.tanh(x @ w), lambda dout, w, x: x.T @ dout), {"w": "[D, 2]", "x": "[N, D]"}, "has 1 where the gradient has 1 - out^2"),
    "of a number, the first row alone": (Layer(lambda a, X: a * X, lambda dout, a, X: dout[0] * X[0]), {"a": "normal(0, 1)", "X": "[N]"}, "outputs at indices 1 and above"),
    "to a number": (Layer(lambda x: np.sum(x**2), lambda dout, x: dout * x**3), MATRIX, "dx"),
    "no path over the mean": (lambda x: (np.sum((x - x.mean(0)) ** 3), 3 * (x - x.mean(0)) ** 2), {"x": "[5, D]"}, "by a number that is the same along axis 0"),
    "one index": (lambda x: (np.sum(x**2), 2 * x * (np.arange(4) != 2)), {"x": "[4]"}, "wrong only at index 2"),
    "a slice that ends early": (lambda x: (np.sum(x**2), 2 * x * (np.arange(8) > 3)), {"x": "[8]"}, "wrong only at indices 0 to 3"),
    "every other index": (lambda x: (np.sum(x**2), 2 * x * (np.arange(8) % 2)), {"x": "[8]"}, "indices 0, 2, 4, 6 (every second)"),
    "no penalty": (lambda x, X, reg: ridge(x, X, reg, 0.0), RIDGE, "the regularizer's gradient is missing"),
    "half the penalty": (lambda x, X, reg: ridge(x, X, reg, 1.0), RIDGE, "the regularizer's factor: dx has 1·reg·x, the value's gradient 2·reg·x"),
    "another penalty": (lambda x, X, reg: (0.5 * np.sum((X @ x) ** 2) + reg * np.sum(np.abs(x)), X.T @ (X @ x) + reg * x), RIDGE, "dx has 1·reg·x, the value's gradient 1·reg·sign(x)"),
    "not clipped": (lambda x: (np.clip(x, -1, 1).sum(), np.ones_like(x)), {"x": "normal(0, 2) [N, D]"}, "wrong where |x| > 1"),
    "an index counted once": (lambda W, i: (np.sum(W[i] * np.arange(1, 8)), last(W, i)), {"W": "[5]", "i": "integers(0, 4) [7]"}, "more than once"),
    "a sum for all": (lambda b, X: (np.sum((X + b) ** 2), np.full_like(b, (2 * (X + b)).sum())), {"b": "[D]", "X": "[N, D]"}, "summed over axis 0"),
    "averaged": (lambda b, X: (np.sum((X + b) ** 2), np.full_like(b, (2 * (X + b)).sum(0).mean())), {"b": "[D]", "X": "[N, D]"}, "averaged over axis 0"),
    "shifted": (lambda x: (np.sum(x**3), np.roll(3 * x**2, 1, axis=1)), {"x": "[N, 6]"}, "shifted by 1 along axis 1"),
    "three axes reshaped, not exchanged": (lambda x: (np.sum(x**3), (3 * x**2).reshape(2, 3, 4).transpose(2, 0, 1)), {"x": "[4, 2, 3]"}, "reshaped in another order of its axes (1, 2, 0)"),
    "each given the other's": (lambda a, b: (np.sum(a**2 * b), a**2, 2 * a * b), {"a": "[N, D]", "b": "[N, D]"}, "they are exchanged"),
    "times a weight too many": (lambda x, s: (np.sum(s[:, None] * x**2), 2 * s[:, None] ** 2 * x), {"x": "[5, D]", "s": "uniform(1, 2) [5]"}, "times s, along axis 0"),
    "rounded": (lambda x: (np.sum(x**3), np.round(3 * x**2, 1)), MATRIX, "dx is rounded to 1 decimal"),
    "nothing known": (lambda x, z: (np.sum(x**2) + np.sum(z**2), 2 * x + np.sin(7 * x) * np.cos(x[::-1]), 2 * z), {"x": "[9]", "z": "[2]"}, "no known cause fits; dz is right"),
}  # fmt: skip


def last(W, i):
    """= in place of +=."""
    total = np.zeros_like(W)
    total[i] = np.arange(1, 8)
    return total


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_led_by_what_is_wrong(name):
    *function, words = WRONG[name]
    findings = findings_of(*function)
    assert words in findings[0].message, [each.message for each in findings]


def test_an_output_that_is_ignored_is_named():
    def of_two(x):
        return np.sin(x), np.cos(x), x

    leading, *_ = findings_of(of_two, MATRIX, backward=lambda dout, dother, x: dout * np.cos(x))
    assert leading.code == "ignores-upstream-gradient"
    assert "lacks its part of output 1 of the 2" in leading.message


def test_several_gradients_that_are_wrong_alike_share_a_sentence():
    layer = Layer(lambda x, z: np.cumsum(x + z, 1), lambda dout, x, z: (dout, dout))
    leading, *_ = findings_of(layer, {"x": "[N, D]", "z": "[N, D]"})
    assert leading.message.startswith("each of dx and dz lacks its part of the outputs whose index")


def test_a_gradient_of_integers_is_named():
    def loss(w, X, y):
        r = X @ w - y
        return (r**2).sum(), np.trunc(2 * X.T @ r).astype(int)

    (finding,) = findings_of(loss, {"w": "[6]", "X": "[N, 6]", "y": "[N]"}, wrt=["w"])
    assert finding.code == "truncated-to-integer"
    assert "dw came as an array of integers: the numerical gradient truncated towards 0" in finding.message


def test_a_cache_of_an_earlier_call_is_named_though_every_entry_is_right():
    caches = {}

    def forward(x, w):
        return np.tanh(x @ w), caches.setdefault((x.shape, w.shape), (x.copy(), w.copy()))

    def backward(dout, cache):
        x, w = cache
        d = dout * (1 - np.tanh(x @ w) ** 2)
        return d @ w.T, x.T @ d

    (finding,) = findings_of(forward, {"x": "[N, 4]", "w": "[4, 3]"}, backward=backward)
    assert finding.code == "not-deterministic"
    assert finding.message.startswith("the gradient depends on earlier calls: it is right at the points of a problem")
