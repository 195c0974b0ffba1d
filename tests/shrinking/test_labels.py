"""Labels of fewer rows and classes."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.shrinking.labels import columns_of, distinct, drawn, kind_of, taken

CLASSES = np.array([2, 0, 1])
ONE_HOT = np.eye(3)[CLASSES]
REAL = np.arange(9.0).reshape(3, 3) / 7
TARGETS = np.array([0.5, 1.5, 2.5])
NOTHING = np.array(3.0)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (CLASSES, "classes"),
        (ONE_HOT, "one-hot"),
        (ONE_HOT.astype(np.float32), "one-hot"),
        (REAL, "entries"),
        (TARGETS, "rows"),
        (np.array([2, 0, 3]), "rows"),
        (np.array([-1, 1, 1]), "rows"),
        (np.array(["a", "b", "c"]), "rows"),
        (NOTHING, "other"),
        (np.array([1, 2]), "other"),
    ],
)
def test_the_kind_of_labels_is_told_by_their_shape_and_values(y, kind):
    assert kind_of(y, (3, 3)) == kind


def test_a_label_that_is_not_among_the_columns_becomes_one_that_is():
    rows, columns = np.array([0, 2]), np.array([0, 2])
    assert taken(CLASSES, "classes", rows, columns).tolist() == [1, 1]
    assert taken(ONE_HOT, "one-hot", rows, columns).tolist() == [[0, 1], [0, 1]]


def test_other_labels_keep_the_parts_that_belong_to_the_rows_and_columns():
    rows, columns = np.array([0, 2]), np.array([1])
    assert taken(REAL, "entries", rows, columns).tolist() == [[REAL[0, 1]], [REAL[2, 1]]]
    assert taken(TARGETS, "rows", rows, columns).tolist() == [0.5, 2.5]
    assert taken(NOTHING, "other", rows, columns) == 3.0


def test_distinct_labels_go_round_the_classes_either_way():
    assert distinct(CLASSES, "classes", (3, 2)).tolist() == [0, 1, 0]
    assert distinct(CLASSES, "classes", (3, 2), backwards=True).tolist() == [1, 0, 1]
    assert distinct(ONE_HOT, "one-hot", (2, 2)).tolist() == [[1, 0], [0, 1]]
    assert distinct(REAL, "entries", (2, 1)).tolist() == REAL[:2, :1].tolist()


@pytest.mark.parametrize("y", [CLASSES, ONE_HOT, REAL, TARGETS])
def test_labels_that_are_drawn_are_of_the_same_kind_and_dtype(y):
    kind = kind_of(y, (3, 3))
    new = drawn(y, kind, (2, 2), np.random.default_rng(0))
    assert new.dtype == y.dtype
    assert kind_of(new, (2, 2)) == kind


def test_the_columns_of_labels_are_known_for_classes_alone():
    assert columns_of(CLASSES, "classes").tolist() == columns_of(ONE_HOT, "one-hot").tolist() == [2, 0, 1]
    assert columns_of(REAL, "entries") is None
