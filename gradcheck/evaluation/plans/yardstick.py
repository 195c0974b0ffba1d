"""How far two values of a loss that ought to be the same may differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Two ways to the same number may differ by this many standard deviations of their noise, or units of their rounding.
_SIGMAS = 16.0
ROUNDINGS = 64.0
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Yardstick:
    """How far two values that ought to be the same may differ.

    Attributes:
        noise: standard deviation of the noise of a value near S.
        rounding: the same beside the value.
    """

    noise: float
    rounding: float

    def same(self, first: float, second: float, *sizes: float) -> bool:
        """Whether two numbers are the same, computed from others of these sizes."""
        size = max(map(abs, (first, second, *sizes)))
        return abs(first - second) <= _SIGMAS * (self.noise + self.rounding * size) + ROUNDINGS * _EPS * size
