"""Entries judged: no false alarm at ties, no defect excused by them, no verdict that hangs on history, the cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import LossFunction, at_point, drawn, judged, tied

from gradcheck.checking import subgradients
from gradcheck.checking.entries import Tolerance, judge
from gradcheck.evaluation.evaluators import WholeBatch
from gradcheck.losses import BUILT_INS

softmax = BUILT_INS["softmax"].function
SMOOTH = ("softmax", "label-smoothing", "focal", "brier", "one-vs-all")
at_ties = pytest.mark.parametrize("at_tie", [1.0, 0.0, 0.5], ids=[">=", ">", "1/2"])


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


def ramp(S: Any, y: Any) -> Any:
    N, i = len(S), np.arange(len(S))
    margins = S - S[i, y][:, None] + 1
    active = ((margins > 0) & (margins < 1)).astype(float)
    margins[i, y] = active[i, y] = 0
    active[i, y] = -active.sum(axis=1)
    return np.clip(margins, 0, 1).sum() / N, active / N


def with_defect(loss: LossFunction, entry: tuple[int, int], change: Callable[[float], float]) -> LossFunction:
    def broken(S: Any, y: Any) -> Any:
        value, dS = loss(S, y)
        dS = np.array(dS)
        dS[entry] = change(dS[entry])
        return value, dS

    return broken


# --- ties and kinks ---------------------------------------------------------------------------------------


@at_ties
def test_subgradients_at_exact_ties_are_no_false_alarm_and_a_flipped_sign_is_wrong(at_tie: float) -> None:
    subgradients = 0
    for seed in range(10):
        right, flipped = (judged(hinge(at_tie, sign), *tied(seed)) for sign in (1.0, -1.0))
        assert right.set <= {"ok", "subgradient"}
        subgradients += right.words.count("subgradient")
        nonzero = np.abs(right.verdicts.numerical) > 1e-6
        smooth = np.count_nonzero(nonzero & (right.verdicts.verdicts == 0))
        assert flipped.words.count("wrong") >= max(1, smooth)
    assert subgradients >= 10


@pytest.mark.parametrize("at_tie", [-0.01, 1.01, -1.0, 2.0])
def test_what_is_no_subgradient_at_a_tie_is_wrong(at_tie: float) -> None:
    S, y = np.array([[1.0, 0.0, -3.0]]), np.array([0])  # class 1 ties with the label's score less 1
    assert judged(hinge(at_tie), S, y).words == ["wrong", "wrong", "ok"]


def test_the_notes_own_subgradient_is_right_on_every_entry_of_a_matrix_of_ties() -> None:
    assert judged(hinge(1.0), [[1.0, 0.0, 0.0, 0.0]] * 3, [0, 0, 0]).set == {"subgradient"}


@pytest.mark.parametrize("shift", range(3))
def test_where_two_kinks_meet_the_right_answer_differs_from_the_derivative_along_the_axis(shift: int) -> None:
    S = np.roll([[1.0, 1.0, 0.0], [0.5, 0.25, -2.0]], shift, axis=1)
    assert "wrong" not in judged(ramp, S, [shift, shift]).set


def test_a_kink_a_hair_from_the_scores_makes_no_false_alarm() -> None:
    for distance in (1e-3, 1e-5, 1e-7, 1e-10, 1e-13, -1e-3, -1e-7, -1e-13):
        assert "wrong" not in judged(hinge(1.0), [[1.0, distance, -3.0]], [0], rtol=1e-9).set, distance


# --- defects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_a_small_defect_of_one_entry_is_seen_where_the_tolerance_asks_for_it_and_there_alone(seed: int) -> None:
    S, y = drawn(seed)
    entry = (seed % 3, int(y[seed % 3]))
    for part, rtol, expected in ((1e-6, 1e-7, "wrong"), (1e-9, 3e-10, "wrong"), (1e-9, 1e-7, "ok")):
        told = judged(with_defect(softmax, entry, lambda x, part=part: x * (1 + part)), S, y, rtol=rtol)
        assert told.word(*entry) == expected
        assert told.words.count("ok") == 15 - (expected == "wrong")


def test_entries_that_are_0_and_should_not_be_and_the_other_way_round_are_wrong() -> None:
    told = judged(with_defect(softmax, (1, 2), lambda x: 0.0), *drawn(0))
    assert (told.word(1, 2), told.verdicts.relative_errors[7]) == ("wrong", 1.0)
    flat = with_defect(hinge(1.0), (0, 1), lambda x: 1e-6)  # no margin is violated
    assert judged(flat, [[5.0, 0.0, 1.0]], [0]).word(0, 1) == "wrong"


def test_the_users_atol_comes_on_top_of_the_bound() -> None:
    broken = with_defect(softmax, (1, 2), lambda x: x + 1e-5)
    assert judged(broken, *drawn(0), atol=2e-5).set == {"ok"}
    assert judged(broken, *drawn(0), atol=0.5e-5).set == {"ok", "wrong"}


# --- what cannot be told ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9, 1e12, 1e13, 1e14, 1e15, 1e16, 1e18])
@pytest.mark.parametrize("loss", [softmax, lambda S, y: (float(np.sin(S).sum()), np.cos(S))], ids=["softmax", "sine"])
def test_no_offset_of_the_value_is_a_false_alarm(loss: LossFunction, offset: float) -> None:
    for seed in range(3):
        told = judged(lambda S, y: (loss(S, y)[0] + offset, loss(S, y)[1]), *drawn(seed), rtol=1e-9)
        assert "wrong" not in told.set
        assert offset != 1e14 or "unresolved" in told.set


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1e-9, 1e9, 1e30, 1e300])
def test_the_scale_of_the_value_does_not_matter(factor: float) -> None:
    def scaled(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return factor * value, factor * dS

    assert judged(scaled, *drawn(1)).set == {"ok"}
    assert judged(with_defect(scaled, (0, 0), lambda x: x * 1.001), *drawn(1)).word(0, 0) == "wrong"


def test_a_flat_loss_is_right_with_negligible_zeros_and_a_constant_value_beside_a_gradient_is_wrong() -> None:
    flat = judged(lambda S, y: (0.0, np.zeros(S.shape)), *drawn(0))
    assert flat.set == {"ok"}
    assert np.all(flat.verdicts.negligible)
    assert judged(lambda S, y: (3.0, np.ones(S.shape)), *drawn(0)).set == {"wrong"}


# --- no verdict hangs on what was asked before ------------------------------------------------------------


def beside_a_large_offset(S: Any, y: Any) -> Any:
    """dS has the wrong sign; far from S gradients are large enough to make any bound look narrow."""
    return (S**6).sum() / len(S) + 1e10, -6 * S**5 / len(S)


@pytest.mark.parametrize("S", [np.full((3, 5), 0.1), *(drawn(seed, scale=0.1)[0] for seed in range(5))], ids=str)
def test_gradients_that_were_seen_elsewhere_make_no_bound_narrow(S: Any) -> None:
    told = judged(beside_a_large_offset, S)
    assert told.set <= {"unresolved", "wrong"}
    if np.all(S == 0.1):
        assert told.set == {"unresolved"}


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["softmax", "svm", "ramp"]), st.integers(0, 10**6), st.booleans(), st.data())
def test_some_entries_are_judged_as_they_are_among_all_in_any_order(
    name: str, seed: int, ties: bool, data: st.DataObject
) -> None:
    S, y = (tied if ties else drawn)(seed, (4, 6))
    right = ramp if name == "ramp" else BUILT_INS[name].function
    objective, x, answer, precision = at_point(right, S, y)
    analytic = answer.gradient.copy()
    analytic[[3, 8, 17]] += [0.5, 1e-5, -0.1]
    entries = np.array(data.draw(st.lists(st.integers(0, 23), min_size=1, max_size=8, unique=True)))

    def verdicts(entries: Any) -> Any:
        evaluator = WholeBatch(objective, x, answer)
        return judge(evaluator, answer, analytic, precision, Tolerance(1e-7), entries=entries, reference="central")

    every, some = verdicts(None), verdicts(entries)
    assert some.entries.tolist() == entries.tolist()
    for field in ("verdicts", "numerical", "bounds", "kinked", "granted"):
        assert np.array_equal(getattr(some, field), getattr(every, field)[entries], equal_nan=True), field


# --- what is said of it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_the_numerical_gradient_lies_within_a_sharp_bound_of_the_right_one(name: str) -> None:
    loss = BUILT_INS[name].function
    for seed in range(5):
        S, y = drawn(seed)
        told, dS = judged(loss, S, y, rtol=1e-9).verdicts, loss(S, y)[1].ravel()
        assert np.all(np.abs(told.numerical - dS) <= told.bounds + 1e-9 * np.abs(dS))
        assert np.max(told.bounds) < 1e-9
        assert np.all(np.abs(told.plain - dS) < 1e-2)
        assert np.all(told.steps > 0)
        assert {getattr(told, name).shape for name in ("bounds", "verdicts", "negligible", "granted")} == {(15,)}
        assert told.evaluator == "full"


# --- what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (8, 5), (8, 16)], ids=str)
def test_a_right_smooth_gradient_costs_at_most_two_calls_an_entry_and_100_and_n(
    name: str, shape: tuple[int, int]
) -> None:
    for seed in range(4):
        told = judged(BUILT_INS[name].function, *drawn(seed, shape))
        assert told.set == {"ok"}
        assert told.calls + 2 <= 2 * shape[0] * shape[1] + shape[0] + 100


@at_ties
@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (8, 5)], ids=str)
def test_an_entry_at_a_kink_costs_at_most_60_calls_more(at_tie: float, shape: tuple[int, int]) -> None:
    for seed in range(6):
        told = judged(hinge(at_tie), *tied(seed, shape))
        kinks = told.words.count("subgradient")
        assert told.calls + 2 <= 2 * shape[0] * shape[1] + shape[0] + 100 + 60 * kinks


def test_near_kinks_of_an_x_too_long_to_search_around_nothing_is_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subgradients, "MOST_HELD", 5)

    def second_largest(S: Any, y: Any) -> Any:
        i, place = np.arange(len(S)), np.argsort(S, axis=1, kind="stable")[:, -2]
        dS = np.zeros(S.shape)
        dS[i, place] = 1.0
        return S[i, place].sum(), dS

    assert judged(second_largest, [[2.0, 2.0, 2.0, 0.0]] * 2).set == {"ok", "unresolved"}
    assert judged(with_defect(softmax, (0, 1), lambda x: x + 0.01), *drawn(0, (3, 4))).set == {"ok", "wrong"}
