"""Random directions in place of every entry: right gradients, wrong ones found by halving, what cannot be decided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import drawn, tied
from row_losses import COUPLED

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import Verdict

SOFTMAX, SVM = BUILT_INS["softmax"].function, BUILT_INS["svm"].function


class Counted:
    """A loss whose calls of the whole batch are counted, and whose dS there is changed."""

    def __init__(self, loss, rows, change=lambda dS, S, y: None):
        self.loss, self.rows, self.change = loss, rows, change
        self.calls = 0

    def __call__(self, S, y):
        value, dS = self.loss(S, y)
        if len(S) == self.rows:
            self.calls += 1
            self.change(dS, S, y)
        return value, dS


def checked(loss, S, y, worst=10, **config):
    report = check_at(loss, S, y, Config(plan="projections", **config), worst=worst).losses[0]
    assert report.batches[0].projections is not None
    return report


def wrong_entries(batch):
    return [(entry.row, entry.class_) for entry in batch.worst if entry.verdict is Verdict.WRONG]


def at(row, column, part=0.01):
    """One entry off by a part of the largest of its row."""

    def change(dS, S, y):
        dS[row, column] += part * np.abs(dS[row]).max()

    return change


@pytest.mark.parametrize("draw", [drawn, tied])
@pytest.mark.parametrize("name", BUILT_INS)
def test_a_right_gradient_is_right_in_50_calls_of_the_batch(name, draw):
    loss = Counted(BUILT_INS[name].function, 24)
    report = checked(loss, *draw(0, (24, 200)))
    (batch,) = report.batches
    assert report.passed
    assert (batch.plan, batch.entries, batch.wrong, batch.unresolved) == ("projections", 4800, 0, 0)
    assert batch.projections.agree
    assert batch.projections.directions >= 4
    assert 0 < batch.projections.smallest_relative_defect < 1e-3
    assert loss.calls <= 50


def test_float32_is_held_to_the_same_loss_in_float64():
    S, y = drawn(0, (16, 60))
    right = checked(SOFTMAX, S.astype(np.float32), y)
    assert right.passed
    assert right.batches[0].projections.agree
    assert right.batches[0].projections.smallest_relative_defect < 1e-4
    assert wrong_entries(checked(Counted(SOFTMAX, 16, at(3, 7)), S.astype(np.float32), y).batches[0]) == [(3, 7)]


@pytest.mark.parametrize("draw", [drawn, tied])
@pytest.mark.parametrize("loss", [SOFTMAX, SVM])
def test_one_wrong_entry_anywhere_is_found_exactly(loss, draw):
    for seed in range(4):
        row, column = np.random.default_rng(seed).integers((40, 150)).tolist()
        counted = Counted(loss, 40, at(row, column))
        (batch,) = checked(counted, *draw(seed, (40, 150))).batches
        assert wrong_entries(batch) == [(row, column)]
        assert (batch.wrong, batch.unresolved) == (1, 0)
        assert batch.projections.agree  # but for that entry
        assert counted.calls <= 180


@pytest.mark.parametrize("worst", [1, 12])
def test_no_more_are_looked_for_than_the_worst_that_were_asked_for(worst):
    counted = Counted(SOFTMAX, 30, lambda dS, S, y: np.negative(dS, out=dS))
    (batch,) = checked(counted, *drawn(0, (30, 100)), worst=worst).batches
    assert batch.wrong >= worst == len(wrong_entries(batch))
    assert batch.unresolved > 0
    assert "more are wrong" in batch.projections.remark
    assert counted.calls <= 90 + 2 * 12 * worst


WRONG = {
    "a whole row": lambda dS, S, y: np.multiply(dS[5], 0.9, out=dS[5]),
    "a whole column": lambda dS, S, y: np.add(dS[:, 17], 0.01 * np.abs(dS).max(axis=1), out=dS[:, 17]),
    "the label's term missing": lambda dS, S, y: dS.__setitem__((np.arange(len(dS)), y), 0.0),
    "times 1 + 1e-5": lambda dS, S, y: np.multiply(dS, 1 + 1e-5, out=dS),
    "a regularizer": lambda dS, S, y: np.add(dS, 1e-4 * S, out=dS),
}


@pytest.mark.parametrize("way", WRONG)
@pytest.mark.parametrize("loss", [SOFTMAX, SVM])
def test_what_is_wrong_in_many_places_is_found_there(loss, way):
    S, y = drawn(0, (40, 150))
    counted = Counted(loss, 40, WRONG[way])
    (batch,) = checked(counted, S, y).batches
    assert batch.wrong >= 10
    right, shown = loss(S, y)[1], counted(S, y)[1]
    assert all(shown[entry] != right[entry] for entry in wrong_entries(batch))


@settings(max_examples=40)
@given(
    st.sampled_from([SOFTMAX, SVM, COUPLED["centred"]]),
    st.tuples(st.integers(1, 5), st.integers(2, 9)),
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 44), st.sampled_from([1e-4, 1e-2, 0.5, -1.0])), max_size=3),
)
def test_projections_and_the_full_plan_say_the_same(loss, shape, seed, defects):
    S, y = drawn(seed, shape)

    def change(dS, S, y):
        scale = np.abs(dS).max()
        for place, part in defects:
            dS.flat[place % dS.size] += part * scale

    broken = Counted(loss, shape[0], change)
    (full,) = check_at(broken, S, y, Config(plan="full"), worst=50).losses[0].batches
    (batch,) = checked(broken, S, y, worst=50).batches
    assert set(wrong_entries(batch)) == set(wrong_entries(full))
    assert batch.wrong == full.wrong


def test_a_defect_within_the_subgradients_at_s_is_seen_beside_s():
    """At S the label's derivative may be anything between -199/24 and 0: half of it is a subgradient there."""
    S, y = np.zeros((24, 200)), np.arange(24)
    S[np.arange(24), y] = 1.0  # every margin is 0

    def change(dS, S, y):
        dS[5, y[5]] /= 2

    assert checked(Counted(SVM, 24), S, y).passed
    report = checked(Counted(SVM, 24, change), S, y)
    assert report.batches[0].wrong == 0
    assert [finding.code for finding in report.findings] == ["projections-disagree"]
    assert "dS[5, 5]" in report.findings[0].message
    assert report.failed


def test_a_loss_too_coarse_for_projections_is_unresolved_and_says_so():
    report = checked(lambda S, y: (round(SOFTMAX(S, y)[0], 3), SOFTMAX(S, y)[1]), *drawn(0, (16, 100)))
    (batch,) = report.batches
    assert not report.failed
    assert batch.unresolved > 0
    assert "too noisy" in batch.projections.remark
    assert not batch.projections.agree


def test_a_disagreement_that_no_single_entry_explains_is_a_finding():
    """The batch's value has a term that is there only where many entries move together."""
    HOME, y = drawn(0, (16, 100))
    WEIGHTS = np.random.default_rng(1).normal(size=HOME.shape)

    def together(S, y):
        value, dS = SOFTMAX(S, y)
        moved = np.count_nonzero(S != HOME)
        return value + (0.5 * float(np.sum((S - HOME) * WEIGHTS)) if moved > 30 else 0.0), dS

    report = checked(together, HOME, y)
    (batch,) = report.batches
    assert [finding.code for finding in report.findings] == ["projections-disagree"]
    assert batch.wrong == 0
    assert batch.unresolved > HOME.size - 100
    assert "could not be found" in batch.projections.remark
