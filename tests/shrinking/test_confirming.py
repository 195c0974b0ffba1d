"""Making sure of what shrinking ended at."""

from __future__ import annotations

import numpy as np
import pytest
from losses_to_shrink import evidence_of, softmax, without_label

from gradcheck.config import Config
from gradcheck.settings import Settings
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.confirming import Confirmation
from gradcheck.shrinking.gradients import StillWrong
from gradcheck.shrinking.pattern import Pattern
from gradcheck.shrinking.sharpness import Sharpness

CASE = Candidate(np.array([[0.0, 1.0]]), np.array([0]))


def confirmed(loss, calls, config=None, at_kinks=False):
    config = config or Config(batch_sizes=[3])
    evidence = evidence_of(loss, config, calls)
    first = evidence.observations[0]
    confirmation = Confirmation(evidence.ask, config, Settings(), at_kinks)
    sharpness = Sharpness.of(first.bounds, first.numerical, first.rows)
    wrong = StillWrong(evidence, sharpness, Pattern(smooth=False), "wrong", confirmation.reserve, closely=True)
    return confirmation.confirmed(CASE, wrong), evidence.ask


def off_by(defect):
    return softmax(lambda dS, S, y: dS * (1 + defect))


def test_where_calls_are_many_it_is_checked_as_the_user_would():
    seen, ask = confirmed(off_by(0.5), calls=1_000)
    assert ask.calls > 60
    assert seen.is_wrong
    assert seen.numerical == pytest.approx(seen.analytic / 1.5, rel=1e-9)


def test_where_they_are_few_only_what_is_beyond_doubt_is_certain():
    seen, ask = confirmed(off_by(0.5), calls=20)
    assert ask.calls == 5
    assert seen.is_wrong
    assert confirmed(off_by(1.1e-7), calls=20)[0] is None
    assert confirmed(off_by(1.1e-7), calls=1_000)[0] is not None


def test_a_right_gradient_and_one_within_the_users_tolerance_are_never_confirmed():
    assert confirmed(off_by(0.0), calls=1_000)[0] is None
    assert confirmed(off_by(0.01), calls=1_000, config=Config(rtol=0.1))[0] is None
    assert confirmed(off_by(0.01), calls=20, config=Config(rtol=0.1))[0] is None


@pytest.mark.parametrize("calls", [0, 3])
def test_without_calls_nothing_is(calls):
    assert confirmed(without_label, calls=calls)[0] is None


def test_no_more_calls_are_made_than_were_granted():
    for calls in range(0, 300, 7):
        assert confirmed(off_by(1e-4), calls=calls)[1].calls <= calls


def test_calls_for_a_check_are_put_by_where_they_are_a_small_part_or_needed():
    def reserve(calls, at_kinks=False):
        evidence = evidence_of(without_label, Config(batch_sizes=[1], scores="normal"), calls)
        return Confirmation(evidence.ask, Config(), Settings(), at_kinks).reserve(2)

    assert reserve(30) == reserve(200) < 10
    assert reserve(1_000) > 100
    assert reserve(250, at_kinks=True) > 100
    assert reserve(100, at_kinks=True) < 10
