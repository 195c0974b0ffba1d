"""Differences along random directions: their residuals, the smallest defect that they show, kinks at the point."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import stencil

from gradcheck.numerics.differences import Stencil
from gradcheck.numerics.directional import RATIO, Pair, has_kinks_at_point, residuals, smallest_defect


def pair(f, g, fine, expected):
    return Pair(stencil(f, g, 0.0, RATIO * fine), stencil(f, g, 0.0, fine), np.array([expected]))


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=6))
def test_the_smallest_defect_is_shown_with_the_probability_that_is_asked_for(unseen):
    size = smallest_defect(np.array(unseen), 0.99)
    draws = np.abs(np.random.default_rng(0).normal(size=(20_000, len(unseen)))) * size
    shown = np.mean(np.any(draws > unseen, axis=1))
    assert shown == pytest.approx(0.99, abs=0.005)


def test_a_smooth_function_leaves_no_more_than_its_bound_and_a_wild_gradient_does_not_widen_it():
    left, bounds, _ = residuals(pair(np.sin, np.cos, 1e-2, 1.0), value_noise=1e-16)
    assert abs(left[0]) <= bounds[0] < 1e-6
    noise = np.random.default_rng(0)  # corrections by a gradient that makes no sense are worse than none
    _, bounds, taken = residuals(pair(np.sin, lambda x: float(noise.normal()), 1e-3, 1.0), value_noise=1e-16)
    assert bounds[0] < 1e-3
    assert taken is Stencil.plain


@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_kinks_near_the_point_are_within_the_bound(seed):
    rng, looks = np.random.default_rng(seed), []
    for _ in range(4):
        places, slopes = rng.normal(size=(2, 50_000))

        def f(x, places=places, slopes=slopes):
            return np.sum(np.maximum(slopes * (x - places), 0))

        def g(x, places=places, slopes=slopes):
            return np.sum(slopes * (slopes * (x - places) > 0))

        looks.append(pair(f, g, 1e-4, float(g(0.0))))
    coarse, fine = (
        Stencil(*np.concatenate(at, axis=1)) for at in zip(*[(each.coarse, each.fine) for each in looks], strict=True)
    )
    together = Pair(coarse, fine, np.concatenate([each.expected for each in looks]))
    left, bounds, _ = residuals(together, value_noise=1e-11)
    assert np.all(np.abs(left) <= bounds)
    assert np.max(bounds) < 0.3 * sqrt(50_000)


@pytest.mark.parametrize(
    ("f", "g", "kinks"),
    [
        (np.sin, np.cos, False),
        (np.abs, np.sign, True),
        (lambda x: max(x, 0.0), lambda x: float(x >= 0), True),
        # two kinks of opposite signs, of which the gradient takes neither side: the values' slope alone tells nothing
        (lambda x: max(x, 0.0) + min(x, 0.0), lambda x: float(x != 0), True),
        (lambda x: abs(x - 1e-4), lambda x: np.sign(x - 1e-4), False),
    ],
)
def test_kinks_at_the_point_itself_are_told_from_kinks_nearby(f, g, kinks):
    assert has_kinks_at_point(pair(f, g, 1e-5, 0.0), value_noise=1e-17, granted=1e-9) == kinks
