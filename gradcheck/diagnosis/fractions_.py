"""A number that is known within a tolerance, and the simple fraction or known constant that it is."""

from __future__ import annotations

import math
from fractions import Fraction

#: A fraction with a larger denominator is a simple one only if it has two decimals, or is 1/q.
_LARGEST_DENOMINATOR = 16
#: The largest q of 1/q: batches are no larger.
_LARGEST_BATCH = 2**20
#: A fraction that a number drawn at random would meet more often than this says nothing.
_CHANCE = 0.01

_CONSTANTS = {
    "log 2": math.log(2),
    "1/log 2": 1 / math.log(2),
    "log 10": math.log(10),
    "1/log 10": 1 / math.log(10),
    "pi": math.pi,
    "1/pi": 1 / math.pi,
    "2 pi": 2 * math.pi,
    "sqrt 2": math.sqrt(2),
    "1/sqrt 2": 1 / math.sqrt(2),
    "e": math.e,
    "1/e": 1 / math.e,
}


def fraction_of(number: float, tolerance: float) -> Fraction | None:
    """The simplest fraction within a tolerance of a number: of small denominator, or 1/q.

    Fractions with denominators up to q are about 3 q^2 / pi^2 to a unit of length (the sum of Euler's totients), so
    a number drawn at random is within t of one with a probability of about 0.6 q^2 t. Where that is no small one the
    fraction is chance, and nothing is said.

    Args:
        number: what is known of it.
        tolerance: how far from that it may be; at least 0.

    Returns:
        None where there is no simple one, or only by chance.

    Example:
        >>> fraction_of(0.33333333, 1e-7), fraction_of(-2.0, 0.0), fraction_of(0.693147, 1e-7)
        (Fraction(1, 3), Fraction(-2, 1), None)
        >>> fraction_of(1 / 128, 1e-9)
        Fraction(1, 128)
        >>> fraction_of(0.34, 0.01) is None
        True
    """
    if not (math.isfinite(number) and math.isfinite(tolerance)):
        return None
    slack = tolerance + 4 * math.ulp(number)
    low, high = Fraction(abs(number) - slack), Fraction(abs(number) + slack)
    found = _simplest(low, high)
    q = found.denominator
    is_simple = q <= _LARGEST_DENOMINATOR or 100 % q == 0
    if not is_simple or 0.6 * q**2 * tolerance > _CHANCE:
        q = round(1 / high)
        if not (0 < q <= _LARGEST_BATCH and low <= Fraction(1, q) <= high and tolerance * q**2 <= _CHANCE):
            return None
        found = Fraction(1, q)
    return -found if number < 0 else found


def constant_of(number: float, tolerance: float) -> str:
    """The name of the known constant within a tolerance of a number, for example ``log 2``; empty for none.

    Example:
        >>> constant_of(0.6931472, 1e-7), constant_of(-3.1415927, 1e-7), constant_of(0.7, 1e-7)
        ('log 2', '-pi', '')
    """
    # Of a dozen constants between 0 and 7, few enough that chance is a dozen tolerances.
    if not tolerance <= _CHANCE / len(_CONSTANTS):
        return ""
    for name, value in _CONSTANTS.items():
        if abs(abs(number) - value) <= tolerance + 4 * math.ulp(value):
            return f"-{name}" if number < 0 else name
    return ""


def number_in_words(number: float, tolerance: float = 0.0) -> str:
    """A number as one would write it: a simple fraction, a known constant, or its first digits.

    Example:
        >>> [number_in_words(x, 1e-9) for x in (2.0, 1 / 3, 0.9, 1.001, -0.25)]
        ['2', '1/3', '0.9', '1.001', '-1/4']
        >>> number_in_words(0.69314718, 1e-7)
        '0.693147 = log 2'
    """
    fraction = fraction_of(number, tolerance)
    if fraction is not None:
        return fraction_in_words(fraction)
    name = constant_of(number, tolerance)
    return f"{number:.6g} = {name}" if name else f"{number:.6g}"


def fraction_in_words(fraction: Fraction) -> str:
    """A fraction as one would write it: as a decimal where that is what people write.

    Example:
        >>> [fraction_in_words(Fraction(p, q)) for p, q in ((4, 2), (1, 3), (9, 10), (1, 20), (1, 12))]
        ['2', '1/3', '0.9', '0.05', '1/12']
    """
    is_decimal = fraction.denominator >= 10 and 100 % fraction.denominator == 0
    return f"{float(fraction):g}" if is_decimal else str(fraction)


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the least denominator in an interval, by its continued fraction (the Stern-Brocot tree)."""
    if low <= 0 <= high:
        return Fraction(0)
    whole = math.ceil(low)
    if whole <= high:
        return Fraction(whole)
    floor = whole - 1
    return floor + 1 / _simplest(1 / (high - floor), 1 / (low - floor))
