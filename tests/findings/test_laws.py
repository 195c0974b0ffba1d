"""Laws of N and C."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gradcheck.diagnosis.intervals import Interval
from gradcheck.diagnosis.laws import Told, simplest_law

POWERS = st.integers(-2, 2)
FACTORS = st.sampled_from([1.0, 2.0, 0.5, 1 / 3, 0.9, 7.0, math.log(2), math.pi])


def told(number: float, N: int, C: int, off: float = 0.0) -> Told:
    radius = 1e-8 * abs(number)
    return Told(N, C, Interval(number - radius + off * radius, number + radius + off * radius))


@given(POWERS, POWERS, FACTORS, st.sampled_from([1, -1]), st.floats(-0.9, 0.9))
def test_a_law_is_found_where_many_sizes_were_tried(a: int, b: int, k: float, sign: int, off: float) -> None:
    sizes = [(N, C) for N in (1, 3, 8) for C in (2, 5, 7)]
    law = simplest_law([told(sign * k * float(N) ** a * float(C) ** b, N, C, off) for N, C in sizes])
    assert law is not None
    assert (law.rows, law.classes) == (a, b)
    assert law.constant == pytest.approx(sign * k, rel=1e-7)
    assert not law.is_free
    assert law.alternative == ""


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_three_numbers_at_random_follow_no_law(one: float, three: float, eight: float) -> None:
    assume(len({round(math.log(x), 2) for x in (one, three, eight)}) == 3)
    law = simplest_law([told(one, 1, 5), told(three, 3, 5), told(eight, 8, 5)])
    if law is not None:
        assert [law.at(N, 5) for N in (1, 3, 8)] == pytest.approx([one, three, eight], rel=1e-6)


def test_one_batch_size_does_not_tell_n_from_a_constant() -> None:
    law = simplest_law([told(3.0, 3, 5), told(3.0, 3, 5)])
    assert law is not None
    assert (str(law), law.alternative) == ("N", "3: only N = 3 was tried")


def test_a_constant_that_is_no_power_of_the_sizes_tried_is_no_other() -> None:
    law = simplest_law([told(0.5, 3, 5)])
    assert law is not None
    assert (str(law), law.alternative) == ("1/2", "")


def test_of_one_batch_size_a_fraction_is_no_part_of_n() -> None:
    law = simplest_law([told(4 / 3, 4, 5), told(4 / 3, 4, 5)])
    assert law is not None
    assert (str(law), law.alternative) == ("4/3", "")


def test_two_may_be_the_number_of_classes() -> None:
    law = simplest_law([told(2.0, N, 2) for N in (1, 3, 8)])
    assert law is not None
    assert (str(law), law.alternative) == ("2", "C: only C = 2 was tried")


def test_rows_of_one_problem_alone_tell_nothing_of_n() -> None:
    law = simplest_law([told(2.0, 1, 5)])
    assert law is not None
    assert law.rows == 0


def test_a_number_that_is_known_to_a_tenth_is_no_law() -> None:
    assert simplest_law([Told(N, 5, Interval(2.9, 3.3)) for N in (1, 3, 8)]) is None


def test_where_nothing_tells_of_it_there_is_no_law() -> None:
    assert simplest_law([Told(3, 5, Interval())]) is None
    assert simplest_law([]) is None
