from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.checking.bisection import Range, bisect


class Planted:
    """Entries of which some are off, as a direction sees them, and what it takes to measure ranges of them."""

    def __init__(self, shape: tuple[int, int], off: dict[int, float], bound: float = 1e-3) -> None:
        self.seen = np.zeros(shape[0] * shape[1])
        for entry, size in off.items():
            self.seen[entry] = size
        self.columns, self.bound, self.measured = shape[1], bound, 0
        self.noise = np.random.default_rng(0)

    def __call__(self, start: int, stop: int, size: float) -> tuple[float, float]:
        self.measured += 1
        bound = min(self.bound, size / 16)
        return float(np.sum(self.seen[start:stop])) + bound * float(self.noise.uniform(-1, 1)), bound

    def found(self, most: int) -> list[Range]:
        root = Range(0, len(self.seen), float(np.sum(self.seen)), self.bound, measured=True)
        return list(islice(bisect(self, root, self.columns), most))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_one_entry_is_found_by_two_measurements_a_level_at_most(N: int, C: int, data: st.DataObject) -> None:
    entry = data.draw(st.integers(0, N * C - 1))
    planted = Planted((N, C), {entry: data.draw(st.sampled_from([-1.0, 1.0]))})
    (leaf,) = planted.found(1)
    assert (leaf.start, leaf.stop) == (entry, entry + 1)
    levels = np.ceil(np.log2(N)) + np.ceil(np.log2(C)) + 2
    assert planted.measured <= 1.3 * levels + 1


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 399), st.sampled_from([-8.0, -1.0, 0.5, 3.0]), min_size=2, max_size=6))
def test_several_entries_are_found_unless_they_cancel(off: dict[int, float]) -> None:
    planted = Planted((20, 20), off, bound=1e-6)
    found = [leaf.start for leaf in planted.found(len(off))]
    assert set(found) <= set(off)
    assert found or abs(sum(off.values())) < 1e-3
    if len({np.sign(size) for size in off.values()}) == 1:
        assert set(found) == set(off)
        assert found[0] in [entry for entry, size in off.items() if abs(size) >= max(map(abs, off.values())) / len(off)]


def test_the_heaviest_entry_comes_first() -> None:
    off = {7: 1.0, 123: 100.0, 301: 10.0}
    assert [leaf.start for leaf in Planted((20, 20), off).found(3)] == [123, 301, 7]


@pytest.mark.parametrize("columns", [7, 64])
def test_ranges_of_several_rows_are_halved_between_rows(columns: int) -> None:
    borders = []
    planted = Planted((10, columns), {3 * columns + 2: 1.0})

    def measure(start: int, stop: int, size: float) -> tuple[float, float]:
        borders.append((start, stop))
        return planted(start, stop, size)

    next(bisect(measure, Range(0, 10 * columns, 1.0, 1e-3, measured=True), columns))
    in_rows = [(start, stop) for start, stop in borders if stop - start > columns]
    assert in_rows
    assert all(start % columns == stop % columns == 0 for start, stop in in_rows)
