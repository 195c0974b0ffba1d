"""What few looks far from S tell of rows, where few matrices may be held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.afar import Afar
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.evaluation.plans.projections import Base
from gradcheck.evaluation.plans.yardstick import Yardstick
from row_losses import COUPLED, SEPARABLE

from gradcheck.functions.function import Function


def weight_of(loss: Any, N: int = 6, C: int = 4, rounding: float = 1e-15) -> float:
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
    oracle = Oracle(Function("test", loss), y)
    at = oracle(S)
    afar = Afar(oracle, Base(S, at.value, at.gradient, at.gradient), np.empty(S.shape))
    afar.look()
    return afar.weight_of_rows(Yardstick(rounding * abs(at.value), rounding), np.random.default_rng(1))


@pytest.mark.parametrize(("name", "weight"), [("mean", 1 / 6), ("hinges", 1 / 6), ("total", 1.0)])
def test_a_row_counts_as_in_a_mean_or_a_sum(name: str, weight: float) -> None:
    assert weight_of(SEPARABLE[name]) == weight


@pytest.mark.parametrize("name", ["centred", "normalised", "through_the_count", "hardest_row", "one_row_raises"])
def test_what_couples_rows_is_told(name: str) -> None:
    with pytest.raises(Coupled):
        weight_of(COUPLED[name])


def test_where_what_a_row_adds_drowns_in_noise_neither_weight_is_believed() -> None:
    with pytest.raises(Coupled, match="drowns"):
        weight_of(lambda S, y: (np.sin(S).sum() + 1e15, np.cos(S)))


def test_where_no_row_adds_anything_neither_weight_is_believed() -> None:
    with pytest.raises(Coupled, match="drowns"):
        weight_of(lambda S, y: (1.0, np.zeros(S.shape)))
