"""Functions of named inputs: which result is whose gradient, in every form in which people write them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from gradcheck.config import Config
from gradcheck.errors import TargetError
from gradcheck.functions.binding import settle
from gradcheck.functions.doors import AsReturned, Layer, Separate, reseeded
from gradcheck.functions.function import Function
from gradcheck.functions.prepare import open_door, prepare
from gradcheck.layout import Arguments

RNG = np.random.default_rng(0)
W, X, B = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4)), RNG.normal(size=5)


def quadratic(W: Any, b: Any) -> Any:
    """The value of W and b, and both gradients."""
    return (W**2).sum() + (b**3).sum(), 2 * W, 3 * b**2


def gradients_of(door: Any, values: dict[str, Any], wrt: tuple[str, ...] = ()) -> dict[str, Any]:
    """By name, what the bound function returns as the gradients of its arrays."""
    settled = settle("f", door, values, wrt, seed=1)
    arguments = Arguments.of(values, settled.arrays, seed=1)
    _, gradient = settled.bound(arguments.x[np.newaxis], arguments)
    return arguments.layout.arrays(gradient[0])


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
def test_several_gradients_are_taken_in_any_form(returned: Any) -> None:
    door = AsReturned("f", lambda W, b: returned(*quadratic(W, b)))
    found = gradients_of(door, {"W": W, "b": B})
    np.testing.assert_array_equal(found["W"], 2 * W)
    np.testing.assert_array_equal(found["b"], 3 * B**2)


def test_inputs_without_a_gradient_are_held_constant() -> None:
    def loss(W: Any, X: Any, y: Any, reg: float) -> Any:
        return (X @ W).sum() + reg * (W**2).sum(), X.sum(axis=0)[:, None] + 2 * reg * W

    values = {"W": W, "X": X, "y": np.array([0, 1, 2]), "reg": 0.1}
    assert list(gradients_of(AsReturned("f", loss), values)) == ["W"]


def test_a_dict_of_parameters_is_one_input_of_several_arrays() -> None:
    def loss(params: Any, X: Any) -> Any:
        return (params["W"] ** 2).sum() + params["layers"][0].sum(), {
            "layers": [np.ones(5)],
            "W": 2 * params["W"],
        }

    found = gradients_of(AsReturned("f", loss), {"params": {"W": W, "layers": [B], "rate": 0.1}, "X": X})
    assert list(found) == ["params.W", "params.layers[0]"]
    np.testing.assert_array_equal(found["params.layers[0]"], 1.0)


@pytest.mark.parametrize(("wrt", "names"), [("p[0]", ["p[0]"]), ("p", ["p[0]", "p[1]"])])
def test_wrt_names_an_input_or_an_array_of_it(wrt: str, names: list[str]) -> None:
    function = Function("f", lambda p: ((p[0] ** 2).sum() + (p[1] ** 2).sum(), [2 * p[0], 2 * p[1]]))
    _, (problem,), _ = prepare(function, Config(wrt=wrt), at={"p": [W, X]})
    assert problem.layout is not None
    assert problem.layout.names == names


def test_a_gradient_of_none_is_not_checked_and_said() -> None:
    settled = settle("f", AsReturned("f", lambda W, b: (0.0, None, b)), {"W": W, "b": B}, (), 0)
    assert settled.arrays == ("b",)
    assert "gradient of W is None" in settled.remarks[0]


def test_further_results_are_ignored_with_a_word() -> None:
    settled = settle("f", AsReturned("f", lambda W, X: (0.0, W, np.ones((9, 9)))), {"W": W, "X": X}, ("W",), 0)
    assert settled.arrays == ("W",)
    assert "1 further result" in settled.remarks[0]


def test_value_and_gradient_from_two_functions() -> None:
    door = Separate("f", lambda x, a: a * (x**2).sum(), lambda x, a: 2 * a * x)
    found = gradients_of(door, {"x": B, "a": 3.0})
    np.testing.assert_array_equal(found["x"], 6 * B)


class TestLayers:
    @staticmethod
    def forward(x: Any, w: Any) -> Any:
        return x @ w, (x, w)

    @staticmethod
    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        dout *= 1.0  # as many backwards, it writes to what it gets
        return dout @ w.T, x.T @ dout

    def test_the_value_is_the_output_times_an_upstream_gradient_that_is_not_all_ones(self) -> None:
        door = Layer("f", lambda: (self.forward, self.backward))
        value, (dx, _) = door({"x": X, "w": W}, 7)
        dout = dx @ np.linalg.pinv(W.T)
        assert value == pytest.approx(float((X @ W * dout).sum()))
        assert np.unique(np.sign(dout)).tolist() == [-1, 1]
        assert np.abs(dout).max() > 4 * np.abs(dout).min()

    def test_forward_without_a_cache_and_a_backward_that_takes_inputs_or_the_output(self) -> None:
        for backward in (lambda dout, x: dout * (1 - np.tanh(x) ** 2), lambda dout, out: dout * (1 - out**2)):
            door = Layer("f", lambda backward=backward: (np.tanh, backward))
            door = Layer("f", lambda backward=backward: (lambda x: np.tanh(x), backward))
            assert list(gradients_of(door, {"x": X})) == ["x"]

    def test_several_outputs_have_an_upstream_gradient_each(self) -> None:
        def step(x: Any, h: Any) -> Any:
            return x + h, x * h, (x, h)

        def step_backward(dnext_h: Any, dnext_c: Any, cache: Any) -> Any:
            x, h = cache
            return dnext_h + dnext_c * h, dnext_h + dnext_c * x

        found = gradients_of(Layer("f", lambda: (step, step_backward)), {"x": X, "h": 2 * X})
        assert list(found) == ["x", "h"]

    def test_a_named_tuple_is_a_cache_like_any_other(self) -> None:
        Cache = namedtuple("Cache", "x")
        pair = (lambda x: (x**2, Cache(x)), lambda dout, cache: 2 * cache.x * dout)
        assert list(gradients_of(Layer("f", lambda: pair), {"x": X})) == ["x"]

    def test_a_class_is_made_anew_for_every_call(self) -> None:
        class Tanh:
            calls = 0

            def forward(self, x: Any) -> Any:
                self.calls += 1
                assert self.calls == 1
                self.y = np.tanh(x)
                return self.y

            def backward(self, dout: Any) -> Any:
                return dout * (1 - self.y**2)

        door, forward, params = open_door("Tanh", Tanh, {})
        assert forward.__name__ == "forward"
        assert params is None
        assert list(gradients_of(door, {"x": X})) == ["x"]


def test_a_model_gets_a_new_dict_of_parameters_at_every_call() -> None:
    class Model:
        def __init__(self) -> None:
            self.params = {"W": W.copy()}

        def loss(self, X: Any, y: Any = None) -> Any:
            self.params["W"] *= 1.0  # as some do
            return (X @ self.params["W"]).sum(), {"W": np.outer(X.sum(axis=0), np.ones(5))}

    door, loss, params = open_door("Model", Model, {})
    assert loss.__name__ == "loss"
    assert params is not None
    assert list(gradients_of(door, {"params": params, "X": X})) == ["params.W"]
    assert not np.shares_memory(params["W"], W)


def test_reseeding_makes_random_numbers_the_same_at_every_call() -> None:
    def dropout(x: Any) -> Any:
        mask = np.random.rand(*x.shape) < 0.5
        return x * mask, mask

    door = reseeded(Layer("f", lambda: (dropout, lambda dout, mask: dout * mask)))
    first, second = door({"x": X}, 3), door({"x": X}, 3)
    assert first[0] == second[0]


@pytest.mark.parametrize(
    ("door", "values", "wrt", "words"),
    [
        (AsReturned("f", lambda X, W: X @ W), {"X": X, "W": W}, (), ["3 x 5 array", "--backward"]),
        (AsReturned("f", quadratic), {"W": W, "b": B}, ("c",), ["c, which is no input", "W, b"]),
        (AsReturned("f", quadratic), {"W": W, "b": 3}, ("b",), ["b, which is int"]),
        (AsReturned("f", lambda W: (0.0, W.T)), {"W": W}, (), ["gradient of W", "(5, 4)", "(4, 5)", "transpose"]),
        (AsReturned("f", lambda W, b: (0.0, W)), {"W": W, "b": B}, ("W", "b"), ["1 gradients", "W, b"]),
        (AsReturned("f", lambda p: (0.0, {"V": W})), {"p": {"W": W}}, (), ["no part W", "V"]),
        (AsReturned("f", quadratic), {"W": W, "q": B}, (), ["W, b", "called with W, q"]),
        (AsReturned("f", lambda y: (0.0, y)), {"y": np.array([1])}, (), ["array of floats"]),
        (AsReturned("f", lambda W: ("text", W)), {"W": W}, (), ["as its value"]),
        (
            Layer("f", lambda: (lambda x: (x, 1), lambda dout, a, b, c: dout)),
            {"x": X},
            (),
            ["dout, a, b, c", "backward(dout, cache)"],
        ),
    ],
)
def test_what_does_not_fit_is_said_with_names_and_shapes(
    door: Any, values: dict[str, Any], wrt: tuple[str, ...], words: list[str]
) -> None:
    with pytest.raises(TargetError) as raised:
        settle("f", door, values, wrt, 0)
    for word in words:
        assert word in str(raised.value)
