"""Central differences with Simpson's correction: how exact they are, and what they do not hide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.numerics.differences import SIGMAS, Stencil, relative_error

Function = Callable[[float], float]
EPS = np.finfo(np.float64).eps


def stencil_of(f: Function, g: Function, s: float, below: float, above: float | None = None) -> Stencil:
    """Of a function and what claims to be its derivative, with the distances as rounding leaves them."""
    low, high = s - below, s + (below if above is None else above)
    numbers = (s - low, high - s, f(low), f(s), f(high), g(low), g(s), g(high))
    return Stencil(*(np.array([float(number)]) for number in numbers))


def polynomial(coefficients: list[float]) -> tuple[Function, Function]:
    p = np.polynomial.Polynomial(coefficients)
    return p, p.deriv()


small = st.floats(-4, 4, allow_subnormal=False)


@given(st.lists(small, min_size=5, max_size=5), small, st.integers(2, 12))
def test_a_polynomial_of_degree_4_is_differenced_exactly_but_for_rounding(
    coefficients: list[float], s: float, exponent: int
) -> None:
    f, g = polynomial(coefficients)
    h = 2.0**-exponent
    size = sum(abs(c) * (abs(s) + h) ** k for k, c in enumerate(coefficients))
    slope = sum(k * abs(c) * (abs(s) + h) ** (k - 1) for k, c in enumerate(coefficients) if k)
    rounding = 16 * EPS * (size / h + slope + 1)
    assert abs(stencil_of(f, g, s, h).corrected()[0] - g(s)) <= rounding


@pytest.mark.parametrize(("f", "g", "fifth"), [
    (np.exp, np.exp, np.exp),
    (np.sin, np.cos, np.cos),
    (np.log, lambda s: 1 / s, lambda s: 24 / s**5),
], ids=["exp", "sin", "log"])  # fmt: skip
def test_the_error_is_h_to_the_fourth_over_180_of_the_fifth_derivative(
    f: Function, g: Function, fifth: Function
) -> None:
    s = 0.7
    for h in (2.0**-4, 2.0**-5, 2.0**-6):
        stencil = stencil_of(f, g, s, h)
        assert stencil.corrected()[0] - g(s) == pytest.approx(-(h**4) / 180 * fifth(s), rel=0.1)
        assert abs(stencil.corrected()[0] - g(s)) < abs(stencil.plain()[0] - g(s)) / 50


@given(st.floats(-3, 3), st.floats(-2, 2), st.integers(5, 12))
def test_a_wrong_g_cannot_hide_in_the_correction(s: float, factor: float, exponent: int) -> None:
    h = 2.0**-exponent
    stencil = stencil_of(np.sin, lambda x: factor * np.cos(x), s, h)
    off_by = abs(stencil.corrected()[0] - np.cos(s))
    assert off_by <= abs(factor - 1) * h**2 / 6 + h**4 / 100 + 32 * EPS / h


def test_the_plain_difference_divides_by_the_distance_really_taken() -> None:
    # Rounding of s + h makes the step off by up to a thousandth.
    assert stencil_of(lambda x: x - 1e6, lambda x: 1.0, 1e6, 1e-7).plain()[0] == 1.0


def test_the_kink_is_half_the_jump_where_g_jumps_too_and_all_of_it_where_g_does_not() -> None:
    h = 2.0**-8
    assert stencil_of(abs, lambda x: float(np.sign(x)), 0.0, h).kink()[0] == 1.0
    assert stencil_of(abs, lambda x: 0.0, 0.0, h).kink()[0] == 2.0


def test_the_bound_on_noise_is_so_many_standard_deviations_of_the_plain_difference() -> None:
    rng, sigma, h, entries = np.random.default_rng(0), 1e-3, 0.01, 20_000
    noisy = sigma * rng.normal(size=(3, entries))
    zero, width = np.zeros(entries), np.full(entries, h)
    stencil = Stencil(width, width, noisy[0], noisy[1], noisy[2], zero, zero, zero)
    assert stencil.noise_bound(sigma, 1.0)[0] == pytest.approx(np.std(stencil.plain()), rel=0.03)
    assert np.all(np.abs(stencil.plain()) <= stencil.noise_bound(sigma))
    assert stencil.noise_bound(sigma)[0] == pytest.approx(SIGMAS * stencil.noise_bound(sigma, 1.0)[0])


@pytest.mark.parametrize(("analytic", "numerical", "expected"), [
    (0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 2.0, 0.5), (2.0, 1.0, 0.5), (1.0, -1.0, 2.0), (0.0, 1e-300, 1.0),
])  # fmt: skip
def test_relative_error(analytic: float, numerical: float, expected: float) -> None:
    assert relative_error(np.array([analytic]), np.array([numerical]))[0] == expected
