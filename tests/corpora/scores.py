"""The four kinds of scores that every right loss is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SCORES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "integer ties": lambda rng, shape: rng.integers(-2, 3, size=shape).astype(float),
    "1e-3": lambda rng, shape: 1e-3 * rng.normal(size=shape),
    "1e3": lambda rng, shape: 1e3 * rng.normal(size=shape),
}
#: The same four kinds as a configuration has them.
FOUR_KINDS: list[dict[str, Any]] = [
    {"distribution": "normal"},
    {"distribution": "integers", "low": -2, "high": 2},
    {"distribution": "normal", "scale": 1e-3},
    {"distribution": "normal", "scale": 1e3},
]
SHAPES = [(1, 3), (3, 5), (8, 4)]


def draw(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores N x C and labels N of one problem; the shape goes round with the seed."""
    rng = np.random.default_rng([seed, list(SCORES).index(kind)])
    N, C = SHAPES[seed % len(SHAPES)]
    return SCORES[kind](rng, (N, C)), rng.integers(0, C, size=N)
