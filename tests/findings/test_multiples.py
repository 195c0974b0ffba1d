"""One constant for all that was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.diagnosis.multiples import multiple_of


@given(st.floats(1e-6, 1e3), st.integers(0, 1000))
def test_the_constant_is_found_within_its_uncertainty(c: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal(5), rng.standard_normal(8)]
    bounds = [np.full(5, 1e-9), np.full(8, 1e-10)]
    off = [bound * rng.uniform(-1, 1, bound.shape) for bound in bounds]
    found = multiple_of([c * each + e for each, e in zip(x, off, strict=True)], x, bounds, [1.0, 1.0])
    assert found is not None
    assert abs(found.constant - c) <= found.uncertainty
    assert found.uncertainty < 1e-8


@pytest.mark.parametrize("entry", range(5))
def test_one_entry_beyond_its_bound_says_no(entry: int) -> None:
    x = np.arange(1.0, 6.0)
    off = np.zeros(5)
    off[entry] = 1e-7
    bounds = np.full(5, 1e-9)
    assert multiple_of([2 * x], [x], [bounds], [1.0]) is not None
    assert multiple_of([2 * x + off], [x], [bounds], [1.0]) is None


def test_two_problems_must_agree() -> None:
    x, bounds = np.arange(1.0, 6.0), np.full(5, 1e-9)
    assert multiple_of([2 * x, 2 * x], [x, x], [bounds] * 2, [1.0] * 2) is not None
    assert multiple_of([2 * x, 3 * x], [x, x], [bounds] * 2, [1.0] * 2) is None


def test_a_constant_that_may_be_0_is_none() -> None:
    x, bounds = np.arange(1.0, 6.0), np.full(5, 1e-9)
    assert multiple_of([1e-10 * x], [x], [bounds], [1.0]) is None
    assert multiple_of([0 * x], [x], [0 * bounds], [1.0]) is None
    assert multiple_of([x], [0 * x], [bounds], [1.0]) is None


def test_only_what_is_far_beyond_its_bound_tells() -> None:
    x, bounds = np.array([1.0, 1.0, 0.0]), np.array([1e-9, 0.2, 1e-9])
    found = multiple_of([2 * x], [x], [bounds], [1.0])
    assert found is not None
    assert [each.tolist() for each in found.telling] == [[True, False, False]]
