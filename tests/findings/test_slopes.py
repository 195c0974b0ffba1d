"""Slopes of dS along a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.precision import Line
from gradcheck.diagnosis.slopes import Slope, slope_along
from gradcheck.numerics.noise import POSITIONS


def slope(
    gradient: Callable[[Any], Any], S: Any, granted: float = 1e-15, noise: float = 0.0
) -> tuple[Slope | None, Any, Any]:
    """The slope along one direction by another, and the directions."""
    rng = np.random.default_rng(3)
    along, onto = rng.standard_normal((2, *S.shape))
    offsets = 2.0**-13 * POSITIONS
    offsets = offsets - offsets[0]
    seen = [gradient(S + t * along) + noise * rng.standard_normal(S.shape) for t in offsets]
    (observation,) = evidence_of("softmax", lambda a, S, y: a, [S.shape]).observations
    observation = replace(observation, granted=np.full(S.shape, granted))
    return slope_along(Line(along, offsets, tuple(seen)), onto, observation), along, onto


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_smooth_slope_is_within_its_error(size: float) -> None:
    S = np.random.default_rng(0).standard_normal((3, 4))
    found, along, onto = slope(lambda S: size * np.sin(2 * S), S, granted=1e-15 * size)
    assert found is not None
    true = size * float(np.sum(onto * 2 * np.cos(2 * S) * along))
    assert abs(found.value - true) <= found.error
    assert found.error < 1e-8 * abs(true)


def test_noise_widens_the_error() -> None:
    S = np.random.default_rng(0).standard_normal((3, 4))
    found, along, onto = slope(np.sin, S, granted=5e-9, noise=1e-9)
    assert found is not None
    true = float(np.sum(onto * np.cos(S) * along))
    assert abs(found.value - true) <= found.error < 0.01 * abs(true)


@pytest.mark.parametrize(
    "gradient",
    [
        lambda S: (S > 0.1).astype(float),  # a jump
        lambda S: np.maximum(S - 0.1, 0),  # a bend
    ],
)
def test_a_kink_on_the_line_says_nothing(gradient: Callable[[Any], Any]) -> None:
    S = np.full((3, 4), 0.1)
    S[0] += 1e-4 * np.linspace(-4, 4, 4)
    assert slope(gradient, S)[0] is None


def test_a_constant_has_a_slope_of_0() -> None:
    found = slope(np.ones_like, np.zeros((3, 4)))[0]
    assert found is not None
    assert abs(found.value) <= found.error
