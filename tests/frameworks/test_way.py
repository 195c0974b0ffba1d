"""What the ways of all frameworks share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.way import is_pair, labels_beside, lone_expected, pair_expected, with_gradient

S32, S64 = np.zeros((2, 3), np.float32), np.zeros((2, 3))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_classes_become_int64(dtype: Any) -> None:
    labels = labels_beside(np.array([2, 0], dtype), S64)
    assert labels.dtype == np.int64
    assert labels.tolist() == [2, 0]


@pytest.mark.parametrize(("scores", "dtype"), [(S32, np.float32), (S64, np.float64), (S64.astype(complex), np.float64)])
def test_numbers_get_the_precision_of_the_scores(scores: Any, dtype: Any) -> None:
    for given in (np.float16, np.float32, np.float64):
        assert labels_beside(np.ones((2, 3), given), scores).dtype == dtype


@pytest.mark.parametrize("labels", [np.array([1, 0]), np.ones((2, 3)), np.array([True]), np.array(["a"], object)])
def test_what_needs_no_change_is_the_same_memory(labels: Any) -> None:
    assert labels_beside(labels, S64) is labels or np.shares_memory(labels_beside(labels, S64), labels)


def test_a_pair_is_a_tuple_or_list_of_two() -> None:
    assert is_pair((1.0, S64))
    assert is_pair([1.0, S64])
    assert not any(is_pair(answer) for answer in (1.0, None, (1.0,), (1.0, S64, 3), S64, "ab", {1: 2, 3: 4}))


def test_a_gradient_of_none_is_a_defect_that_says_what_to_do() -> None:
    assert with_gradient((1.0, S64)) == (1.0, S64)
    with pytest.raises(LossDefect, match=r"call backward first"):
        with_gradient((1.0, None))


@pytest.mark.parametrize("defect", [pair_expected, lone_expected])
def test_what_is_returned_instead_is_named(defect: Any) -> None:
    assert "returns None, " in defect(None).message
    assert "returns a dict, " in defect({}).message
    assert defect({}).code == "wrong-shape"
