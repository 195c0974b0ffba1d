"""When two values that ought to be the same are the same."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck.evaluation.plans.yardstick import Yardstick
from hypothesis import given
from hypothesis import strategies as st

EXACT = Yardstick(noise=0.0, rounding=0.0)
values = st.floats(-1e100, 1e100, allow_subnormal=False)


@given(values, values, values)
def test_it_does_not_matter_which_is_the_first_nor_which_have_a_minus(first: float, second: float, size: float) -> None:
    yardstick = Yardstick(noise=1e-9, rounding=1e-12)
    told = yardstick.same(first, second, size)
    assert told == yardstick.same(second, first, -size) == yardstick.same(-first, -second, size)
    assert yardstick.same(first, first)


@given(st.lists(values, min_size=1, max_size=60))
def test_a_sum_in_another_order_is_the_same_beside_its_terms(terms: list[float]) -> None:
    one = float(np.sum(terms))
    other = float(np.sum(terms[::-1]))
    assert EXACT.same(one, other, float(np.sum(np.abs(terms))))


@pytest.mark.parametrize(("apart", "same"), [(1e-6, True), (1e-3, False)])
def test_noise_grants_a_few_deviations_and_no_more(apart: float, same: bool) -> None:
    assert Yardstick(noise=1e-6, rounding=0.0).same(1.0, 1.0 + apart) is same
    assert Yardstick(noise=0.0, rounding=1e-9).same(1e3, 1e3 + apart) is same


def test_what_a_small_number_came_from_grants_it_its_rounding() -> None:
    assert not EXACT.same(1e-12, 2e-12)
    assert EXACT.same(1e-12, 2e-12, 1.0, 1e3)
