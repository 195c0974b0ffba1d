"""Central differences with Simpson's correction: how exact they are, and what they do not hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import stencil

from gradcheck.numerics.differences import SIGMAS, Stencil

EPS = np.finfo(np.float64).eps
small = st.floats(-4, 4, allow_subnormal=False)


@given(st.lists(small, min_size=5, max_size=5), small, st.integers(2, 12))
def test_a_polynomial_of_degree_4_is_differenced_exactly_but_for_rounding(coefficients, s, exponent):
    f = np.polynomial.Polynomial(coefficients)
    g = f.deriv()
    h = 2.0**-exponent
    size = sum(abs(c) * (abs(s) + h) ** k for k, c in enumerate(coefficients))
    slope = sum(k * abs(c) * (abs(s) + h) ** (k - 1) for k, c in enumerate(coefficients) if k)
    rounding = 16 * EPS * (size / h + slope + 1)
    assert abs(stencil(f, g, s, h).corrected()[0] - g(s)) <= rounding


@pytest.mark.parametrize(("f", "g", "fifth"), [
    (np.exp, np.exp, np.exp),
    (np.sin, np.cos, np.cos),
    (np.log, lambda s: 1 / s, lambda s: 24 / s**5),
], ids=["exp", "sin", "log"])  # fmt: skip
def test_the_error_is_h_to_the_fourth_over_180_of_the_fifth_derivative(f, g, fifth):
    s = 0.7
    for h in (2.0**-4, 2.0**-5, 2.0**-6):
        around = stencil(f, g, s, h)
        assert around.corrected()[0] - g(s) == pytest.approx(-(h**4) / 180 * fifth(s), rel=0.1)
        assert abs(around.corrected()[0] - g(s)) < abs(around.plain()[0] - g(s)) / 50


def test_the_bound_on_noise_is_so_many_standard_deviations_of_the_plain_difference():
    rng, sigma, h, entries = np.random.default_rng(0), 1e-3, 0.01, 20_000
    noisy = sigma * rng.normal(size=(3, entries))
    zero, width = np.zeros(entries), np.full(entries, h)
    many = Stencil(width, width, *noisy, zero, zero, zero)
    assert many.noise_bound(sigma, 1.0)[0] == pytest.approx(np.std(many.plain()), rel=0.03)
    assert np.all(np.abs(many.plain()) <= many.noise_bound(sigma))
    assert many.noise_bound(sigma)[0] == pytest.approx(SIGMAS * many.noise_bound(sigma, 1.0)[0])
