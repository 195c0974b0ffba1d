"""Small constants as people write them."""

from __future__ import annotations

import numpy as np

_NAMED = {float(np.finfo(np.float32).eps): "float32's epsilon", float(np.finfo(np.float64).eps): "float64's epsilon"}


def short(number: float, tolerance: float) -> str:
    """A small positive number as it was probably written.

    Args:
        number: what is known of it.
        tolerance: the part of it by which it may be off.

    Example:
        >>> short(1.0000001e-8, 1e-6), short(1.19209e-7, 1e-5), short(3.21e-4, 1e-6)
        ('1e-8', "1.19209e-7 (float32's epsilon)", '3.21e-4')
    """
    for named, words in _NAMED.items():
        if abs(number - named) <= tolerance * named:
            return f"{_written(named, 5)} ({words})"
    power = 10.0 ** np.floor(np.log10(number))
    for digit in (1, 2, 5, 10):
        if abs(number - digit * power) <= tolerance * number:
            return _written(digit * power, 0)
    return _written(number, 2)


def _written(number: float, digits: int) -> str:
    mantissa, exponent = f"{number:.{digits}e}".split("e")
    return f"{mantissa}e{int(exponent)}"
