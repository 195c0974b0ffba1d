"""A factor all around one place that is wrong beyond it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import changed, codes, evidence_of, few_examples, is_label, seeds, smooth_losses

import gradcheck
from gradcheck.diagnosis.rules.places import places
from gradcheck.diagnosis.rules.two_defects import two_defects


def bent(a: Any, S: Any) -> Any:
    return a * (1.5 + np.sin(S))


FACTORS = {
    "sign-flipped": lambda S: -1.0,
    "missing-mean": lambda S: float(len(S)),
    "averaged-twice": lambda S: 1 / len(S),
    "constant-factor": lambda S: 2.0,
}
PLACES = {
    "label-column": is_label,
    "one-class": lambda S, y: np.arange(S.shape[1]) == 1,
    "one-row": lambda S, y: np.arange(len(S))[:, np.newaxis] == 0,
}


def both(factor: str, place: str, change: Any = bent) -> Any:
    def changes(a: Any, S: Any, y: Any) -> Any:
        a = FACTORS[factor](S) * a
        return np.where(PLACES[place](S, y), change(a, S), a)

    return changes


@few_examples
@given(smooth_losses, seeds, st.sampled_from(sorted(FACTORS)), st.sampled_from(sorted(PLACES)))
def test_factor_and_place_are_both_named(name: str, seed: int, factor: str, place: str) -> None:
    evidence = evidence_of(name, both(factor, place), seed=seed)
    found = list(two_defects(evidence))
    assert codes(found) == [factor, place]
    assert all("more than one defect is at work" in each.message for each in found)


def test_the_messages_say_what_holds_where() -> None:
    first, second = two_defects(evidence_of("softmax", both("sign-flipped", "one-class", lambda a, S: 0 * a)))
    assert first.message.startswith("dS = -1 times the numerical gradient in all 96 entries outside of class 1")
    assert "dS is wrong in class 1, 24 of 24 entries, and -1 times the numerical gradient everywhere" in second.message
    assert second.message.endswith("; there dS = 0")


@few_examples
@given(smooth_losses, seeds)
def test_a_place_alone_is_no_two_defects(name: str, seed: int) -> None:
    evidence = evidence_of(name, lambda a, S, y: np.where(is_label(S, y), bent(a, S), a), seed=seed)
    assert codes(two_defects(evidence)) == []


def test_wrong_entries_anywhere_are_none() -> None:
    def somewhere(seed: int) -> list[str]:
        rng = np.random.default_rng(seed)
        evidence = evidence_of(
            "softmax", lambda a, S, y: np.where(rng.random(S.shape) < 0.1, bent(a, S), -a), seed=seed
        )
        return codes(two_defects(evidence))

    assert sum(somewhere(seed) != [] for seed in range(100)) <= 3


def test_one_entry_beside_a_factor_is_no_place() -> None:
    made = iter(range(1000))

    def one_entry(a: Any, S: Any, y: Any) -> Any:
        if next(made) == 4:
            a[2, 3] += 1.0
        return -a

    assert codes(two_defects(evidence_of("softmax", one_entry, calls=0))) == []


@pytest.mark.parametrize("place", sorted(PLACES))
def test_in_a_check_both_lead(place: str) -> None:
    report = gradcheck.check(changed("softmax", both("sign-flipped", place)))
    assert codes(report.losses[0].findings) == ["sign-flipped", place]


def test_a_sign_that_is_wrong_where_j_is_not_y_is_a_place() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: np.where(is_label(S, y), a, -a))
    assert codes(places(evidence)) == ["other-columns"]
