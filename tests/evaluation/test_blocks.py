"""The rows of a matrix as runs of flat entries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.evaluation.blocks import Blocks


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_rows_of_a_matrix_are_blocks(N: int, C: int) -> None:
    blocks = Blocks(N, C)
    matrix = np.arange(N * C).reshape(N, C)
    assert [matrix.ravel()[each].tolist() for each in blocks.slices()] == matrix.tolist()
    assert blocks.starts.tolist() == matrix[:, 0].tolist()
    assert blocks.of(np.arange(N * C)).tolist() == np.repeat(np.arange(N), C).tolist()


def test_what_is_not_finite_has_no_size() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        assert Blocks(3, 2).largest(np.array([1.0, -2.0, bad, 3.0, bad, bad])).tolist() == [2.0, 3.0, 0.0]
