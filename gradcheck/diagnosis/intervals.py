"""Where a number is known to lie, and where a multiplier of one array into another does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gradcheck.report import FloatArray


@dataclass(frozen=True)
class Interval:
    """Where a number is known to lie; without bounds where nothing is known of it."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def is_bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def middle(self) -> float:
        return self.low + (self.high - self.low) / 2

    @property
    def radius(self) -> float:
        return (self.high - self.low) / 2

    def holds(self, number: float) -> bool:
        return self.low <= number <= self.high

    def times(self, factor: float) -> Interval:
        """The interval of a positive multiple."""
        return Interval(self.low * factor, self.high * factor)


def meet(intervals: Iterable[Interval]) -> Interval | None:
    """What several intervals tell of one number together; None where they contradict each other.

    Example:
        >>> meet([Interval(0.0, 2.0), Interval(1.0, 3.0)])
        Interval(low=1.0, high=2.0)
        >>> meet([Interval(0.0, 1.0), Interval(2.0, 3.0)]) is None
        True
    """
    low, high = -math.inf, math.inf
    for each in intervals:
        low, high = max(low, each.low), min(high, each.high)
    return Interval(low, high) if low <= high else None


def multiplier(
    x: FloatArray, target: FloatArray, slack: FloatArray, error: FloatArray | float = 0.0
) -> Interval | None:
    """All c with ``abs(target - c x) <= slack + abs(c) error`` in every entry.

    Where c > 0 that is c (x + error) >= target - slack and c (x - error) <= target + slack: an interval an entry, of
    which the meet is taken; where c < 0, likewise for -c and -x.

    Args:
        x, target: arrays of one shape.
        slack: how far the target may be off; at least 0.
        error: how far x itself may be off; at least 0.

    Returns:
        None where there is no such c; without bounds where every c is.

    Example:
        >>> multiplier(np.array([1.0, 2.0]), np.array([3.0, 6.0]), np.array([0.5, 0.5]))
        Interval(low=2.75, high=3.25)
        >>> multiplier(np.array([1.0, 2.0]), np.array([3.0, 5.0]), np.array([0.1, 0.1])) is None
        True
        >>> multiplier(np.array([1e-9]), np.array([0.0]), np.array([1e-15]), error=1e-8)
        Interval(low=-inf, high=inf)
    """
    positive = _at_least_zero(x + error, x - error, target - slack, target + slack)
    negative = _at_least_zero(-x + error, -x - error, target - slack, target + slack)
    if positive is None or negative is None:
        return positive if negative is None else Interval(-negative.high, -negative.low)
    return Interval(-negative.high, positive.high)


def _at_least_zero(most: FloatArray, least: FloatArray, low: FloatArray, high: FloatArray) -> Interval | None:
    """All c >= 0 with c most >= low and c least <= high in every entry."""
    if np.any((most == 0) & (low > 0)) or np.any((least == 0) & (high < 0)):
        return None
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        from_low, from_high = low / most, high / least
    at_least = [0.0, *from_low[most > 0].tolist(), *from_high[least < 0].tolist()]
    at_most = [math.inf, *from_low[most < 0].tolist(), *from_high[least > 0].tolist()]
    return meet([Interval(max(at_least), min(at_most))])
