"""Functions of named inputs: which result is whose gradient, in every form in which people write them."""

from collections import namedtuple

import numpy as np
import pytest

import gradcheck

RNG = np.random.default_rng(0)
W, X, B = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4)), RNG.normal(size=5)


def inputs_of(function, point=None, **keywords):
    """The inputs whose gradients are checked, at a point or as described, all of which are right."""
    report = gradcheck.check_at(function, point, **keywords) if point else gradcheck.check(function, **keywords)
    assert report.passed, report.losses[0].error or report.losses[0].findings
    return [batch.input for batch in report.losses[0].batches]


def quadratic(W, b):
    """The value of W and b, and both gradients."""
    return (W**2).sum() + (b**3).sum(), 2 * W, 3 * b**2


@pytest.mark.parametrize(
    "returned",
    [
        lambda v, dW, db: (v, dW, db),
        lambda v, dW, db: (v, (dW, db)),
        lambda v, dW, db: (v, [dW, db]),
        lambda v, dW, db: (v, {"b": db, "W": dW}),
        lambda v, dW, db: (v, {"dW": dW, "db": db}),
        lambda v, dW, db: [v, dW, db],
        lambda v, dW, db: (np.array([v]), dW.tolist(), db, "more", np.ones(7)),
    ],
)
def test_several_gradients_are_taken_in_any_form(returned):
    assert inputs_of(lambda W, b: returned(*quadratic(W, b)), {"W": W, "b": B}) == ["W", "b"]


def test_a_dict_of_parameters_is_one_input_of_several_arrays():
    def loss(params, X):
        W, b = params["W"], params["layers"][0]
        return (W**2).sum() + b.sum(), {"layers": [np.ones(5)], "W": 2 * W}

    point = {"params": {"W": W, "layers": [B], "rate": 0.1}, "X": X}
    assert inputs_of(loss, point) == ["params.W", "params.layers[0]"]


@pytest.mark.parametrize(("wrt", "names"), [("p[0]", ["p[0]"]), ("p", ["p[0]", "p[1]"])])
def test_wrt_names_an_input_or_an_array_of_it(wrt, names):
    def loss(p):
        return (p[0] ** 2).sum() + (p[1] ** 2).sum(), [2 * p[0], 2 * p[1]]

    assert inputs_of(loss, inputs={"p": ["[4, 5]", "[3]"]}, wrt=wrt) == names


def test_a_gradient_of_none_is_not_checked_and_said_and_what_does_not_fit_is_named():
    (loss,) = gradcheck.check_at(lambda W, b: (b.sum(), None, np.ones(5)), {"W": W, "b": B}).losses
    assert [batch.input for batch in loss.batches] == ["b"]
    assert "gradient of W is None" in loss.findings[0].message
    for function, point, wrt, words in (
        (quadratic, {"W": W, "b": 3}, "b", "wrt names b, which is int"),
        (lambda W: ("text", W), {"W": W}, (), "as its value"),
    ):
        assert words in gradcheck.check_at(function, point, wrt=wrt, framework="numpy").losses[0].error


Cache = namedtuple("Cache", "x")


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: np.tanh(x), lambda dout, x: np.multiply(dout, 1 - np.tanh(x) ** 2, out=dout)),  # in place
        (lambda x: np.tanh(x), lambda dout, out: dout * (1 - out**2)),
        (lambda x: (x**2, Cache(x)), lambda dout, cache: 2 * cache.x * dout),
        (lambda x: (x, x**2, x), lambda dx, dsquare, x: dx + 2 * dsquare * x),
    ],
    ids=["an input", "the output", "a named tuple", "two outputs"],
)
def test_a_backward_may_take_inputs_the_output_any_cache_and_several_upstream_gradients(forward, backward):
    assert inputs_of(forward, {"x": X}, backward=backward) == ["x"]


def test_a_backward_that_drops_the_sign_of_its_upstream_gradient_is_wrong():
    report = gradcheck.check_at(lambda x: (x**2, x), {"x": X}, backward=lambda dout, x: 2 * x * abs(dout))
    assert report.losses[0].batches[0].wrong > 0


def test_a_class_is_made_anew_and_a_model_gets_a_new_dict_of_parameters_at_every_call():
    class Tanh:
        calls = 0

        def forward(self, x):
            self.calls += 1
            assert self.calls == 1
            self.y = np.tanh(x)
            return self.y

        def backward(self, dout):
            return dout * (1 - self.y**2)

    class Model:
        def __init__(self):
            self.params = {"W": W}

        def loss(self, X, y=None):
            self.params["W"] = 2.0 * self.params["W"]
            return (X @ self.params["W"]).sum(), {"W": 2 * np.outer(X.sum(axis=0), np.ones(5))}

    before = W.copy()
    assert inputs_of(Tanh, {"x": X}) == ["x"]
    assert inputs_of(Model, inputs={"X": X}) == ["params.W"]
    assert W.tolist() == before.tolist()


def test_a_value_that_changes_parameters_in_place_leaves_those_of_its_gradient_alone():
    def value(params):
        return np.square(params["W"], out=params["W"]).sum()

    (loss,) = gradcheck.check_at(value, {"params": {"W": W}}, gradient=lambda params: {"W": 2 * params["W"]}).losses
    assert ([finding.code for finding in loss.findings], loss.batches[0].wrong) == (["mutates-input"], 0)
