"""The ladder: what each rung costs, and the derivatives that it leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradcheck.checking.ladder import Ladder, no_rungs, stencil, top_step
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.evaluation.plans.plan import Probes

from gradcheck.functions.function import Function
from gradcheck.numerics.richardson import RATIO, RUNGS
from gradcheck.report import FloatArray

LossFunction = Callable[[Any, Any], Any]


def ladder_of(loss: LossFunction, S: FloatArray, noise: float = 1e-16, top: float = 0.05) -> tuple[Ladder, Oracle]:
    """The ladder of every entry of S, in reading order."""
    oracle = Oracle(Function("test", loss), np.zeros(len(S), dtype=np.int64))
    at = oracle(S)
    rows, columns = (index.ravel() for index in np.indices(S.shape))
    plan = FullPlan(oracle, S)
    ladder = Ladder(
        plan,
        rows,
        columns,
        plan.here(rows, columns, at),
        np.full(S.size, noise),
        np.full(S.size, 1e-16),
        top,
        oracle.spacing(S.ravel()),
        no_rungs(S.size),
    )
    oracle.calls = 0
    return ladder, oracle


def absolute(S: Any, y: Any) -> Any:
    return float(np.abs(S).sum()), np.sign(S)


def exponential(S: Any, y: Any) -> Any:
    return float(np.exp(S).sum()), np.exp(S)


def test_a_rung_costs_two_calls_an_entry_and_those_that_are_there_cost_nothing() -> None:
    ladder, oracle = ladder_of(exponential, np.zeros((2, 3)))
    three = ladder.climbed(3)
    assert oracle.calls == 2 * 6 * 3
    whole = three.climbed()
    assert oracle.calls == 2 * 6 * RUNGS
    assert np.array_equal(whole.rungs.f_above[:3], three.rungs.f_above)
    assert whole.climbed(5).rungs is whole.rungs
    assert oracle.calls == 2 * 6 * RUNGS


def test_only_some_entries_climb_on_and_keep_the_rungs_they_have() -> None:
    ladder, oracle = ladder_of(exponential, np.array([[0.0, 1.0, 2.0]]))
    one = ladder.climbed(2).only(np.array([2]))
    before = oracle.calls
    climbed = one.climbed(4)
    assert oracle.calls - before == 2 * 2
    assert climbed.limits().central.estimate == pytest.approx([np.exp(2.0)])


def test_steps_fall_by_the_ratio() -> None:
    ladder, _ = ladder_of(exponential, np.zeros((1, 1)))
    steps = ladder.climbed().rungs.above[:, 0].tolist()
    assert steps == pytest.approx([0.05 / RATIO**k for k in range(RUNGS)], rel=1e-6)


def test_no_rung_is_finer_than_the_floats_at_a_large_score() -> None:
    ladder, _ = ladder_of(lambda S, y: (float(S.sum()), np.ones(S.shape)), np.array([[1e9]]))
    rungs = ladder.climbed().rungs
    taken = np.isfinite(rungs.above[:, 0])
    assert 3 < np.count_nonzero(taken) < len(taken)
    assert np.all(rungs.above[taken, 0] >= 4 * np.spacing(1e9))
    assert np.all(rungs.plain()[taken, 0] == 1.0)


def test_smooth_entries_have_one_derivative_from_all_sides() -> None:
    S = np.array([[-1.0, 0.0, 2.0]])
    limits = ladder_of(exponential, S, noise=2e-15)[0].climbed().limits()
    for limit in (limits.central, limits.left, limits.right):
        assert np.all(np.abs(limit.estimate - np.exp(S[0])) <= limit.bound)
        assert np.all(limit.bound < 1e-6)
    assert np.all(limits.central.bound < 1e-10)
    assert not np.any(limits.is_kink())


def test_a_kink_has_two_and_says_so() -> None:
    limits = ladder_of(absolute, np.array([[0.0, 1.0]]))[0].climbed().limits()
    assert limits.left.estimate[0] == pytest.approx(-1.0)
    assert limits.right.estimate[0] == pytest.approx(1.0)
    assert limits.is_kink().tolist() == [True, False]


def test_a_kink_beside_the_point_is_no_kink_at_it() -> None:
    limits = ladder_of(absolute, np.array([[1e-4]]), noise=1e-17)[0].climbed().limits()
    assert not limits.is_kink()[0]
    assert abs(limits.central.estimate[0] - 1.0) <= limits.central.bound[0] < 1e-3


@pytest.mark.parametrize("jump", [1e-2, 1e-4])
def test_a_small_kink_on_a_curve_is_seen(jump: float) -> None:
    def curved(S: Any, y: Any) -> Any:
        return float((np.exp(S) + jump * np.abs(S)).sum()), np.exp(S) + jump * np.sign(S)

    limits = ladder_of(curved, np.array([[0.0]]))[0].climbed().limits()
    assert limits.is_kink()[0]
    assert limits.right.estimate[0] - limits.left.estimate[0] == pytest.approx(2 * jump, rel=1e-3)


def test_values_decide_where_a_false_correction_contradicts_them() -> None:
    def lying(S: Any, y: Any) -> Any:
        return float(S.sum()), np.sign(S) * 1e6  # a jump that the values know nothing of

    central = ladder_of(lying, np.array([[0.0]]))[0].climbed().limits().central
    assert abs(central.estimate[0] - 1.0) <= central.bound[0] < 1e-9


def test_a_value_that_jumps_at_the_point_has_no_derivative_and_a_kink_or_a_curve_is_no_jump() -> None:
    def step(S: Any, y: Any) -> Any:
        return float((S > 0).sum() + 0.1 * S.sum()), np.full(S.shape, 0.1)

    assert ladder_of(step, np.array([[0.0, 0.3]]))[0].climbed().limits().jumps.tolist() == [True, False]
    for loss in (absolute, exponential):
        assert not np.any(ladder_of(loss, np.array([[0.0, 0.3]]))[0].climbed().limits().jumps)


def test_rungs_that_are_not_finite_are_done_without() -> None:
    def root(S: Any, y: Any) -> Any:
        with np.errstate(all="ignore"):
            return float(np.sqrt(S).sum()), 0.5 / np.sqrt(S)

    limits = ladder_of(root, np.array([[1e-3]]))[0].climbed().limits()  # the coarsest rungs reach below 0
    slope = 0.5 / np.sqrt(1e-3)
    assert abs(limits.central.estimate[0] - slope) <= limits.central.bound[0] < 1e-6 * slope


def test_nothing_finite_is_nothing_said() -> None:
    limits = ladder_of(lambda S, y: (float("nan"), np.zeros(S.shape)), np.zeros((1, 2)))[0].climbed().limits()
    assert np.all(np.isinf(limits.central.bound))
    assert not np.any(limits.is_kink())


@pytest.mark.parametrize(
    ("step", "value_noise", "scale", "expected"),
    [
        (0.01, 1e-16, 1.0, 0.05),  # usual
        (1e-4, 1e-16, 1.0, 24e-4),  # a wild function: the coarsest rung comes down with its step
        (0.1, 1e-9, 1.0, 0.4),  # a noisy one: up
        (0.01, 0.0, 0.0, 0.05),  # a flat one
    ],
)
def test_the_coarsest_rung(step: float, value_noise: float, scale: float, expected: float) -> None:
    assert top_step(step, value_noise, scale) == pytest.approx(expected)


def test_a_stencil_moves_each_entry_alone_and_knows_how_far() -> None:
    seen = []

    def remembers(S: Any, y: Any) -> Any:
        seen.append(S.copy())
        return float(S.sum()), np.ones(S.shape)

    S = np.array([[1.0, 2.0], [3.0, 4.0]])
    plan = FullPlan(Oracle(Function("remembers", remembers), np.zeros(2, dtype=np.int64)), S)
    here = Probes(np.zeros(2), np.full(2, 10.0), np.ones(2))
    got = stencil(plan, np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.25]), here)
    moved = [tuple(map(tuple, np.argwhere(point != S).tolist())) for point in seen]
    assert moved == [((0, 1),), ((1, 0),), ((0, 1),), ((1, 0),)]
    assert (got.above.tolist(), got.below.tolist()) == ([0.5, 0.25], [0.5, 0.25])
    assert (got.f_above.tolist(), got.f_below.tolist()) == ([10.5, 10.25], [9.5, 9.75])
