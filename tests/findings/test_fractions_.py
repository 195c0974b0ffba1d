"""Simple fractions and known constants."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.diagnosis.fractions_ import constant_of, fraction_of, number_in_words


@given(st.integers(-60, 60), st.sampled_from([*range(1, 17), 20, 25, 50, 100]), st.floats(-1, 1))
def test_a_simple_fraction_is_found_within_its_tolerance(p: int, q: int, off: float) -> None:
    number = p / q * (1 + 1e-9 * off)
    assert fraction_of(number, 1e-9 * abs(number)) == Fraction(p, q)


@given(st.floats(-50, 50), st.floats(0, 1e-3))
def test_what_is_found_is_within_the_tolerance(number: float, tolerance: float) -> None:
    found = fraction_of(number, tolerance)
    assert found is None or abs(float(found) - number) <= tolerance + 1e-12


def test_a_number_at_random_is_a_fraction_one_time_in_twenty_at_most() -> None:
    numbers = [math.modf(k * math.sqrt(5))[0] for k in range(1, 2001)]
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-6, 1e-8):
        assert sum(fraction_of(number, tolerance) is not None for number in numbers) <= 100, tolerance


def test_of_all_fractions_within_the_tolerance_the_simplest_is_taken() -> None:
    assert fraction_of(0.5001, 2e-4) == Fraction(1, 2)
    assert fraction_of(1e-9, 1e-7) == 0


def test_one_over_a_batch_size_is_simple_however_large() -> None:
    assert fraction_of(-1 / 1024, 1e-11) == Fraction(-1, 1024)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_no_fraction(number: float) -> None:
    assert fraction_of(number, 1e-9) is None
    assert fraction_of(1.0, number) is None


@pytest.mark.parametrize(
    ("number", "name"),
    [(math.log(2), "log 2"), (1 / math.log(2), "1/log 2"), (-math.pi, "-pi"), (math.sqrt(2), "sqrt 2")],
)
def test_known_constants_are_named(number: float, name: str) -> None:
    assert constant_of(number * (1 + 1e-8), 1e-7) == name
    assert number_in_words(number, 1e-7) == f"{number:.6g} = {name}"


def test_a_number_that_is_known_to_one_digit_is_no_constant() -> None:
    assert constant_of(math.pi, 0.1) == ""
