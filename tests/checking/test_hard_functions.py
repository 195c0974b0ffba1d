"""Functions on which difference quotients are known to go wrong, and scipy and torch as authorities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from judging import Judged, drawn, judged, tied

from gradcheck.losses import BUILT_INS

Scalar = Callable[[Any], Any]

#: A function of each score, its derivative, and the size of the scores.
OSCILLATING: dict[str, tuple[Scalar, Scalar, float]] = {
    "sin(1e6 s)": (lambda s: np.sin(1e6 * s), lambda s: 1e6 * np.cos(1e6 * s), 1.0),
    "sin(s^3)": (lambda s: np.sin(s**3), lambda s: 3 * s**2 * np.cos(s**3), 1e3),
    "s^2 sin(1/s)": (lambda s: s**2 * np.sin(1 / s), lambda s: 2 * s * np.sin(1 / s) - np.cos(1 / s), 1e-3),
}


def mean_of(f: Scalar, g: Scalar, S: Any, factor: float = 1.0) -> Judged:
    return judged(lambda S, y: (f(S).sum() / len(S), factor * g(S) / len(S)), S)


@pytest.mark.parametrize("name", OSCILLATING)
def test_fast_oscillation_is_never_wrong_and_with_ds_doubled_never_ok(name: str) -> None:
    f, g, size = OSCILLATING[name]
    for seed in range(10):
        S, _ = drawn(seed, scale=size)
        assert "wrong" not in mean_of(f, g, S).set
        doubled = mean_of(f, g, S, 2.0)
        # What is as small beside the largest entry as the bound is negligible, and said to be.
        assert not np.any((doubled.verdicts.verdicts == 0) & ~doubled.verdicts.negligible)
        assert "wrong" in doubled.set


@pytest.mark.parametrize("decimals", [6, 8])
@pytest.mark.parametrize("name", ["softmax", "brier", "one-vs-all", "label-smoothing"])
def test_ds_rounded_to_decimals_is_not_wrong_and_a_factor_of_2_is(name: str, decimals: int) -> None:
    loss = BUILT_INS[name].function

    def rounded(factor: float) -> Any:
        return lambda S, y: (loss(S, y)[0], np.round(factor * loss(S, y)[1], decimals))

    for seed in range(10):
        S, y = drawn(seed)
        assert judged(rounded(1.0), S, y).set == {"ok"}
        large = np.abs(loss(S, y)[1].ravel()) > 10.0 ** (1 - decimals)
        assert set(np.array(judged(rounded(2.0), S, y).words)[large]) == {"wrong"}


@pytest.mark.parametrize("returned", ["float64", "float16"])
@pytest.mark.parametrize("draw", [drawn, tied], ids=["normal", "integers"])
@pytest.mark.parametrize("name", ["softmax", "svm", "squared-hinge", "crammer-singer", "brier"])
def test_float16_inside_is_never_wrong(name: str, draw: Any, returned: str) -> None:
    def coarse(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS[name].function(S.astype(np.float16), y)
        return (float(value), dS.astype(float)) if returned == "float64" else (value, dS)

    with np.errstate(all="ignore"):
        for seed in range(15):
            told = judged(coarse, *draw(seed))
            assert "wrong" not in told.set
            flipped = judged(lambda S, y: (coarse(S, y)[0], -coarse(S, y)[1]), *draw(seed)).verdicts
            assert not np.any((flipped.verdicts == 0) & ~flipped.negligible)


SMOOTH: dict[str, tuple[Scalar, Scalar]] = {
    "log-sum-exp": (lambda s: np.log(1 + np.exp(s)), lambda s: 1 / (1 + np.exp(-s))),
    "runge": (lambda s: 1 / (1 + 25 * s**2), lambda s: -50 * s / (1 + 25 * s**2) ** 2),
    "sin(40 s)": (lambda s: np.sin(40 * s), lambda s: 40 * np.cos(40 * s)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_scipy_finds_the_same_derivatives_within_both_bounds(name: str) -> None:
    differentiate = pytest.importorskip("scipy.differentiate", reason="SciPy 1.15 or newer")
    f, g = SMOOTH[name]
    S, _ = drawn(7)
    theirs = differentiate.derivative(f, S.ravel(), tolerances={"atol": 1e-13, "rtol": 1e-13})
    ours = mean_of(f, g, S).verdicts
    assert np.all(np.abs(ours.numerical - theirs.df / 3) <= ours.bounds + 10 * theirs.error / 3)
    assert np.max(ours.bounds) < 1e-8


@pytest.mark.torch
def test_autograd_finds_the_same_cross_entropy_gradient_within_our_bound() -> None:
    torch = pytest.importorskip("torch")
    S, y = drawn(3, (4, 6))
    leaf = torch.tensor(S, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf, torch.tensor(y)).backward()
    ours = judged(BUILT_INS["softmax"].function, S, y).verdicts
    assert np.all(np.abs(ours.numerical - leaf.grad.numpy().ravel()) <= ours.bounds + 1e-15)
