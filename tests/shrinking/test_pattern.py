"""Where a gradient is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from observed import OK, WRONG

from gradcheck.checking.case import Case
from gradcheck.shrinking.pattern import Pattern


def seen(wrong: Sequence[tuple[int, int]], kinked=(), y=(0, 1), shape=(2, 3)) -> Case:
    zeros = np.zeros(shape)
    verdicts, kinks = np.full(shape, OK, dtype=np.int8), np.zeros(shape, dtype=bool)
    for cell in wrong:
        verdicts[cell] = WRONG
    for cell in kinked:
        kinks[cell] = True
    return Case(
        S=zeros, y=np.array(y), seed=0, scores="", value=0.0, analytic=zeros, numerical=zeros, bounds=zeros,
        granted=zeros, verdicts=verdicts, kinked=kinks, leaps=zeros,
    )  # fmt: skip


def test_entries_that_are_wrong_at_the_labels_alone_fit_no_others():
    pattern = Pattern.of([seen([(0, 0)]), seen([(1, 1)])])
    assert pattern.fits(seen([(0, 0), (0, 2)]))
    assert not pattern.fits(seen([(0, 1), (1, 2)]))


def test_entries_that_are_wrong_beside_the_labels_fit_no_labels():
    pattern = Pattern.of([seen([(0, 1)])])
    assert pattern.fits(seen([(1, 0)]))
    assert not pattern.fits(seen([(0, 0), (1, 1)]))


def test_entries_that_are_wrong_in_both_places_fit_everything_wrong():
    pattern = Pattern.of([seen([(0, 0), (0, 1)])])
    assert pattern.fits(seen([(0, 0)]))
    assert pattern.fits(seen([(0, 2)]))
    assert not pattern.fits(seen([]))


def test_what_is_wrong_without_a_kink_fits_nothing_that_is_wrong_at_kinks_alone():
    smooth, at_a_tie = seen([(0, 0), (0, 1)]), seen([(0, 0), (0, 1)], kinked=[(0, 0), (0, 1)])
    assert not Pattern.of([smooth]).fits(at_a_tie)
    assert not Pattern.of([smooth, at_a_tie]).fits(at_a_tie)
    assert Pattern.of([at_a_tie]).fits(at_a_tie)
    assert Pattern.of([at_a_tie]).fits(smooth)


def test_labels_that_are_no_classes_say_nothing_of_places():
    y = np.zeros((2, 3))
    assert Pattern.of([seen([(0, 0)], y=y)]) == Pattern(smooth=True, at_label=None)
    assert Pattern.of([seen([(0, 0)])]).fits(seen([(1, 2)], y=y))
