"""Intervals, and the multiplier of one array into another."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.diagnosis.intervals import Interval, meet, multiplier


def test_intervals_apart_have_no_meet() -> None:
    assert meet([Interval(0, 1), Interval(0.5, 2), Interval(1.5, 3)]) is None
    assert meet([]) == Interval()


@given(st.floats(-10, 10), st.lists(st.floats(-10, 10), min_size=1, max_size=6))
def test_the_multiplier_is_in_the_interval(c: float, entries: list[float]) -> None:
    x = np.array(entries)
    slack = 1e-9 * (1 + np.abs(c * x))
    found = multiplier(x, c * x + 0.9 * slack, slack)
    assert found is not None
    assert found.low <= c <= found.high or not np.any(np.abs(x) > 1e-300)


def test_a_zero_that_should_be_none_has_no_multiplier() -> None:
    assert multiplier(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([0.1, 0.1])) is None
