from __future__ import annotations

import numpy as np
import pytest

from gradcheck.losses.batch import as_batch, as_scores, reduced


@pytest.mark.parametrize("S", [np.zeros((2, 3), dtype=np.float32), np.full((1, 2), 1 + 1e-20j)])
def test_contiguous_floats_and_complex_numbers_are_not_copied(S):
    assert as_scores(S) is S
    assert as_batch(S.tolist(), [0] * len(S))[0].dtype == (np.complex128 if S.dtype.kind == "c" else np.float64)


def test_integers_become_float64_and_any_order_in_memory_row_by_row():
    assert as_scores(np.zeros((2, 3), dtype=int)).dtype == np.float64
    S = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert as_scores(S).flags.c_contiguous
    np.testing.assert_array_equal(as_scores(S), S)


@pytest.mark.parametrize("S", [np.zeros(3), np.float64(1), np.zeros((1, 2, 3))])
def test_scores_that_are_no_matrix_are_refused_with_their_shape(S):
    with pytest.raises(ValueError, match=r"shape .* N x C"):
        as_scores(S)


@pytest.mark.parametrize("S", [np.zeros((1, 2), dtype=bool), np.array([["1", "2"]]), np.array([[None, 1.0]])])
def test_scores_that_are_no_numbers_are_refused_with_their_dtype(S):
    with pytest.raises(TypeError, match=str(S.dtype)):
        as_scores(S)


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        ([0, 3], ValueError, "run from 0 to 3; 3 classes are 0 to 2"),
        ([-1, 0], ValueError, "run from -1 to 0; 3 classes are 0 to 2"),
        ([0], ValueError, r"\(2,\)"),
        ([0, 1, 2], ValueError, r"\(2,\)"),
        ([[0, 1, 0], [1, 0, 0]], ValueError, r"\(2,\)"),
        ([0.0, 1.0], TypeError, "float64"),
    ],
)
def test_labels_that_are_no_classes_of_the_rows_are_refused(y, error, said):
    with pytest.raises(error, match=said):
        as_batch(np.zeros((2, 3)), y)


def test_a_mean_is_numpys_to_the_last_bit():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        L = rng.normal(size=rng.integers(1, 200)).astype([np.float64, np.float32][seed % 2])
        value, dS = reduced(L, np.ones((len(L), 2), dtype=L.dtype), "mean")
        assert (value.dtype, value) == (L.dtype, L.mean())
        np.testing.assert_array_equal(dS, 1 / np.full((len(L), 2), len(L), dtype=L.dtype))


@pytest.mark.parametrize("reduction", ["Mean", "", None, "batchmean"])
def test_an_unknown_reduction_is_refused_with_those_there_are(reduction):
    with pytest.raises(ValueError, match=f"{reduction!r}; it must be 'mean', 'sum' or 'none'"):
        reduced(np.zeros(2), np.zeros((2, 3)), reduction)
