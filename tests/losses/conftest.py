"""Two authorities on the built-in losses that are not gradcheck's own: torch, and decimal arithmetic."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from gradcheck.losses import BUILT_INS

DecimalLoss = Callable[[list[Decimal]], Decimal]


@pytest.fixture
def agrees_with_torch() -> Callable[..., None]:
    """Holds a built-in's value and gradient at random problems to torch's, to 1e-12 of the largest entry."""
    torch = pytest.importorskip("torch")

    def check(name: str, torch_loss: Callable[[Any, Any], Any], *, min_classes: int = 2) -> None:
        for seed in range(10):
            rng = np.random.default_rng(seed)
            for scale in (1e-3, 1.0, 20.0):
                N, C = int(rng.integers(1, 9)), int(rng.integers(min_classes, 12))
                S, y = scale * rng.normal(size=(N, C)), rng.integers(0, C, size=N)
                value, dS = BUILT_INS[name].function(S, y)
                scores = torch.tensor(S, requires_grad=True)
                expected = torch_loss(scores, torch.tensor(y))
                expected.backward()
                size = float(scores.grad.abs().max())
                assert float(value) == pytest.approx(float(expected.detach()), rel=1e-12, abs=1e-15)
                np.testing.assert_allclose(dS, scores.grad.numpy(), rtol=1e-12, atol=1e-12 * size)

    return check


@pytest.fixture
def agrees_with_decimals() -> Callable[..., None]:
    """Holds a built-in at one row to its formula in 400 decimal digits, each entry to ``rtol`` of itself.

    The gradient is the formula's central difference with a step of 1e-60: no derivation is trusted.
    """

    def check(name: str, L: DecimalLoss, row: Sequence[float], y: int, *, rtol: float = 1e-12) -> None:
        value, dS = BUILT_INS[name].function(np.array([row]), np.array([y]))
        h = Decimal("1e-60")
        with decimal.localcontext(decimal.Context(prec=400, Emin=-(10**6), Emax=10**6)):
            s = [Decimal(score) for score in row]
            expected = float(L(s))
            slopes = []
            for j in range(len(s)):
                above, below = ([x + sign * h if k == j else x for k, x in enumerate(s)] for sign in (1, -1))
                slopes.append(float((L(above) - L(below)) / (2 * h)))
        assert float(value) == pytest.approx(expected, rel=rtol, abs=1e-300)
        np.testing.assert_allclose(dS[0], slopes, rtol=rtol, atol=1e-300)

    return check


@pytest.fixture(params=["right by far", "wrong by far", "near", "two lead", "tied"])
def hard_row(request: pytest.FixtureRequest) -> list[float]:
    """Rows of scores for the label 0, in which naive formulas lose digits; no p_j underflows."""
    rows = {
        "right by far": [1060.0, 1000.0, 999.5, 1003.0],
        "wrong by far": [1000.0, 1060.0, 999.5, 1003.0],
        "near": [1000.0, 1000.1, 999.5, 999.9],
        "two lead": [0.0, 70.0, 70.0, 12.5],
        "tied": [1e3, 1e3, 1e3, 1e3],
    }
    return rows[request.param]
