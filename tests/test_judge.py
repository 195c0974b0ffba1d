"""Problems judged: no false alarm at ties, no defect excused by them, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gradcheck.checking.judge import judge, judge_entries
from gradcheck.checking.judgement import Judgement
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan

from gradcheck.checking.precision import measure
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, FloatArray

LossFunction = Callable[[Any, Any], Any]

softmax = BUILT_INS["softmax"].function
SMOOTH = ("softmax", "label-smoothing", "focal", "brier", "one-vs-all")


def judged(
    loss: LossFunction, S: FloatArray, y: npt.NDArray[Any], rtol: float = 1e-7, atol: float = 0.0
) -> tuple[Judgement, int]:
    """The judgement, and all calls that it took with the one at S."""
    oracle = Oracle(Function("test", loss), y)
    at = oracle(S)
    return judge(oracle, FullPlan(oracle, S), S, at.gradient, at, rtol=rtol, atol=atol), oracle.calls


def words(judgement: Judgement) -> set[str]:
    return {VERDICTS[v].value for v in judgement.verdicts.ravel()}


def count(judgement: Judgement, word: str) -> int:
    return [VERDICTS[v].value for v in judgement.verdicts.ravel()].count(word)


def drawn(seed: int, shape: tuple[int, int] = (3, 5), scale: float = 1.0) -> tuple[FloatArray, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=shape), rng.integers(0, shape[1], size=shape[0])


def tied(seed: int, shape: tuple[int, int] = (3, 5)) -> tuple[FloatArray, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return rng.integers(-2, 3, size=shape).astype(float), rng.integers(0, shape[1], size=shape[0])


def hinge(at_tie: float, sign: float = 1.0) -> LossFunction:
    """The multiclass hinge with some subgradient where a margin is exactly 0."""

    def loss(S: Any, y: Any) -> Any:
        N, i = len(S), np.arange(len(S))
        margins = S - S[i, y][:, None] + 1
        active = np.where(margins > 0, 1.0, 0.0) + at_tie * (margins == 0)
        margins[i, y] = active[i, y] = 0
        active[i, y] = -active.sum(axis=1)
        return np.maximum(margins, 0).sum() / N, sign * active / N

    return loss


def with_defect(loss: LossFunction, entry: tuple[int, int], change: Callable[[float], float]) -> LossFunction:
    def broken(S: Any, y: Any) -> Any:
        value, dS = loss(S, y)
        dS = np.array(dS)
        dS[entry] = change(dS[entry])
        return value, dS

    return broken


# --- ties and kinks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_tie", [1.0, 0.0, 0.5], ids=[">=", ">", "1/2"])
def test_subgradients_at_exact_ties_are_no_false_alarm(at_tie: float) -> None:
    subgradients = 0
    for seed in range(10):
        judgement, _ = judged(hinge(at_tie), *tied(seed))
        assert words(judgement) <= {"ok", "subgradient"}
        subgradients += count(judgement, "subgradient")
    assert subgradients >= 10


@pytest.mark.parametrize("at_tie", [1.0, 0.0, 0.5], ids=[">=", ">", "1/2"])
def test_a_sign_flipped_hinge_is_wrong_at_ties_too(at_tie: float) -> None:
    for seed in range(10):
        judgement, _ = judged(hinge(at_tie, sign=-1.0), *tied(seed))
        right, _ = judged(hinge(at_tie), *tied(seed))
        nonzero = np.abs(right.numerical) > 1e-6
        assert count(judgement, "wrong") >= max(1, np.count_nonzero(nonzero & (right.verdicts == 0)))


@pytest.mark.parametrize("at_tie", [-0.01, 1.01, -1.0, 2.0])
def test_what_is_no_subgradient_at_a_tie_is_wrong(at_tie: float) -> None:
    S, y = np.array([[1.0, 0.0, -3.0]]), np.array([0])  # class 1 ties with the label's score less 1
    judgement, _ = judged(hinge(at_tie), S, y)
    assert [VERDICTS[v].value for v in judgement.verdicts[0]] == ["wrong", "wrong", "ok"]


def test_the_notes_own_subgradient_is_right_on_every_entry_of_a_matrix_of_ties() -> None:
    judgement, _ = judged(hinge(1.0), np.array([[1.0, 0.0, 0.0, 0.0]] * 3), np.array([0, 0, 0]))
    assert words(judgement) == {"subgradient"}


@pytest.mark.parametrize("seed", range(5))
def test_where_two_kinks_of_a_ramp_meet_the_right_answer_differs_from_the_derivative_along_the_axis(
    seed: int,
) -> None:
    def ramp(S: Any, y: Any) -> Any:
        N, i = len(S), np.arange(len(S))
        margins = S - S[i, y][:, None] + 1
        active = ((margins > 0) & (margins < 1)).astype(float)
        margins[i, y] = active[i, y] = 0
        active[i, y] = -active.sum(axis=1)
        return np.clip(margins, 0, 1).sum() / N, active / N

    S = np.array([[1.0, 1.0, 0.0], [0.5, 0.25, -2.0]])
    judgement, _ = judged(ramp, np.roll(S, seed, axis=1), np.array([seed % 3, seed % 3]))
    assert "wrong" not in words(judgement)


def test_a_kink_of_a_hair_from_the_scores_makes_no_false_alarm() -> None:
    for distance in (1e-3, 1e-5, 1e-7, 1e-10, 1e-13):
        S = np.array([[1.0, distance, -3.0]])
        for side in (S, np.array([[1.0, -distance, -3.0]])):
            judgement, _ = judged(hinge(1.0), side, np.array([0]), rtol=1e-9)
            assert "wrong" not in words(judgement), distance


# --- defects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_a_wrong_entry_of_one_part_in_a_million_is_not_excused_as_a_subgradient(seed: int) -> None:
    S, y = drawn(seed)
    entry = (seed % 3, seed % 5)
    judgement, _ = judged(with_defect(softmax, entry, lambda x: x * (1 + 1e-6)), S, y)
    assert VERDICTS[judgement.verdicts[entry]].value == "wrong"
    assert count(judgement, "wrong") == 1
    assert "subgradient" not in words(judgement)


@pytest.mark.parametrize("seed", range(10))
def test_a_defect_of_a_billionth_is_seen_where_the_tolerance_asks_for_it(seed: int) -> None:
    S, y = drawn(seed)
    entry = (seed % 3, y[seed % 3])
    broken = with_defect(softmax, entry, lambda x: x * (1 + 1e-9))
    assert VERDICTS[judged(broken, S, y, rtol=3e-10)[0].verdicts[entry]].value == "wrong"
    assert VERDICTS[judged(broken, S, y, rtol=1e-7)[0].verdicts[entry]].value == "ok"


def test_an_entry_that_is_0_and_should_not_be_is_wrong() -> None:
    S, y = drawn(0)
    judgement, _ = judged(with_defect(softmax, (1, 2), lambda x: 0.0), S, y)
    assert VERDICTS[judgement.verdicts[1, 2]].value == "wrong"
    assert judgement.relative_errors[1, 2] == 1.0


def test_an_entry_that_should_be_0_and_is_not_is_wrong() -> None:
    S, y = np.array([[5.0, 0.0, 1.0]]), np.array([0])  # no margin is violated
    judgement, _ = judged(with_defect(hinge(1.0), (0, 1), lambda x: 1e-6), S, y)
    assert VERDICTS[judgement.verdicts[0, 1]].value == "wrong"


def test_the_users_atol_comes_on_top_of_the_bound() -> None:
    S, y = drawn(0)
    broken = with_defect(softmax, (1, 2), lambda x: x + 1e-5)
    assert words(judged(broken, S, y, atol=2e-5)[0]) == {"ok"}
    assert words(judged(broken, S, y, atol=0.5e-5)[0]) == {"ok", "wrong"}


# --- what cannot be told ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_value_offset_by_1e14_drowns_its_gradient_and_is_unresolved_and_never_wrong(seed: int) -> None:
    def offset(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value + 1e14, dS

    judgement, _ = judged(offset, *drawn(seed))
    assert "wrong" not in words(judgement)
    assert "unresolved" in words(judgement)


def sine(S: Any, y: Any) -> Any:
    return float(np.sin(S).sum()), np.cos(S)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9, 1e12, 1e13, 1e14, 1e15, 1e16, 1e18])
@pytest.mark.parametrize("loss", [softmax, sine], ids=["softmax", "sine"])
def test_no_offset_of_the_value_is_a_false_alarm(loss: LossFunction, offset: float) -> None:
    for seed in range(3):
        judgement, _ = judged(lambda S, y: (loss(S, y)[0] + offset, loss(S, y)[1]), *drawn(seed), rtol=1e-9)
        assert "wrong" not in words(judgement)


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1e-9, 1e9, 1e30, 1e300])
def test_the_scale_of_the_value_does_not_matter(factor: float) -> None:
    def scaled(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return factor * value, factor * dS

    S, y = drawn(1)
    assert words(judged(scaled, S, y)[0]) == {"ok"}
    broken, _ = judged(with_defect(scaled, (0, 0), lambda x: x * 1.001), S, y)
    assert VERDICTS[broken.verdicts[0, 0]].value == "wrong"


def test_a_flat_loss_is_right_and_its_zeros_are_negligible() -> None:
    judgement, _ = judged(lambda S, y: (0.0, np.zeros(S.shape)), *drawn(0))
    assert words(judgement) == {"ok"}
    assert np.all(judgement.negligible)


def test_a_constant_value_beside_a_gradient_is_wrong() -> None:
    judgement, _ = judged(lambda S, y: (3.0, np.ones(S.shape)), *drawn(0))
    assert words(judgement) == {"wrong"}


# --- what is said of it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_the_numerical_gradient_lies_within_its_bound_of_the_right_one(name: str) -> None:
    loss = BUILT_INS[name].function
    for seed in range(5):
        S, y = drawn(seed)
        judgement, _ = judged(loss, S, y, rtol=1e-9)
        _, dS = loss(S, y)
        assert np.all(np.abs(judgement.numerical - dS) <= judgement.bounds + 1e-9 * np.abs(dS))
        assert np.max(judgement.bounds) < 1e-9
        assert np.all(np.abs(judgement.plain - dS) < 1e-2)
        assert np.all(judgement.steps > 0)


def test_every_array_has_the_shape_of_s() -> None:
    judgement, _ = judged(softmax, *drawn(0, (2, 7)))
    for name in ("numerical", "bounds", "relative_errors", "verdicts", "negligible", "plain", "steps"):
        assert getattr(judgement, name).shape == (2, 7), name
    assert judgement.plan == "full"


def test_the_same_problem_is_always_judged_in_the_same_way() -> None:
    first, second = (judged(hinge(1.0), *tied(3)) for _ in range(2))
    assert first[1] == second[1]
    assert np.array_equal(first[0].numerical, second[0].numerical)
    assert np.array_equal(first[0].bounds, second[0].bounds)


# --- what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (8, 5), (8, 16)], ids=str)
def test_a_right_smooth_gradient_costs_at_most_2nc_and_60_calls(name: str, shape: tuple[int, int]) -> None:
    for seed in range(4):
        S, y = drawn(seed, shape)
        judgement, calls = judged(BUILT_INS[name].function, S, y)
        assert words(judgement) == {"ok"}
        # Two more calls before and one after belong to the contract; the one at S is shared.
        assert calls + 2 <= 2 * S.size + 60


@pytest.mark.parametrize("at_tie", [1.0, 0.0, 0.5], ids=[">=", ">", "1/2"])
@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (8, 5)], ids=str)
def test_an_entry_at_a_kink_costs_at_most_60_calls_more(at_tie: float, shape: tuple[int, int]) -> None:
    for seed in range(6):
        S, y = tied(seed, shape)
        judgement, calls = judged(hinge(at_tie), S, y)
        assert calls + 2 <= 2 * S.size + 60 + 60 * count(judgement, "subgradient")


# --- some entries, and matrices too large to be held many times -------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "svm"])
def test_some_entries_are_judged_as_they_are_among_all(name: str) -> None:
    rng = np.random.default_rng(0)
    S, y = rng.integers(-2, 3, size=(4, 6)).astype(float), rng.integers(0, 6, 4)
    oracle = Oracle(Function("test", BUILT_INS[name].function), y)
    at = oracle(S)
    analytic = at.gradient.copy()
    analytic[1, 2] += 0.5
    precision = measure(oracle, S, at, np.random.default_rng(S.shape))
    every = judge(oracle, FullPlan(oracle, S), S, analytic, at, rtol=1e-7, atol=0.0, precision=precision)
    rows, columns = np.array([1, 3, 0]), np.array([2, 5, 0])
    some = judge_entries(
        oracle, S, rows, columns, analytic[rows, columns], at, rtol=1e-7, atol=0.0, precision=precision
    )
    assert some.verdicts.tolist() == every.verdicts[rows, columns].tolist()
    assert np.array_equal(some.numerical, every.numerical[rows, columns])
    assert some.verdicts.shape == (3,)


def test_near_kinks_of_a_matrix_too_large_to_search_around_nothing_is_called_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradcheck.checking.suspects._MOST_HELD", 5)

    def second_largest(S: Any, y: Any) -> Any:
        i, place = np.arange(len(S)), np.argsort(S, axis=1, kind="stable")[:, -2]
        dS = np.zeros(S.shape)
        dS[i, place] = 1.0
        return S[i, place].sum(), dS

    tied = np.array([[2.0, 2.0, 2.0, 0.0]] * 2)
    judgement, _ = judged(second_largest, tied, np.zeros(2, dtype=int))
    assert words(judgement) == {"ok", "unresolved"}

    def wrong(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        dS[0, 1] += 0.01
        return value, dS

    judgement, _ = judged(wrong, np.random.default_rng(0).normal(size=(3, 4)), np.zeros(3, dtype=int))
    assert words(judgement) == {"ok", "wrong"}
