"""What a single step tells of a derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gradcheck.numerics.differences import Stencil
from gradcheck.shrinking.sharpness import Sharpness, Told, told

STEP = 2.0**-14


def at(f: Callable, g: Callable, s: float, analytic: float | None = None, step: float = STEP) -> Told:
    """What is told of g, the derivative that a loss answers for f, at s."""
    points = np.array([s - step, s, s + step])
    below, value, above = (np.array([f(p)]) for p in points)
    slopes = [np.array([float(g(p))]) for p in points]
    width = np.array([step])
    stencil = Stencil(width, width, below, value, above, *slopes)
    return told(stencil, slopes[1] if analytic is None else np.array([analytic]), usual=1.0)


def sigmoid(s: float) -> float:
    return float(1 / (1 + np.exp(-s)))


def softplus(s: float) -> float:
    return float(np.logaddexp(0, s))


@pytest.mark.parametrize("s", [-3.0, 0.0, 0.7, 5.0])
def test_a_right_derivative_lies_within_what_is_allowed(s):
    tells = at(softplus, sigmoid, s)
    assert tells.gap[0] < 1e-10
    assert not tells.kinked[0]
    assert tells.jump[0] == tells.leaps[0] == 0


@pytest.mark.parametrize("defect", [1e-6, 1e-3, 0.1, 1.0, 50.0])
def test_a_wrong_one_is_off_by_its_defect(defect):
    tells = at(softplus, lambda s: sigmoid(s) * (1 + defect), 0.7)
    assert tells.gap[0] == pytest.approx(defect * sigmoid(0.7), rel=1e-2)
    assert tells.numerical[0] == pytest.approx(sigmoid(0.7), rel=1e-4)


def test_one_that_errs_around_but_not_here_is_right_here():
    tells = at(softplus, lambda s: 0.5 + s, 0.0)
    assert tells.gap[0] == 0


@pytest.mark.parametrize(("subgradient", "gap"), [(0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (1.5, 0.5), (-2.0, 2.0)])
def test_at_a_kink_what_lies_between_the_derivatives_of_both_sides_is_right(subgradient, gap):
    tells = at(lambda s: max(0.0, s), lambda s: s > 0, 0.0, subgradient)
    assert tells.kinked[0]
    assert tells.gap[0] == pytest.approx(gap)
    assert tells.jump[0] == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_kinks_are_told_at_any_scale(scale):
    points = STEP * np.array([-1.0, 0.0, 1.0])
    below, value, above = (np.array([scale * max(0.0, p)]) for p in points)
    width = np.array([STEP])
    tells = told(Stencil(width, width, below, value, above, *(np.array([scale * x]) for x in (0.0, 0.5, 1.0))),
                 np.array([scale * 0.5]), usual=scale)  # fmt: skip
    assert tells.kinked[0]
    assert tells.gap[0] == 0


def test_a_value_that_is_off_at_the_point_alone_leaps():
    tells = at(lambda s: softplus(s) - (s == 0), sigmoid, 0.0)
    assert tells.leaps[0] == pytest.approx(1, rel=1e-3)
    assert not tells.kinked[0]


def test_the_step_is_fine_for_a_precise_loss_and_coarse_for_a_noisy_one():
    precise = Sharpness.of(np.full(3, 1e-14), np.ones(3), rows=1)
    noisy = Sharpness.of(np.full(3, 1e-5), np.ones(3), rows=1)
    assert precise.step == 2.0**-14
    assert 2.0**-9 < noisy.step < 2.0**-4
    assert noisy.bound > 1e-5 > 1e-10 > precise.bound


def test_bounds_are_those_of_one_row_and_infinite_ones_do_not_count():
    bounds = np.array([1e-12, np.inf, 1e-12])
    assert Sharpness.of(bounds, np.ones(3), rows=4).bound == pytest.approx(
        4 * Sharpness.of(bounds, np.ones(3), rows=1).bound
    )
    assert np.isfinite(Sharpness.of(np.array([np.inf]), np.zeros(1), rows=1).bound)
