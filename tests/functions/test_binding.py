"""Functions of named inputs from Python: which result is whose gradient, in every form in which people write them."""

import functools
import re
from collections import namedtuple

import numpy as np
import pytest

import gradcheck
from gradcheck.errors import TargetError

RNG = np.random.default_rng(0)
W, X, B = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4)), RNG.normal(size=5)


def quadratic(W, X, reg=0.5):
    return ((X @ W) ** 2).sum() + reg * (W**2).sum(), 2 * X.T @ (X @ W) + 2 * reg * W


def forward(x, w):
    return x @ w, (x, w)


def backward(dout, cache):
    return dout @ cache[1].T, cache[0].T @ dout


class Model:
    """Takes for granted that its parameters are set anew before every call."""

    def __init__(self):
        self.params = {"W": W}

    def loss(self, X):
        self.params["W"] = 2.0 * self.params["W"]
        value, dW = quadratic(self.params["W"], X)
        return value, {"W": 2.0 * dW}


class Tanh:
    """An object of it is for one call."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        assert self.calls == 1
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


def of_list(p):
    return (p[0] ** 2).sum() + (p[1] ** 2).sum(), [2 * p[0], 2 * p[1]]


def of_dict(params, X):
    W, b = params["W"], params["layers"][0]
    return (W**2).sum() + b.sum(), {"layers": [np.ones(5)], "W": 2 * W}


def several(returned):
    return lambda W, b: returned((W**2).sum() + (b**3).sum(), 2 * W, 3 * b**2)


def passes(report, names):
    assert report.passed, report.losses[0].error or report.losses[0].findings
    assert list(dict.fromkeys(batch.input for batch in report.losses[0].batches)) == names


LAYER = {"inputs": {"x": "[N, D]", "w": "[D, M]"}, "backward": backward}
DESCRIBED = {
    "default": (quadratic, {"inputs": {"W": "[D, C]", "X": "[N, D]", "reg": 2.0}, "sizes": {"D": 2}}, ["W"]),
    "partial": (functools.partial(quadratic, X=X), {"inputs": {"W": [4, 5]}}, ["W"]),
    "layer": (forward, LAYER, ["x", "w"]),
    "class": (Model, {"inputs": {"X": "[N, 4]"}, "wrt": ["params"]}, ["params.W"]),
    "object": (Model(), {"inputs": {"X": X}}, ["params.W"]),
    "gradient": (lambda x: (x**3).sum(), {"inputs": {"x": "[5]"}, "gradient": lambda x: 3 * x**2}, ["x"]),
    "value": (lambda x: 3 * x**2, {"inputs": {"x": "[5]"}, "value": lambda x: (x**3).sum()}, ["x"]),
    "an array of an input": (of_list, {"inputs": {"p": ["[4, 5]", "[3]"]}, "wrt": "p[0]"}, ["p[0]"]),
    "an input of arrays": (of_list, {"inputs": {"p": ["[4, 5]", "[3]"]}, "wrt": "p"}, ["p[0]", "p[1]"]),
}


@pytest.mark.parametrize("kind", DESCRIBED)
def test_a_function_of_named_inputs_is_checked_as_its_keywords_describe_it(kind):
    function, keywords, names = DESCRIBED[kind]
    before = W.copy()
    passes(gradcheck.check(function, batch_sizes=[1, 3], **keywords), names)
    gradcheck.assert_gradients(function, batch_sizes=2, **keywords)
    assert W.tolist() == before.tolist()


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


Cache = namedtuple("Cache", "x")
#: Several gradients, in any form.
FORMS = (
    lambda v, dW, db: (v, dW, db),
    lambda v, dW, db: (v, (dW, db)),
    lambda v, dW, db: (v, [dW, db]),
    lambda v, dW, db: (v, {"b": db, "W": dW}),
    lambda v, dW, db: (v, {"dW": dW, "db": db}),
    lambda v, dW, db: [v, dW, db],
    lambda v, dW, db: (np.array([v]), dW.tolist(), db, "more", np.ones(7)),
)
#: What a backward takes: inputs, the output, any cache, and several upstream gradients; it may write into them.
BACKWARDS = {
    "an input": (lambda x: np.tanh(x), lambda dout, x: np.multiply(dout, 1 - np.tanh(x) ** 2, out=dout)),
    "the output": (lambda x: np.tanh(x), lambda dout, out: dout * (1 - out**2)),
    "a named tuple": (lambda x: (x**2, Cache(x)), lambda dout, cache: 2 * cache.x * dout),
    "two outputs": (lambda x: (x, x**2, x), lambda dx, dsquare, x: dx + 2 * dsquare * x),
}
AT_A_POINT = {
    "function": (quadratic, {"W": W, "X": X}, {}, ["W"]),
    "lists": (quadratic, {"W": W.tolist(), "X": X.tolist(), "reg": 0.1}, {"wrt": "W"}, ["W"]),
    "layer": (forward, {"x": X, "w": W}, {"backward": backward}, ["x", "w"]),
    "gradient": (lambda x: (x**3).sum(), {"x": B}, {"gradient": lambda x: 3 * x**2, "rtol": 1e-6}, ["x"]),
    "float32": (quadratic, {"W": W.astype(np.float32), "X": X.astype(np.float32)}, {}, ["W"]),
    "class": (Tanh, {"x": X}, {}, ["x"]),
    "parameters": (
        of_dict, {"params": {"W": W, "layers": [B], "rate": 0.1}, "X": X}, {}, ["params.W", "params.layers[0]"],
    ),
    **{f"form {k}": (several(form), {"W": W, "b": B}, {}, ["W", "b"]) for k, form in enumerate(FORMS)},
    **{kind: (forward, {"x": X}, {"backward": backward}, ["x"]) for kind, (forward, backward) in BACKWARDS.items()},
}  # fmt: skip


@pytest.mark.parametrize("kind", AT_A_POINT)
def test_a_function_is_checked_at_a_point_of_named_arguments(kind):
    function, point, keywords, names = AT_A_POINT[kind]
    report = gradcheck.check_at(function, point, **keywords)
    passes(report, names)
    assert {batch.scores for batch in report.losses[0].batches} == {"given"}


@pytest.mark.parametrize(
    ("function", "point", "keywords", "words"),
    [
        (quadratic, {"W": W}, {}, "not described: X\ngive an argument for each"),
        (quadratic, {"W": W, "X": X, "y": 3}, {}, "called with W, X, y"),
        (quadratic, {"W": W * np.nan, "X": X}, {}, "not finite"),
        (quadratic, {"W": W, "X": X, "reg": 3}, {"wrt": "reg"}, "wrt names reg, which is int"),
        (lambda W: ("text", W), {"W": W}, {"framework": "numpy"}, "as its value"),
    ],
)
def test_a_point_or_an_answer_that_does_not_fit_is_said(function, point, keywords, words):
    assert words in gradcheck.check_at(function, point, **keywords).losses[0].error


def test_a_gradient_of_none_is_not_checked_and_said():
    (loss,) = gradcheck.check_at(lambda W, b: (b.sum(), None, np.ones(5)), {"W": W, "b": B}).losses
    assert [batch.input for batch in loss.batches] == ["b"]
    assert "gradient of W is None" in loss.findings[0].message


def test_a_backward_that_drops_the_sign_of_its_upstream_gradient_is_wrong():
    report = gradcheck.check_at(lambda x: (x**2, x), {"x": X}, backward=lambda dout, x: 2 * x * abs(dout))
    assert report.losses[0].batches[0].wrong > 0


def test_a_value_that_changes_parameters_in_place_leaves_those_of_its_gradient_alone():
    def value(params):
        return np.square(params["W"], out=params["W"]).sum()

    (loss,) = gradcheck.check_at(value, {"params": {"W": W}}, gradient=lambda params: {"W": 2 * params["W"]}).losses
    assert ([finding.code for finding in loss.findings], loss.batches[0].wrong) == (["mutates-input"], 0)


def test_a_function_called_forward_backward_and_one_that_takes_labels_are_no_backward():
    def loss_forward_backward(W, X):
        return quadratic(W, X)

    def svm_backward(S, y):
        return (S**2).sum(), 2 * S

    assert gradcheck.check(loss_forward_backward, inputs={"W": "[D, C]", "X": "[N, D]"}, wrt=["W"]).passed
    assert gradcheck.check(svm_backward).passed
