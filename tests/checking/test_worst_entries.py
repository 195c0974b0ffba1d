"""The worst entries of a batch, as the report has them: which come first, and what is said of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.api import check_at
from gradcheck.losses import BUILT_INS
from gradcheck.report import Entry, Verdict

softmax = BUILT_INS["softmax"].function
S, Y = np.random.default_rng(0).normal(size=(3, 4)), np.array([0, 3, 1])


def worst_of(off: dict[tuple[int, int], float], worst: int = 12, y: Any = Y) -> tuple[Entry, ...]:
    """The worst entries of a softmax with a regularizer that has a kink at S[2, 3], each of these off by a part."""

    def loss(scores: Any, y: Any) -> Any:
        value, dS = softmax(scores, Y)
        apart = scores[2, 3] - S[2, 3]
        dS[2, 3] += np.sign(apart)
        for place, part in off.items():
            dS[place] *= 1 + part
        return value + abs(apart), dS

    (batch,) = check_at(loss, S, y, worst=worst).losses[0].batches
    return batch.worst


def places(entries: tuple[Entry, ...]) -> list[tuple[int, int]]:
    return [(entry.row, entry.class_) for entry in entries]


def test_wrong_entries_lead_by_their_relative_error_then_kinks_then_what_is_right() -> None:
    entries = worst_of({(1, 2): 0.5, (0, 1): 1e-3, (2, 0): 0.1})
    assert places(entries)[:4] == [(1, 2), (2, 0), (0, 1), (2, 3)]
    verdicts = [entry.verdict for entry in entries]
    assert verdicts == [Verdict.WRONG] * 3 + [Verdict.SUBGRADIENT] + [Verdict.OK] * 8


@pytest.mark.parametrize(("worst", "kept"), [(1, 1), (4, 4), (20, 12)])
def test_no_more_are_kept_than_were_asked_for(worst: int, kept: int) -> None:
    assert len(worst_of({}, worst)) == kept


def test_an_entry_says_all_that_is_known_of_it_in_plain_python() -> None:
    entry = worst_of({(1, 2): 0.5})[0]
    assert (entry.row, entry.class_, entry.label, entry.score) == (1, 2, 3, S[1, 2])
    assert entry.relative_error == pytest.approx(1 / 3)
    assert entry.analytic == pytest.approx(1.5 * entry.numerical)
    assert len(entry.tried) > 3
    assert {type(entry.row), type(entry.class_), type(entry.label)} == {int}
    assert {type(entry.score), type(entry.numerical), type(entry.step), type(entry.bound)} == {float}


def test_labels_that_are_no_classes_are_left_out() -> None:
    assert worst_of({}, y=np.eye(4)[Y])[0].label is None
