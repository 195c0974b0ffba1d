"""Numbers as text."""

from __future__ import annotations

import pytest

from gradcheck.output.marks import digits_to_tell_apart, duration, number, relative


@pytest.mark.parametrize(
    ("error", "two", "one"),
    [
        (0.0, "0", "0"),
        (3.14e-11, "3.1e-11", "3e-11"),
        (9.99e-8, "1.0e-07", "1e-07"),
        (5e-324, "4.9e-324", "5e-324"),
        (0.00099999, "1.0e-03", "1e-03"),
        (0.0012, "0.0012", "0.001"),
        (0.333, "0.33", "0.3"),
        (1.0, "1.0", "1"),
        (2.0, "2.0", "2"),
    ],
)
def test_a_relative_error_has_one_or_two_significant_digits(error, two, one):
    assert (relative(error), relative(error, digits=1)) == (two, one)


def test_zero_has_no_sign():
    assert (number(-0.0), number(0.0), relative(-0.0)) == ("0", "0", "0")
    assert number(-5e-324) == "-4.941e-324"


def test_digits_tell_apart_what_differs():
    for error in (0.5, 1e-3, 1e-7, 3e-10, 1e-13):
        digits = digits_to_tell_apart(error)
        assert f"{0.7:.{digits}g}" != f"{0.7 * (1 + error):.{digits}g}"
    assert digits_to_tell_apart(0.0) == digits_to_tell_apart(2.0) == 5
    assert digits_to_tell_apart(1e-300) == 17


def test_time_is_in_the_unit_one_reads_it_in():
    assert [duration(s) for s in (0.0, 0.0042, 0.9996, 1.25, 99.96, 150)] == [
        "0 ms",
        "4 ms",
        "1.0 s",
        "1.2 s",
        "1.7 min",
        "2.5 min",
    ]
