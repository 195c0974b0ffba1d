"""The predicate for a wrong gradient: cheap, and seldom mistaken."""

from __future__ import annotations

import numpy as np
import pytest
from losses_to_shrink import evidence_of, softmax, svm_at_ties, without_label

from gradcheck.config import Config
from gradcheck.diagnosis.evidence import Spent
from gradcheck.errors import LossDefect
from gradcheck.losses import BUILT_INS
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.gradients import LEAPING, StillWrong
from gradcheck.shrinking.pattern import Pattern
from gradcheck.shrinking.sharpness import Sharpness

ONE = Config(batch_sizes=[3])


def candidate(S, y) -> Candidate:
    return Candidate(np.array(S, dtype=float), np.array(y))


def predicate(loss, config=ONE, *, calls=200, code="wrong", reserve=0, closely=True, pattern=None):
    evidence = evidence_of(loss, config, calls)
    first = evidence.observations[0]
    return StillWrong(
        evidence,
        Sharpness.of(first.bounds, first.numerical, first.rows),
        pattern or Pattern.of(evidence.wrong),
        code,
        lambda entries: reserve * entries,
        closely,
    ), evidence.ask


def test_it_takes_three_calls_and_two_for_each_entry_of_a_size_that_is_new():
    wrong, ask = predicate(without_label)
    for expected in (3 + 5, 3):
        before = ask.calls
        assert wrong(candidate([[0.0, 1.0]], [0]))
        assert ask.calls - before == expected
    assert wrong.vouched == {(1, 2)}


def test_from_afar_it_takes_three_calls_only():
    wrong, ask = predicate(without_label, closely=False)
    assert wrong(candidate([[0.0, 1.0]], [0]))
    assert ask.calls == 3


@pytest.mark.parametrize("defect", [3e-7, 1e-5, 1e-3, 0.1, 2.0])
def test_a_defect_of_one_entry_is_seen_if_it_is_more_than_rtol(defect):
    loss = softmax(lambda dS, S, y: np.where(np.arange(S.shape[1]) == 0, dS * (1 + defect), dS))
    wrong, _ = predicate(loss)
    assert wrong(candidate([[0.5, -0.3, 1.0], [0.1, 0.2, 0.3]], [0, 2]))


@pytest.mark.parametrize("name", BUILT_INS)
def test_a_right_loss_is_not_wrong_at_random_scores(name):
    wrong, _ = predicate(BUILT_INS[name].function, calls=4_000, pattern=Pattern(smooth=False))
    rng = np.random.default_rng(0)
    found = sum(wrong(candidate(rng.normal(size=(N, 4)), rng.integers(0, 4, size=N))) for N in (1, 2, 5) * 20)
    assert found == 0


@pytest.mark.parametrize(("at_ties", "is_wrong"), [(0.0, False), (0.4, False), (1.0, False), (2.0, True), (-1.0, True)])
def test_at_a_kink_what_lies_between_both_sides_is_right(at_ties, is_wrong):
    wrong, _ = predicate(svm_at_ties(at_ties), Config(batch_sizes=[3], scores="integers"), pattern=Pattern(False))
    assert wrong(candidate([[1.0, 0.0]], [0])) is is_wrong


def test_a_place_that_was_never_wrong_before_is_another_reason():
    loss = softmax(lambda dS, S, y: np.where(np.arange(S.shape[1]) == y[:, None], 2 * dS, dS))
    assert predicate(loss)[0](candidate([[0.0, 1.0]], [0]))
    assert not predicate(loss, pattern=Pattern(smooth=True, at_label=False))[0](candidate([[0.0, 1.0]], [0]))


def test_what_raises_or_is_not_finite_is_another_matter():
    def loss(S, y):
        value, dS = without_label(S, y)
        if S.shape[1] == 2:
            raise ValueError("two classes")
        return (np.nan if S.shape[1] == 3 else value), dS

    wrong, _ = predicate(loss)
    assert not wrong(candidate([[0.0, 1.0]], [0]))
    assert not wrong(candidate([[0.0, 1.0, 2.0]], [0]))
    assert wrong(candidate([[0.0, 1.0, 2.0, 3.0]], [0]))


def test_a_call_that_hangs_ends_the_search():
    wrong, ask = predicate(without_label)

    def hang(*_, **__):
        raise LossDefect("hangs", "takes more than 1 s")

    ask.loss = type("Loss", (), {"evaluate": hang})()
    with pytest.raises(Spent):
        wrong(candidate([[0.0, 1.0]], [0]))


def test_calls_are_kept_in_reserve_for_the_best_candidate():
    wrong, ask = predicate(without_label, calls=40, reserve=5, closely=False)
    assert not wrong(candidate(np.zeros((2, 5)), [0, 0]))  # it could not be made sure of
    assert ask.calls == 0
    assert wrong(candidate([[0.0, 1.0, 0.0]], [0]))
    with pytest.raises(Spent):
        all(wrong(candidate([[0.0, 1.0, 0.0]], [0])) for _ in range(40))
    assert ask.left >= 5 * 3


def test_float32_is_judged_beside_float64():
    config = Config(batch_sizes=[3], dtype="float32")
    assert predicate(without_label, config)[0](candidate([[0.0, 1.0]], [0]))
    right, _ = predicate(softmax(lambda dS, S, y: dS), config, calls=1_000, pattern=Pattern(smooth=False))
    rng = np.random.default_rng(0)
    scores = (rng.normal(size=(2, 2, 3)) * [[[1.0]], [[5.0]]]).astype(np.float32).astype(float)
    assert not any(right(candidate(S, [0, 2])) for S in scores)


def test_a_value_that_leaps_at_the_point_alone_is_found_whatever_the_gradient():
    def loss(S, y):
        margins = S - S[np.arange(len(S)), y][:, None] + 1
        margins[margins == 1] = 0  # to drop the label
        dS = (margins > 0) / len(S)
        dS[np.arange(len(S)), y] = -dS.sum(axis=1)
        return np.maximum(margins, 0).sum() / len(S), dS

    wrong, _ = predicate(loss, code=LEAPING, pattern=Pattern(smooth=False))
    assert wrong(candidate([[0.0, 0.0]], [0]))
    assert not wrong(candidate([[0.0, 0.3]], [0]))


@pytest.mark.parametrize(("defect", "surely"), [(0.5, True), (1e-3, True), (1.1e-7, False), (0.0, False)])
def test_only_a_defect_that_any_check_would_see_is_sure(defect, surely):
    wrong, _ = predicate(softmax(lambda dS, S, y: dS * (1 + defect)), pattern=Pattern(smooth=True))
    look = wrong.entry_by_entry(candidate([[0.0, 1.0]], [0]))
    assert look.surely is surely
    assert look.seen.numerical == pytest.approx(look.seen.analytic / (1 + defect), rel=1e-6)
