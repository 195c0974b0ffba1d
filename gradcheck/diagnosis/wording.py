"""Counts and sizes as messages have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gradcheck.checking.case import Case
from gradcheck.diagnosis.fractions_ import number_in_words
from gradcheck.diagnosis.intervals import Interval


def how_many(entries: int, observations: Sequence[Case]) -> str:
    """That something holds in so many entries.

    Args:
        entries: known entries of all problems.
        observations: the problems.

    Returns:
        For example ``in all 120 entries``, or ``in all 113 entries that have a derivative`` where not all have one.
    """
    total = sum(seen.S.size for seen in observations)
    return f"in all {total} entries" if entries == total else f"in all {entries} entries that have a derivative"


def listed(numbers: Iterable[int]) -> str:
    """Sizes in a row, each once.

    Example:
        >>> listed([8, 1, 3, 1])
        '1, 3, 8'
    """
    return ", ".join(str(number) for number in sorted(set(numbers)))


def rows_in_words(rows: int, observations: Sequence[Case]) -> str:
    """So many of one entry a row: ``all 24 rows``, or ``18 rows``, where the others have no derivative there."""
    return f"all {rows} rows" if rows == sum(seen.rows for seen in observations) else f"{rows} rows"


def factors_in_words(by_size: Mapping[int, Interval]) -> str:
    """What dS is at each batch size: a factor of the numerical gradient.

    Example:
        >>> factors_in_words({1: Interval(2.0, 2.0), 3: Interval(0.5, 0.5), 8: Interval(0.0, 0.0)})
        '2 times the numerical gradient at N = 1, 1/2 times at N = 3, 0 at N = 8'
        >>> factors_in_words({1: Interval(0.0, 0.0), 3: Interval(0.0, 0.0)})
        '0 at N = 1, 3'
    """
    sizes: dict[str, list[int]] = {}
    for size, each in by_size.items():
        sizes.setdefault(number_in_words(each.middle, each.radius), []).append(size)
    said: list[str] = []
    for word, those in sizes.items():
        if word != "0":
            word += " times" if any("times" in each for each in said) else " times the numerical gradient"
        said.append(f"{word} at N = {listed(those)}")
    return ", ".join(said)
