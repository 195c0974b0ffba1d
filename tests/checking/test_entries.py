"""Entries judged: no false alarm at ties, no defect excused by them, no verdict that depends on history, the cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import at_point, drawn, hinge, judged, tied, times

from gradcheck.api import check_at
from gradcheck.checking import subgradients
from gradcheck.checking.entries import judge
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.losses import BUILT_INS
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import Verdict

softmax = BUILT_INS["softmax"].function
SMOOTH = ("softmax", "label-smoothing", "focal", "brier", "one-vs-all")
ramp = hinge(0.0, cap=1.0)


def with_defect(loss, entry, change):
    def broken(S, y):
        value, dS = loss(S, y)
        dS = np.array(dS)
        dS[entry] = change(dS[entry])
        return value, dS

    return broken


@pytest.mark.parametrize("at_tie", [1.0, 0.0, 0.5], ids=[">=", ">", "1/2"])
def test_subgradients_at_exact_ties_are_no_false_alarm_and_a_flipped_sign_is_wrong(at_tie):
    subgradients = 0
    for seed in range(10):
        right, flipped = (judged(hinge(at_tie, sign), *tied(seed)) for sign in (1.0, -1.0))
        assert right.set <= {"ok", "subgradient"}
        kinks = right.words.count("subgradient")
        assert right.calls <= 2 * 15 + 3 + 98 + 60 * kinks
        subgradients += kinks
        smooth = np.count_nonzero((np.abs(right.verdicts.numerical) > 1e-6) & (right.verdicts.verdicts == 0))
        assert flipped.words.count("wrong") >= max(1, smooth)
    assert subgradients >= 10


@pytest.mark.parametrize("at_tie", [-0.01, 1.01, -1.0, 2.0])
def test_what_is_no_subgradient_at_a_tie_is_wrong(at_tie):
    S, y = np.array([[1.0, 0.0, -3.0]]), np.array([0])  # class 1 ties with the label's score less 1
    assert judged(hinge(at_tie), S, y).words == ["wrong", "wrong", "ok"]


@pytest.mark.parametrize("jump", [1e-2, 1e-4])
@pytest.mark.parametrize(("slope", "expected"), [(0.5, "subgradient"), (-0.9, "subgradient"), (1.5, "wrong")])
def test_a_small_kink_on_a_curve_is_seen(jump, slope, expected):
    def loss(S, y):
        return (np.exp(S) + jump * np.abs(S)).sum(), np.exp(S) + jump * np.where(S == 0, slope, np.sign(S))

    assert judged(loss, [[0.0, 0.3]]).words == [expected, "ok"]


def test_a_kink_a_hair_from_the_scores_makes_no_false_alarm():
    for distance in (1e-3, 1e-5, 1e-7, 1e-10, 1e-13, -1e-3, -1e-7, -1e-13):
        assert "wrong" not in judged(hinge(1.0), [[1.0, distance, -3.0]], [0], rtol=1e-9).set, distance


def test_kinks_of_an_x_too_long_to_search_around_are_never_called_wrong(monkeypatch):
    monkeypatch.setattr(subgradients, "MOST_HELD", 5)

    def second_largest(S, y):
        i, place = np.arange(len(S)), np.argsort(S, axis=1, kind="stable")[:, -2]
        dS = np.zeros(S.shape)
        dS[i, place] = 1.0
        return S[i, place].sum(), dS

    assert judged(second_largest, [[2.0, 2.0, 2.0, 0.0]] * 2).set == {"ok", "unresolved"}
    assert judged(with_defect(softmax, (0, 1), lambda x: x + 0.01), *drawn(0, (3, 4))).set == {"ok", "wrong"}


@pytest.mark.parametrize("seed", range(10))
def test_a_small_defect_of_one_entry_is_seen_where_the_tolerance_asks_for_it_and_there_alone(seed):
    S, y = drawn(seed)
    entry = (seed % 3, int(y[seed % 3]))
    for part, rtol, expected in ((1e-6, 1e-7, "wrong"), (1e-9, 3e-10, "wrong"), (1e-9, 1e-7, "ok")):
        told = judged(with_defect(softmax, entry, lambda x, part=part: x * (1 + part)), S, y, rtol=rtol)
        assert told.word(*entry) == expected
        assert told.words.count("ok") == 15 - (expected == "wrong")


def test_entries_that_are_0_and_should_not_be_and_the_other_way_round_are_wrong():
    told = judged(with_defect(softmax, (1, 2), lambda x: 0.0), *drawn(0))
    assert (told.word(1, 2), told.verdicts.relative_errors[7]) == ("wrong", 1.0)
    flat = with_defect(hinge(1.0), (0, 1), lambda x: 1e-6)  # no margin is violated
    assert judged(flat, [[5.0, 0.0, 1.0]], [0]).word(0, 1) == "wrong"
    assert judged(lambda S, y: (3.0, np.ones(S.shape)), *drawn(0)).set == {"wrong"}
    constant = judged(lambda S, y: (0.0, np.zeros(S.shape)), *drawn(0))
    assert constant.set == {"ok"}
    assert np.all(constant.verdicts.negligible)


def test_the_users_atol_comes_on_top_of_the_bound():
    broken = with_defect(softmax, (1, 2), lambda x: x + 1e-5)
    assert judged(broken, *drawn(0), atol=2e-5).set == {"ok"}
    assert judged(broken, *drawn(0), atol=0.5e-5).set == {"ok", "wrong"}


@pytest.mark.parametrize("offset", [1e3, 1e9, 1e12, 1e13, 1e14, 1e15, 1e16, 1e18])
@pytest.mark.parametrize("loss", [softmax, lambda S, y: (float(np.sin(S).sum()), np.cos(S))], ids=["softmax", "sine"])
def test_no_offset_of_the_value_is_a_false_alarm(loss, offset):
    for seed in range(3):
        told = judged(lambda S, y: (loss(S, y)[0] + offset, loss(S, y)[1]), *drawn(seed), rtol=1e-9)
        assert "wrong" not in told.set
        assert offset != 1e14 or "unresolved" in told.set


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1e9, 1e300])
def test_the_scale_of_the_value_does_not_matter(factor):
    scaled = times(factor, softmax)
    assert judged(scaled, *drawn(1)).set == {"ok"}
    assert judged(with_defect(scaled, (0, 0), lambda x: x * 1.001), *drawn(1)).word(0, 0) == "wrong"


@pytest.mark.parametrize("name", SMOOTH)
def test_the_numerical_gradient_lies_within_a_sharp_bound_of_the_right_one(name):
    loss = BUILT_INS[name].function
    for seed in range(5):
        S, y = drawn(seed)
        told, dS = judged(loss, S, y, rtol=1e-9), loss(S, y)[1].ravel()
        verdicts = told.verdicts
        assert np.all(np.abs(verdicts.numerical - dS) <= verdicts.bounds + 1e-9 * np.abs(dS))
        assert np.max(verdicts.bounds) < 1e-9
        assert np.all(np.abs(verdicts.plain - dS) < 1e-2)
        assert told.calls <= 2 * 15 + 3 + 98


@pytest.mark.parametrize("S", [np.full((3, 5), 0.1), *(drawn(seed, scale=0.1)[0] for seed in range(5))], ids=str)
def test_gradients_that_were_seen_elsewhere_make_no_bound_narrow(S):
    """dS has the wrong sign; far from S gradients are large enough to make any bound look narrow."""
    told = judged(lambda S, y: ((S**6).sum() / len(S) + 1e10, -6 * S**5 / len(S)), S)
    assert told.set <= ({"unresolved"} if np.all(S == 0.1) else {"unresolved", "wrong"})


@settings(max_examples=30)
@given(st.sampled_from(["softmax", "svm", "ramp"]), st.integers(0, 10**6), st.booleans(), st.data())
def test_some_entries_are_judged_as_they_are_among_all_in_any_order(name, seed, ties, data):
    S, y = (tied if ties else drawn)(seed, (4, 6))
    objective, x, answer, precision = at_point(ramp if name == "ramp" else BUILT_INS[name].function, S, y)
    analytic = answer.gradient.copy()
    analytic[[3, 8, 17]] += [0.5, 1e-5, -0.1]
    entries = np.array(data.draw(st.lists(st.integers(0, 23), min_size=1, max_size=8, unique=True)))

    def verdicts(entries):
        evaluator = Evaluator(objective, x, answer)
        nearby = subgradients.Nearby(objective, x, precision, [objective.shape])
        given = evaluator, answer, analytic, precision, Tolerance(1e-7), nearby
        return judge(*given, entries=entries, reference="central")

    every, some = verdicts(None), verdicts(entries)
    assert some.entries.tolist() == entries.tolist()
    for field in ("verdicts", "numerical", "bounds", "kinked", "granted"):
        assert np.array_equal(getattr(some, field), getattr(every, field)[entries], equal_nan=True), field


def worst_of(off, worst=12, one_hot=False):
    """The worst entries of a softmax with a regularizer that has a kink at S[2, 3], each of these off by a part."""
    S, y = np.random.default_rng(0).normal(size=(3, 4)), np.array([0, 3, 1])

    def loss(scores, _):
        value, dS = softmax(scores, y)
        apart = scores[2, 3] - S[2, 3]
        dS[2, 3] += np.sign(apart)
        for place, part in off.items():
            dS[place] *= 1 + part
        return value + abs(apart), dS

    (batch,) = check_at(loss, S, np.eye(4)[y] if one_hot else y, worst=worst).losses[0].batches
    return batch.worst


def test_wrong_entries_come_first_by_their_relative_error_then_kinks_then_what_is_right():
    entries = worst_of({(1, 2): 0.5, (0, 1): 1e-3, (2, 0): 0.1})
    assert [(entry.row, entry.class_) for entry in entries[:4]] == [(1, 2), (2, 0), (0, 1), (2, 3)]
    verdicts = [entry.verdict for entry in entries]
    assert verdicts == [Verdict.WRONG] * 3 + [Verdict.SUBGRADIENT] + [Verdict.OK] * 8
    assert [len(worst_of({}, worst)) for worst in (1, 4, 20)] == [1, 4, 12]


def test_an_entry_says_all_that_is_known_of_it_in_plain_python():
    entry = worst_of({(1, 2): 0.5})[0]
    assert (entry.row, entry.class_, entry.label) == (1, 2, 3)
    assert entry.relative_error == pytest.approx(1 / 3)
    assert entry.analytic == pytest.approx(1.5 * entry.numerical)
    assert len(entry.tried) > 3
    assert {type(entry.row), type(entry.class_), type(entry.label)} == {int}
    assert {type(entry.score), type(entry.numerical), type(entry.step), type(entry.bound)} == {float}
    assert worst_of({}, one_hot=True)[0].label is None


# --- functions on which difference quotients are known to go wrong ----------------------------------------

#: A function of each score, its derivative, and the size of the scores.
OSCILLATING = {
    "sin(1e6 s)": (lambda s: np.sin(1e6 * s), lambda s: 1e6 * np.cos(1e6 * s), 1.0),
    "sin(s^3)": (lambda s: np.sin(s**3), lambda s: 3 * s**2 * np.cos(s**3), 1e3),
    "s^2 sin(1/s)": (lambda s: s**2 * np.sin(1 / s), lambda s: 2 * s * np.sin(1 / s) - np.cos(1 / s), 1e-3),
}


def mean_of(f, g, S, factor=1.0):
    return judged(lambda S, y: (f(S).sum() / len(S), factor * g(S) / len(S)), S)


@pytest.mark.parametrize("name", OSCILLATING)
def test_fast_oscillation_is_never_wrong_and_with_ds_doubled_never_ok(name):
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
def test_ds_rounded_to_decimals_is_not_wrong_and_a_factor_of_2_is(name, decimals):
    loss = BUILT_INS[name].function

    def rounded(factor):
        return lambda S, y: (loss(S, y)[0], np.round(factor * loss(S, y)[1], decimals))

    for seed in range(10):
        S, y = drawn(seed)
        assert judged(rounded(1.0), S, y).set == {"ok"}
        large = np.abs(loss(S, y)[1].ravel()) > 10.0 ** (1 - decimals)
        assert set(np.array(judged(rounded(2.0), S, y).words)[large]) == {"wrong"}
