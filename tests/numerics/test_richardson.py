"""Limits of differences at a ladder of steps: the truth lies within bounds that say something."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.richardson import RATIO, STEPS, Limit, better_of, extrapolate

EPS = float(np.finfo(np.float64).eps)
TOP = 0.05
LADDER = TOP / RATIO ** np.arange(STEPS)

FAMILY = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "log-sum-exp": (lambda s: np.logaddexp(0, s), lambda s: 1 / (1 + np.exp(-s))),
    "fifth power": (lambda s: s**5, lambda s: 5 * s**4),
    "runge": (lambda s: 1 / (1 + 25 * s**2), lambda s: -50 * s / (1 + 25 * s**2) ** 2),
    "sin(40 s)": (lambda s: np.sin(40 * s), lambda s: 40 * np.cos(40 * s)),
    "line": (lambda s: 3 * s, lambda s: 3.0),
}


def noise_bounds(sigma):
    """K x 1: of central differences."""
    return (SIGMAS * np.sqrt(2.0) * sigma / (2 * LADDER))[:, np.newaxis]


def central(f, s, noise):
    """K x 1 plain central differences of values with this noise (2 x K) planted in them."""
    above, below = s + LADDER, s - LADDER
    return ((f(above) + noise[0] - f(below) - noise[1]) / (above - below))[:, np.newaxis]


def limit_of(f, s, missing=()):
    """The limit of central differences without noise, some of which could not be taken."""
    differences = central(f, s, np.zeros((2, STEPS)))
    differences[list(missing)] = np.nan
    return extrapolate(differences, noise_bounds(1e-16), first=2, then=2)


@pytest.mark.parametrize("sigma", [1e-16, 1e-11, 1e-7])
@pytest.mark.parametrize("name", FAMILY)
def test_the_bound_holds_the_truth_over_planted_noise(name, sigma):
    f, slope = FAMILY[name]
    rng = np.random.default_rng(len(name))
    outside = []
    for s in rng.uniform(-2, 2, size=100):
        # Rounding: of the value, and of the arguments on the way to it.
        own = max(sigma, EPS * float(np.max(np.abs(f(s + LADDER)))), EPS * abs(s) * abs(slope(s)))
        differences = central(f, s, sigma * rng.normal(size=(2, STEPS)))
        limit = extrapolate(differences, noise_bounds(own), first=2, then=2)
        if not abs(limit.estimate[0] - slope(s)) <= limit.bound[0]:
            outside.append((s, limit.estimate[0] - slope(s), limit.bound[0]))
    assert outside == []


def test_coarse_steps_that_are_the_period_of_a_sine_are_contradicted_by_the_fine_ones():
    # At steps of whole periods, all of sin's differences are 0 and agree perfectly.
    steps = 4.0 / RATIO ** np.arange(STEPS)
    differences = (np.sin(2 * np.pi * steps) / steps)[:, np.newaxis]  # the derivative at 0 is 2 pi
    differences[:2] = 0.0  # steps 4 and 1, without the rounding of sin
    noise = (SIGMAS * np.sqrt(2.0) * 1e-16 / (2 * steps))[:, np.newaxis]
    limit = extrapolate(differences, noise, first=2, then=2)
    assert abs(limit.estimate[0] - 2 * np.pi) <= limit.bound[0] < 1e-6


@given(st.sets(st.integers(0, STEPS - 1), max_size=STEPS - 4))
def test_rungs_that_could_not_be_taken_are_done_without(missing):
    limit = limit_of(np.sin, 0.3, missing)
    # Neighbours are needed for an estimate; with none, nothing can be said.
    taken = [k for k in range(STEPS) if k not in missing]
    if any(k + 1 in taken for k in taken):
        assert abs(limit.estimate[0] - np.cos(0.3)) <= limit.bound[0] < np.inf
    else:
        assert limit.bound[0] == np.inf


@pytest.mark.parametrize(("trusted", "sharper", "expected"), [
    ((1.0, 0.1), (1.05, 0.01), (1.05, 0.01)),  # they agree: the sharper
    ((1.0, 0.01), (1.005, 0.1), (1.0, 0.01)),  # it is not sharper
    ((1.0, 0.1), (2.0, 0.01), (1.0, 0.1)),  # they contradict each other
    ((np.nan, np.inf), (2.0, 0.01), (2.0, 0.01)),  # nothing to contradict
    ((1.0, 0.1), (np.nan, np.inf), (1.0, 0.1)),
])  # fmt: skip
def test_better_of(trusted, sharper, expected):
    better = better_of(*(Limit(np.array(pair[:1]), np.array(pair[1:])) for pair in (trusted, sharper)))
    assert (better.estimate[0], better.bound[0]) == expected
