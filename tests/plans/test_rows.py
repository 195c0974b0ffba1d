"""Row by row: values in the coin of the whole, the loss at S guessed from both sides of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.evaluation.plans.per_sample import PerSamplePlan
from gradcheck.evaluation.plans.plan import Coupled, Plan
from gradcheck.evaluation.plans.rows import RowsPlan
from hypothesis import given, settings
from hypothesis import strategies as st
from row_losses import Array, mean, reduced, total

from gradcheck.functions.function import Function


def drawn(N: int, C: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, C)), rng.integers(0, C, size=N)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 10**6), st.sampled_from(["mean", "sum"]))
def test_changes_of_the_value_are_the_same_in_every_plans_coin(N: int, C: int, seed: int, kind: str) -> None:
    S, y = drawn(N, C, seed)
    loss = {"mean": mean, "sum": total}[kind]
    weight = {"mean": 1 / N, "sum": 1.0}[kind]
    oracle = Oracle(Function("whole", loss), y)
    each = Oracle(Function("each", reduced), y)
    at = oracle(S)
    each.weight = weight
    at_each = each(S)
    rng = np.random.default_rng(seed)
    entries = rng.integers(0, N * C, size=9)
    rows, columns = np.divmod(entries, C)
    offsets = rng.normal(size=9)
    plans: list[tuple[Plan, Any]] = [
        (FullPlan(oracle, S), at),
        (RowsPlan(oracle, S, weight), at),
        (PerSamplePlan(each, S, weight), at_each),
    ]
    seen = [(plan.along(rows, columns, offsets), plan.here(rows, columns, answer)) for plan, answer in plans]
    (moved, here), *others = seen
    for other_moved, other_here in others:
        assert other_moved.moved == pytest.approx(moved.moved)
        assert other_moved.values - other_here.values == pytest.approx(moved.values - here.values, abs=1e-13)
        assert other_moved.derivatives == pytest.approx(moved.derivatives, abs=1e-13)
        assert other_here.derivatives == pytest.approx(here.derivatives, abs=1e-13)


@pytest.mark.parametrize("step", [1e-2, 1e-3])
def test_the_value_unmoved_is_guessed_to_fourth_order_without_a_call(step: float) -> None:
    S, y = drawn(5, 4, 0)
    oracle = Oracle(Function("mean", mean), y)
    at = oracle(S)
    plan = RowsPlan(oracle, S, 1 / 5)
    rows, columns = (index.ravel() for index in np.indices(S.shape))
    steps = np.full(S.size, step)
    above, below = plan.along(rows, columns, steps), plan.along(rows, columns, -steps)
    before = oracle.calls
    guess = plan.guess(rows, columns, above, below, at)
    assert oracle.calls == before
    exact = plan.here(rows, columns, at)
    assert oracle.calls == before + 5
    assert np.max(np.abs(guess.values - exact.values)) <= 0.1 * step**4 + 1e-15
    assert guess.derivatives == pytest.approx(exact.derivatives, rel=1e-12)


def test_an_entry_at_a_kink_does_not_spoil_the_guess_for_its_row() -> None:
    def with_a_kink(S: Any, y: Any) -> Any:
        value, dS = mean(S, y)
        return value + np.abs(S[:, 0]).sum() / len(S), dS + np.sign(S) * (np.arange(S.shape[1]) == 0) / len(S)

    S, y = drawn(3, 5, 1)
    S[:, 0] = 0.0
    oracle = Oracle(Function("kinked", with_a_kink), y)
    at = oracle(S)
    plan = RowsPlan(oracle, S, 1 / 3)
    rows, columns = (index.ravel() for index in np.indices(S.shape))
    above = plan.along(rows, columns, np.full(S.size, 1e-3))
    below = plan.along(rows, columns, np.full(S.size, -1e-3))
    guess, exact = plan.guess(rows, columns, above, below, at), plan.here(rows, columns, at)
    assert guess.values == pytest.approx(exact.values, abs=1e-12)


def test_a_loss_that_raises_for_a_single_row_is_evidence_and_no_defect() -> None:
    def picky(S: Any, y: Any) -> Any:
        if len(S) < 2:
            raise ValueError("too few")
        return mean(S, y)

    S, y = drawn(3, 4, 0)
    plan = RowsPlan(Oracle(Function("picky", picky), y), S, 1 / 3)
    with pytest.raises(Coupled, match="single row it raises ValueError"):
        plan.along(np.array([0]), np.array([1]), np.array([0.1]))


def test_a_loss_that_writes_to_its_scores_when_asked_for_each_row_is_not_asked_so() -> None:
    def writes(S: Any, y: Any, reduction: str = "mean") -> Any:
        answer = reduced(S, y, reduction)
        if reduction == "none":
            S += 1
        return answer

    S, y = drawn(3, 4, 0)
    plan = PerSamplePlan(Oracle(Function("writes", writes), y), S, 1 / 3)
    with pytest.raises(Coupled, match="in place"):
        plan.along(np.array([0, 1]), np.array([1, 1]), np.array([0.1, 0.1]))
