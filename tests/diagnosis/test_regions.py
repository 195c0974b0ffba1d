"""Regions of dS, and how likely wrong entries are all in one by coincidence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.case import Case
from gradcheck.diagnosis.places import Region, halves, log_chance


def seen(*shapes: tuple[int, int]) -> tuple[Case, ...]:
    return evidence_of("softmax", lambda a, S, y: a, shapes).observations


def entries(observations: tuple[Case, ...], *places: tuple[int, int]) -> list[Any]:
    """The same entries of every problem that has them."""
    masks = [np.zeros(each.S.shape, dtype=bool) for each in observations]
    for each in masks:
        for row, column in places:
            each[row : row + 1, column : column + 1] = True
    return masks


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


def test_one_half_at_least_lies_outside_of_any_region() -> None:
    problems = seen((1, 3), (3, 5), (8, 4))
    regions = [Region("label-column"), Region("other-columns")]
    regions += [Region("one-class", k) for k in range(-3, 3)] + [Region("one-row", i) for i in range(-8, 8)]
    for region in regions:
        outside = [all(not (half(each) & region.of(each)).any() for each in problems) for half in halves(problems)]
        assert any(outside), region
