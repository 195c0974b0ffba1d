"""The worst entries of a batch: which come first, and what is said of each."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck.checking.judgement import Judgement, Rungs
from gradcheck.checking.worst import worst_entries

from gradcheck.numerics.verdicts import OK, SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.report import Entry, FloatArray, Verdict


def worst_of(
    errors: list[list[float]], verdicts: list[list[int]], negligible: list[list[bool]] | None = None, most: int = 10
) -> tuple[Entry, ...]:
    relative = np.array(errors)
    zeros: FloatArray = np.zeros(relative.shape)
    judgement = Judgement(
        numerical=zeros + 2,
        bounds=zeros + 3,
        relative_errors=relative,
        verdicts=np.array(verdicts, dtype=np.int8),
        negligible=zeros.astype(bool) if negligible is None else np.array(negligible),
        plain=zeros + 4,
        steps=zeros + 5,
        plan="full",
        central=zeros + 2,
        by_complex=zeros.astype(bool),
        kinked=zeros.astype(bool),
        granted=zeros,
        leaps=zeros,
        rungs=Rungs(np.array([relative.size - 1]), np.array([[0.5], [np.nan]]), np.array([[6.0], [np.nan]])),
    )
    scores = np.arange(float(relative.size)).reshape(relative.shape)
    return worst_entries(scores, np.arange(len(relative)), zeros + 1, judgement, most)


def places(entries: tuple[Entry, ...]) -> list[tuple[int, int]]:
    return [(entry.row, entry.class_) for entry in entries]


def test_wrong_entries_lead_then_unresolved_ones_then_kinks_whatever_their_errors() -> None:
    entries = worst_of([[0.9, 0.5, 0.8, 0.1]], [[OK, SUBGRADIENT, UNRESOLVED, WRONG]])
    assert [entry.verdict for entry in entries] == [
        Verdict.WRONG, Verdict.UNRESOLVED, Verdict.SUBGRADIENT, Verdict.OK
    ]  # fmt: skip


def test_of_one_verdict_the_largest_error_leads_and_ties_stand_in_reading_order() -> None:
    entries = worst_of([[0.1, 0.3], [0.3, 2.0]], [[WRONG] * 2] * 2)
    assert places(entries) == [(1, 1), (0, 1), (1, 0), (0, 0)]


def test_the_error_of_numbers_that_are_both_0_within_the_bound_counts_for_nothing() -> None:
    entries = worst_of([[1.0, 1e-9]], [[OK, OK]], negligible=[[True, False]])
    assert places(entries) == [(0, 1), (0, 0)]
    assert entries[1].relative_error == 1.0  # but it is told as it is


def test_an_error_that_is_no_number_leads() -> None:
    assert places(worst_of([[0.5, np.nan]], [[WRONG, WRONG]])) == [(0, 1), (0, 0)]


@pytest.mark.parametrize(("entries", "kept"), [(1, 1), (4, 4), (9, 4)])
def test_no_more_are_kept_than_were_asked_for(entries: int, kept: int) -> None:
    assert len(worst_of([[0.0] * entries], [[OK] * entries], most=4)) == kept


def test_an_entry_says_all_that_is_known_of_it_in_plain_python() -> None:
    entry = worst_of([[0.0, 0.0], [0.0, 0.25]], [[OK, OK], [OK, WRONG]])[0]
    assert entry == Entry(
        row=1, class_=1, label=1, score=3.0, analytic=1.0, numerical=2.0, bound=3.0, relative_error=0.25,
        verdict=Verdict.WRONG, plain=4.0, step=5.0, tried=((0.5, 6.0),),
    )  # fmt: skip
    assert {type(entry.row), type(entry.class_), type(entry.label)} == {int}
    assert {type(entry.score), type(entry.numerical), type(entry.step)} == {float}


def test_an_entry_that_was_decided_at_the_first_look_has_no_other_steps() -> None:
    assert worst_of([[0.0, 0.5]], [[WRONG, OK]])[0].tried == ()


def test_labels_that_are_no_classes_are_left_out() -> None:
    shape = (1, 1)
    judgement = Judgement(
        *(np.zeros(shape) for _ in range(3)),
        np.zeros(shape, np.int8),
        np.zeros(shape, bool),
        *(np.zeros(shape),) * 2,
        "full",
        np.zeros(shape),
        *(np.zeros(shape, bool),) * 2,
        *(np.zeros(shape),) * 2,
    )
    assert worst_entries(np.zeros(shape), None, np.zeros(shape), judgement, most=1)[0].label is None
