"""A number that was fitted, and the simple coefficients that it may be: a small fraction times a power of 1/N."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np

from gradcheck.diagnosis.notation import BY_CLASSES, Coefficient
from gradcheck.diagnosis.numbers import fraction_of

#: A coefficient that is known less well than this, of itself, is not known.
UNKNOWN = 1e-3
#: A number drawn at random is no more often than this as near to a fraction; ``fraction_of`` is more generous.
_CHANCE = 1e-4
#: A number drawn at random has two significant digits within 200 tolerances of 1; that must be no chance.
_TWO_DIGITS = 5e-6


def coefficients(
    number: float, tolerance: float, N: int, C: int, by_classes: Sequence[tuple[str, str]]
) -> list[Coefficient]:
    """The simple coefficients that a number may be.

    Args:
        number: seen at N rows and C classes.
        tolerance: how far off it may be.
        by_classes: keys of ``BY_CLASSES`` that come into question.

    Example:
        >>> [(str(each.number), each.power) for each in coefficients(-0.125, 1e-9, 8, 5, [("", "")])]
        [('-1', 1), ('-1/8', 0), ('-8', 2)]
    """
    options = []
    for power, by in product((1, 0, 2), by_classes):
        unit = BY_CLASSES[by](C) / N**power
        simple = _simple(number / unit, tolerance / abs(unit)) if np.isfinite(unit) and unit else None
        if simple is not None:
            options.append(Coefficient(simple, power, by))
    return options


def _simple(number: float, tolerance: float) -> Fraction | None:
    """The small fraction, or the decimal of two digits, that a number is; None for none, or for chance."""
    if not tolerance < UNKNOWN * abs(number):
        return None
    fraction = fraction_of(number, tolerance)
    if fraction and _is_small(fraction) and 0.6 * fraction.denominator**2 * tolerance <= _CHANCE:
        return fraction
    if tolerance > _TWO_DIGITS * abs(number):
        return None
    decimal = Fraction(f"{number:.1e}")
    return decimal if abs(float(decimal) - number) <= tolerance + 1e-14 * abs(number) else None


def _is_small(fraction: Fraction) -> bool:
    return abs(fraction.numerator) < 100 and (fraction.denominator <= 12 or 100 % fraction.denominator == 0)
