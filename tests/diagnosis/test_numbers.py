"""Fractions, and laws of N and C."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.diagnosis.numbers import Interval, fraction_of, simplest_law


@given(st.integers(-60, 60), st.sampled_from([*range(1, 17), 20, 25, 50, 100]), st.floats(-1, 1))
def test_a_simple_fraction_is_found_within_its_tolerance(p, q, off):
    number = p / q * (1 + 1e-9 * off)
    assert fraction_of(number, 1e-9 * abs(number)) == Fraction(p, q)


def test_a_random_number_is_a_fraction_one_time_in_twenty_at_most():
    numbers = [math.modf(k * math.sqrt(5))[0] for k in range(1, 2001)]
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-6, 1e-8):
        assert sum(fraction_of(number, tolerance) is not None for number in numbers) <= 100, tolerance


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_no_fraction(number):
    assert fraction_of(number, 1e-9) is None
    assert fraction_of(1.0, number) is None


@pytest.mark.parametrize(
    ("number", "sizes", "law", "alternative"),
    [
        (3.0, [(3, 5), (3, 5)], "N", "3: only N = 3 was tried"),
        (0.5, [(3, 5)], "1/2", ""),
        (4 / 3, [(4, 5), (4, 5)], "4/3", ""),
        (2.0, [(N, 2) for N in (1, 3, 8)], "2", ""),
        (2.0, [(1, 5)], "2", ""),
        (5 / 7, [(4, 3)], "5/7", ""),
        (0.75, [(4, 3)], "3/4", ""),  # and not C/N
    ],
)
def test_what_one_size_alone_leaves_open_is_said(number, sizes, law, alternative):
    within = Interval(number * (1 - 1e-8), number * (1 + 1e-8))
    found = simplest_law([(N, C, within) for N, C in sizes])
    assert (str(found), found.alternative) == (law, alternative)


def test_a_number_that_is_known_to_a_tenth_or_not_at_all_has_no_law():
    assert simplest_law([(N, 5, Interval(2.9, 3.3)) for N in (1, 3, 8)]) is None
    assert simplest_law([(3, 5, Interval())]) is None
    assert simplest_law([]) is None
