"""Text from outside held to a length that can be read: an array's repr, the frames of an endless recursion.

It is shortened before it is made inert or escaped, so that what nobody reads costs nothing.
"""

from __future__ import annotations

from gradcheck.output.marks import counted

#: The most that is shown of a line, and of how many lines.
LONGEST_LINE = 2_000
MOST_LINES = 30
#: The most that is shown of a text where its lines do not matter: a file for machines, say.
LONGEST_TEXT = 10_000


def fewer(lines: list[str], most: int = MOST_LINES) -> list[str]:
    """The first and the last of many lines, and how many were left out between them."""
    if len(lines) <= most:
        return lines
    half = most // 2
    return [*lines[:half], f"({counted(len(lines) - 2 * half, 'line')} left out)", *lines[-half:]]


def shortened(line: str, longest: int = LONGEST_LINE) -> str:
    """The beginning of a long line, and how much more there was.

    >>> shortened("softmax", 4)
    'soft (3 more characters)'
    """
    if len(line) <= longest:
        return line
    return f"{line[:longest]} ({counted(len(line) - longest, 'more character')})"


def in_short(text: str) -> str:
    """The beginning and the end of a long text, and how much was left out between them."""
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2
    return f"{text[:half]} ({counted(len(text) - 2 * half, 'more character')}) {text[-half:]}"
