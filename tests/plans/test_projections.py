from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import Along, Base, draw, inner, norms
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.functions.function import Function

A = np.arange(12.0).reshape(3, 4) - 5


def cubic(S: Any, y: Any) -> Any:
    return float(np.sum(A * S + S**3)), A + 3 * S**2


def around(S: np.ndarray, loss: Any = cubic, dtype: Any = np.float64) -> tuple[Along, Base, Oracle]:
    oracle = Oracle(Function("loss", loss), np.zeros(len(S), dtype=int), dtype)
    value, gradient = loss(S, None)
    base = Base(S, value, gradient, gradient)
    return Along(oracle, base), base, oracle


def test_a_direction_is_normal_and_the_same_whenever_it_is_drawn() -> None:
    one = draw((40, 50), 3)
    assert np.array_equal(one, draw((40, 50), 3, np.empty((40, 50))))
    assert not np.array_equal(one, draw((40, 50), 4))
    assert np.mean(one) == pytest.approx(0, abs=0.1)
    assert np.std(one) == pytest.approx(1, abs=0.05)


@given(st.integers(0, 11), st.integers(1, 12), st.sampled_from([1e-6, 1e-3, 0.1]))
def test_a_part_of_a_direction_moves_those_entries_alone(start: int, length: int, step: float) -> None:
    stop = min(start + length, 12)
    S, V = np.random.default_rng(0).normal(size=(2, 3, 4))
    along, base, oracle = around(S)
    look = along.look(V, step, slice(start, stop))
    stencil, expected = look.stencil, look.expected
    part = np.zeros(12)
    part[start:stop] = V.ravel()[start:stop]
    slope = float(np.sum(base.gradient.ravel() * part))
    assert expected == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert stencil.g_at[0] == pytest.approx(slope)
    assert stencil.corrected()[0] == pytest.approx(slope, rel=1e-6, abs=1e-8)
    assert oracle.calls == 2


def test_what_the_loss_does_to_its_scores_touches_nothing() -> None:
    def spoils(S: Any, y: Any) -> Any:
        value, gradient = cubic(S, y)
        S[:] = np.nan
        return value, gradient

    S = np.random.default_rng(0).normal(size=(3, 4))
    before = S.copy()
    along, _, _ = around(S)
    along._oracle = Oracle(Function("loss", spoils), np.zeros(3, dtype=int))
    along.look(np.ones((3, 4)), 1e-3)
    assert np.array_equal(S, before)


def test_the_analytic_gradient_is_taken_along_the_displacement_really_taken() -> None:
    """In float32 at scores of 1000 a step of 1e-4 is rounded to something else altogether."""
    S = np.full((3, 4), 1000.0)
    along, _, _ = around(S, lambda S, y: (float(np.sum(A * S, dtype=np.float64)), A), np.float32)
    look = along.look(np.ones((3, 4)), 1e-4)
    stencil, expected = look.stencil, look.expected
    assert expected == pytest.approx(stencil.plain()[0], rel=1e-9)
    assert expected != pytest.approx(np.sum(A), rel=1e-3)


def test_a_weight_counts_in_everything_but_the_distance() -> None:
    S, V = np.random.default_rng(0).normal(size=(2, 3, 4))
    _, base, oracle = around(S)
    one, half = (Along(oracle, base, weight).look(V, 1e-3) for weight in (1.0, 0.5))
    assert half.stencil.corrected()[0] == pytest.approx(one.stencil.corrected()[0] / 2)
    assert half.expected == pytest.approx(one.expected / 2)
    assert half.step == one.step == 1e-3


@pytest.mark.parametrize("size", [1, 7, 2**13, 2**13 + 1, 3 * 2**13 - 1])
def test_sums_piece_by_piece_are_sums(size: int) -> None:
    matrix, part = np.random.default_rng(0).normal(size=(2, 1, size))
    assert inner(matrix, part.ravel()) == pytest.approx(np.sum(matrix * part), abs=1e-9)
    norm, together = norms(matrix, part.ravel())
    assert norm == pytest.approx(np.linalg.norm(matrix))
    assert together == pytest.approx(np.sum(np.abs(matrix * part)))


def test_norms_of_the_smallest_numbers_do_not_vanish() -> None:
    norm, together = norms(np.full((2, 2), 1e-200), np.ones(4))
    assert norm == pytest.approx(2e-200)
    assert together == pytest.approx(4e-200)
    assert norms(np.zeros((2, 2))) == (0.0, 0.0)
