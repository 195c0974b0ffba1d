from __future__ import annotations

import numpy as np
import pytest

from gradcheck.losses.batch import as_batch, as_scores


def test_contiguous_floats_are_not_copied():
    S = np.zeros((2, 3), dtype=np.float32)
    assert as_scores(S) is S


def test_integers_become_float64():
    assert as_scores(np.zeros((2, 3), dtype=int)).dtype == np.float64


def test_any_order_in_memory_becomes_row_by_row():
    S = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert as_scores(S).flags.c_contiguous
    np.testing.assert_array_equal(as_scores(S), S)


@pytest.mark.parametrize("S", [np.zeros(3), np.float64(1), np.zeros((1, 2, 3))])
def test_scores_that_are_no_matrix_are_refused_with_their_shape(S):
    with pytest.raises(ValueError, match=r"shape .* N x C"):
        as_scores(S)


def test_complex_scores_are_refused_and_do_not_lose_their_imaginary_part():
    with pytest.raises(TypeError, match="complex128"):
        as_scores(np.zeros((1, 2), dtype=complex))


@pytest.mark.parametrize("y", [[0, 3], [-1, 0]])
def test_labels_outside_the_classes_are_refused(y):
    with pytest.raises(ValueError, match="0 to 2"):
        as_batch(np.zeros((2, 3)), y)


@pytest.mark.parametrize("y", [[0], [0, 1, 2], [[0, 1, 0], [1, 0, 0]]])
def test_labels_of_another_shape_are_refused(y):
    with pytest.raises(ValueError, match=r"\(2,\)"):
        as_batch(np.zeros((2, 3)), y)


def test_real_labels_are_refused():
    with pytest.raises(TypeError, match="float64"):
        as_batch(np.zeros((2, 3)), [0.0, 1.0])
