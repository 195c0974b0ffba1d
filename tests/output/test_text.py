"""Numbers as text, and text from outside held to a length that can be read."""

from dataclasses import replace

import pytest

from gradcheck.output.text import LONGEST_LINE, MOST_LINES, digits_of, relative, shorten


@pytest.mark.parametrize(
    ("error", "two", "one"),
    [
        (0.0, "0", "0"),
        (3.14e-11, "3.1e-11", "3e-11"),
        (5e-324, "4.9e-324", "5e-324"),
        (0.0012, "0.0012", "1e-03"),
        (0.0567, "0.057", "0.06"),
        (0.333, "0.33", "0.33"),
        (2.0, "2.0", "2.0"),
        (float("inf"), "inf", "inf"),
    ],
)
def test_a_relative_error_has_few_significant_digits(error, two, one):
    assert (relative(error), relative(error, digits=1)) == (two, one)


def test_derivatives_of_a_wrong_entry_have_the_digits_that_tell_them_apart(problem):
    wrong = problem(wrong=[(0, 0)]).worst[0]
    for error in (0.5, 1e-3, 1e-7, 3e-10, 1e-13):
        digits = digits_of(replace(wrong, relative_error=error))
        assert f"{0.7:.{digits}g}" != f"{0.7 * (1 + error):.{digits}g}"
    assert [digits_of(replace(wrong, relative_error=error)) for error in (0.0, 2.0, 1e-300)] == [5, 5, 17]


def test_long_lines_and_many_lines_say_how_much_is_left_out():
    assert shorten("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    assert shorten("x" * (LONGEST_LINE + 1)) == "x" * LONGEST_LINE + " (1 more character)"
    lines, half = [str(number) for number in range(MOST_LINES + 1)], MOST_LINES // 2
    assert shorten("\n".join(lines[1:])) == "\n".join(lines[1:])
    assert shorten("\n".join(lines)).split("\n") == [*lines[:half], "(1 line left out)", *lines[-half:]]
