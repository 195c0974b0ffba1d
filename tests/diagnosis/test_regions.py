"""Regions of dS, and how likely wrong entries are all in one by coincidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.case import Case
from gradcheck.diagnosis.places import Region, covering, halves, log_chance


def seen(*shapes: tuple[int, int]) -> tuple[Case, ...]:
    return evidence_of("softmax", lambda a, S, y: a, shapes).observations


def entries(observations: tuple[Case, ...], *places: tuple[int, int]) -> list[Any]:
    """The same entries of every problem that has them."""
    masks = [np.zeros(each.S.shape, dtype=bool) for each in observations]
    for each in masks:
        for row, column in places:
            each[row : row + 1, column : column + 1] = True
    return masks


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
    ],
)
def test_places_have_names(region: Region, words: str) -> None:
    assert region.words(seen((1, 5), (3, 5))) == words


@pytest.mark.parametrize(
    ("region", "shapes", "places", "chance"),
    [
        (Region("one-class", 2), [(1, 5)], [(0, 2)], 1),
        (Region("one-row", 0), [(1, 5)], [(0, 2)], 1),
        (Region("one-class", 2), [(3, 5)], [(0, 2), (1, 2), (2, 2)], 1 / 25),
        (Region("one-row", 0), [(8, 5)], [(0, 1), (0, 2)], 2 / 8),
        (Region("one-row", 7), [(8, 5)], [(7, 1)], 2 / 8),
        (Region("one-row", 6), [(8, 5)], [(6, 1)], 1),
        (Region("one-row", 0), [(8, 5), (8, 5)], [(0, 1), (0, 2)], 2 / 64),
    ],
)
def test_how_likely_entries_are_all_in_a_region(
    region: Region, shapes: list[tuple[int, int]], places: list[tuple[int, int]], chance: float
) -> None:
    problems = seen(*shapes)
    assert log_chance(region, problems, entries(problems, *places)) == pytest.approx(math.log(chance))


def test_one_wrong_entry_is_the_label_s_one_time_in_c() -> None:
    problems = seen((1, 5))
    wrong = entries(problems, (0, int(problems[0].y[0])))
    assert log_chance(Region("label-column"), problems, wrong) == pytest.approx(math.log(1 / 5))


def test_entries_in_another_region_do_not_count() -> None:
    problems = seen((3, 5))
    wrong = entries(problems, (0, 2), (1, 0), (1, 1), (1, 2), (2, 2))
    beside = log_chance(Region("one-class", 2), problems, wrong, beside=Region("one-row", 1))
    assert beside == pytest.approx(math.log(1 / 5))


def test_what_is_covered_is_counted_from_the_front_where_sizes_are_alike() -> None:
    problems = seen((3, 5), (3, 5))
    found = covering(problems, entries(problems, (1, 2)))
    assert {Region("one-class", 2), Region("one-row", 1)} <= set(found)
    assert all(region.index >= 0 for region in found)
    assert covering(problems, entries(problems)) == []


def test_one_half_at_least_lies_outside_of_any_region() -> None:
    problems = seen((1, 3), (3, 5), (8, 4))
    regions = [Region("label-column"), Region("other-columns")]
    regions += [Region("one-class", k) for k in range(-3, 3)] + [Region("one-row", i) for i in range(-8, 8)]
    for region in regions:
        outside = [all(not (half(each) & region.of(each)).any() for each in problems) for half in halves(problems)]
        assert any(outside), region
