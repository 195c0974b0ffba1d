"""Noise measured from values on a line: planted levels are found, curves and kinks are no noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.numerics import noise

EPS = float(np.finfo(np.float64).eps)
LINE = noise.POSITIONS * 2.0**-13

CARRIERS = {
    "nothing": np.zeros_like,
    "constant": lambda t: np.full_like(t, 3.7),
    "line": lambda t: 5 * t - 2,
    "sin": lambda t: np.sin(t + 1),
    "sin(40 t)": lambda t: np.sin(40 * t + 1),
    "exp": lambda t: 10 * np.exp(t),
    "quintic": lambda t: (t + 2) ** 5,
}


def on_three_lines(carrier, sigma, seed):
    return CARRIERS[carrier](LINE)[:, np.newaxis] + sigma * np.random.default_rng(seed).normal(size=(noise.POINTS, 3))


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("sigma", [1e-10, 1e-7, 1e-5, 1e-2])
def test_a_planted_level_is_hardly_ever_off_by_more_than_a_factor_of_4(carrier, sigma):
    # Three lines: their root mean square is not too large, and the largest of them not too small.
    levels = np.array([noise.noise_level(on_three_lines(carrier, sigma, seed)) for seed in range(300)])
    together = np.sqrt(np.mean(levels**2, axis=1))
    assert np.all(together > 0)
    assert np.count_nonzero(together > 4 * sigma) <= 3
    assert np.count_nonzero(np.max(levels, axis=1) < sigma / 4) <= 3


@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_exact_function_has_no_more_noise_than_rounding(carrier):
    # 40 t moves by 0.005 a spacing: to the fifth power, that still shows.
    allowed = 1e-12 if carrier == "sin(40 t)" else 4 * EPS
    values = CARRIERS[carrier](LINE)
    assert noise.noise_level(values) <= allowed * np.max(np.abs(values))


@given(st.floats(0.05, 6.9), st.floats(0.1, 10))
def test_a_kink_on_the_line_is_not_taken_for_noise(at, slope):
    values = slope * np.abs(LINE - at * 2.0**-13)
    assert noise.noise_level(values) <= 1e-9 * 2 * slope * 2.0**-13


@pytest.mark.parametrize(("inside", "eps"), [(np.float16, 2.0**-10), (np.float32, 2.0**-23)])
def test_numbers_of_a_low_precision_returned_as_float64_are_found_out_unless_one_is_in_full(inside, eps):
    hidden = np.random.default_rng(0).normal(size=24).astype(inside).astype(np.float64)
    assert noise.effective_eps(hidden, EPS) == eps
    hidden[7] += 1e-12
    assert noise.effective_eps(hidden, EPS) == EPS
    for short in ([1.0, 0.5, -0.25], [0.0, 0.0], [], [np.nan], [3.0, 17.0, np.inf], [1e300, 2e300]):
        assert noise.effective_eps(np.array(short), EPS) == EPS
