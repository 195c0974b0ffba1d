"""Places in dS, and how likely wrong entries are all in one by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.regions import Region, covering, halves, log_chance


def seen(*shapes: tuple[int, int]) -> tuple[Case, ...]:
    return evidence_of("softmax", lambda a, S, y: a, shapes).observations


def entries(*places: tuple[int, int]) -> Any:
    """The same entries of every problem that has them."""

    def these(seen: Case) -> BoolArray:
        which = np.zeros(seen.S.shape, dtype=bool)
        for row, column in places:
            if row < seen.rows and column < seen.classes:
                which[row, column] = True
        return which

    return these


def test_a_class_from_the_back_is_another_one_where_class_counts_differ() -> None:
    three, five = seen((2, 3), (2, 5))
    last = Region("one-class", -1)
    assert np.flatnonzero(last.of(three)[0]).tolist() == [2]
    assert np.flatnonzero(last.of(five)[0]).tolist() == [4]
    assert not Region("one-class", 4).of(three).any()


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Region("label-column"), "the label's column (j = y)"),
        (Region("one-class", 0), "class 0"),
        (Region("one-class", 4), "class 4, the last"),
        (Region("one-row", -1), "the last row"),
        (Region("one-row", 2), "row 2"),
        (Region("one-row", -2), "row -2, counted from the back"),
        (Region("one-row", by_size=((1, 0), (3, 1))), "one row, row 1 of 3"),
    ],
)
def test_places_have_names(region: Region, words: str) -> None:
    assert region.words(seen((1, 5), (3, 5))) == words


def test_one_wrong_entry_is_the_label_s_by_chance_one_time_in_c() -> None:
    (only,) = seen((1, 5))
    at = int(only.y[0])
    assert log_chance(Region("label-column"), [only], entries((0, at))) == pytest.approx(math.log(1 / 5))


def test_one_wrong_entry_is_in_some_class_for_certain() -> None:
    (only,) = seen((1, 5))
    assert log_chance(Region("one-class", 2), [only], entries((0, 2))) == pytest.approx(0)
    assert log_chance(Region("one-row", 0), [only], entries((0, 2))) == pytest.approx(0)


def test_three_rows_agree_on_a_class_one_time_in_c_squared() -> None:
    wrong = entries((0, 2), (1, 2), (2, 2))
    assert log_chance(Region("one-class", 2), seen((3, 5)), wrong) == pytest.approx(math.log(1 / 25))


def test_it_is_the_first_row_or_the_last_in_two_of_eight() -> None:
    wrong = entries((0, 1), (0, 2))
    assert log_chance(Region("one-row", 0), seen((8, 5)), wrong) == pytest.approx(math.log(2 / 8))
    assert log_chance(Region("one-row", 7), seen((8, 5)), entries((7, 1))) == pytest.approx(math.log(2 / 8))
    assert log_chance(Region("one-row", 6), seen((8, 5)), entries((6, 1))) == pytest.approx(0)
    assert log_chance(Region("one-row", 0), seen((8, 5), (8, 5)), wrong) == pytest.approx(math.log(2 / 64))


def test_entries_in_a_place_beside_it_do_not_count() -> None:
    problems = seen((3, 5))
    wrong = entries((0, 2), (1, 0), (1, 1), (1, 2), (2, 2))
    beside = log_chance(Region("one-class", 2), problems, wrong, outside=Region("one-row", 1))
    assert beside == pytest.approx(math.log(1 / 5))


def test_what_is_covered_is_counted_from_the_front_where_sizes_are_alike() -> None:
    found = covering(seen((3, 5), (3, 5)), entries((1, 2)))
    assert Region("one-class", 2) in found
    assert Region("one-row", 1) in found
    assert all(region.index >= 0 for region in found)


def test_nothing_wrong_is_nowhere() -> None:
    assert covering(seen((3, 5)), entries()) == []


def test_one_half_at_least_lies_outside_of_any_region() -> None:
    problems = seen((1, 3), (3, 5), (8, 4))
    regions = [Region("label-column"), Region("other-columns")]
    regions += [Region("one-class", k) for k in range(-3, 3)] + [Region("one-row", i) for i in range(-8, 8)]
    for region in regions:
        outside = [all(not (half(each) & region.of(each)).any() for each in problems) for half in halves(problems)]
        assert any(outside), region
