"""Known losses at observed problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.case import Case
from gradcheck.diagnosis.known import Known, built_in, built_ins, kinks_of, labels_of, rows_of
from gradcheck.diagnosis.relatives import RELATIVES
from gradcheck.losses import BUILT_INS


def observed(S: list[list[float]], y: object) -> Case:
    (seen,) = evidence_of("softmax", lambda a, S, y: a, [(1, 2)]).observations
    return replace(seen, S=np.array(S), y=np.array(y))


def named(name: str) -> Known:
    return next(each for each in built_ins() if each.name == name)


def test_every_built_in_of_classes_is_known_and_every_other_by_its_name() -> None:
    others = {"soft-cross-entropy", "binary-cross-entropy", "squared-error"}
    assert [each.name for each in built_ins()] == [name for name in BUILT_INS if name not in others]
    assert {built_in(name).name for name in others} == others


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([0, 1], [0, 1]),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1]),
        ([[1, 0], [0, 1]], [0, 1]),
        ([[1.0, 1.0], [0.0, 1.0]], None),
        ([[0.5, 0.5], [0.0, 1.0]], None),
        ([0, 2], None),
        ([-1, 0], None),
        ([0.0, 1.0], None),
    ],
)
def test_labels_are_classes_or_one_hot(y: object, labels: list[int] | None) -> None:
    found = labels_of(observed([[1.0, 2.0], [3.0, 1.0]], y))
    assert labels is None if found is None else found.tolist() == labels


def test_a_loss_without_such_labels_has_no_rows() -> None:
    seen = observed([[1.0, 2.0], [3.0, 1.0]], [[0.5, 0.5], [0.0, 1.0]])
    assert rows_of(named("softmax"), seen) is None
    assert all(rows_of(relative, seen) is None for relative in RELATIVES)
    rows = rows_of(named("affine-exp"), seen)  # it takes none
    assert rows is not None
    assert rows.L.tolist() == [-4.0, 3.0]


def test_a_loss_that_overflows_has_no_rows() -> None:
    assert rows_of(named("affine-exp"), observed([[0.0, 0.0, 1e3]], [0])) is None


def test_a_margin_of_0_is_a_kink_of_its_own_column_and_the_label_s() -> None:
    seen = observed([[1.0, 0.0, -5.0], [1.0, 0.5, -5.0]], [0, 0])
    rows = rows_of(named("svm"), seen)
    assert rows is not None
    assert kinks_of(named("svm"), seen, rows).tolist() == [[True, True, False], [False, False, False]]


def test_a_smooth_loss_has_no_kinks() -> None:
    seen = observed([[1.0, 0.0, -5.0], [50.0, 0.5, -5.0]], [0, 1])
    rows = rows_of(named("softmax"), seen)
    assert rows is not None
    assert not kinks_of(named("softmax"), seen, rows).any()
