"""Text from outside held to a length that can be read."""

from __future__ import annotations

from gradcheck.output.shortening import LONGEST_LINE, LONGEST_TEXT, MOST_LINES, fewer, in_short, shortened


def test_a_line_that_is_not_too_long_stays_as_it_is():
    assert shortened("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    assert shortened("x" * (LONGEST_LINE + 1)) == "x" * LONGEST_LINE + " (1 more character)"


def test_the_first_and_the_last_lines_are_kept():
    lines = [str(number) for number in range(MOST_LINES + 1)]
    assert fewer(lines[:-1]) == lines[:-1]
    half = MOST_LINES // 2
    assert fewer(lines) == [*lines[:half], "(1 line left out)", *lines[-half:]]


def test_the_beginning_and_the_end_of_a_long_text_are_kept():
    assert in_short("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    half = LONGEST_TEXT // 2
    assert in_short("a" * half + "?" + "b" * half) == f"{'a' * half} (1 more character) {'b' * half}"
