"""One constant for all that was seen: is a difference so many times something known, within its bounds?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.report import FloatArray

#: Beside what is known of an entry, what was computed here is rounded, in parts of the problem's largest number.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
#: Bounds are meant for verdicts, which have a tolerance beside them: by themselves they hold within this factor.
SLACK = 4.0
#: A difference so many times that says something.
_TELLING = 10.0
#: A constant is no other than 0 unless it is so many times what it is uncertain by.
_SURE = 3.0


@dataclass(frozen=True, eq=False)
class Multiple:
    """What was found.

    Attributes:
        constant: the one that suits best.
        uncertainty: how far off it may be.
        telling: for each problem, its entries whose difference is far beyond its bounds, truth values.
    """

    constant: float
    uncertainty: float
    telling: tuple[np.ndarray[tuple[int, ...], np.dtype[np.bool_]], ...]


def multiple_of(
    differences: Sequence[FloatArray], of: Sequence[FloatArray], bounds: Sequence[FloatArray], sizes: Sequence[float]
) -> Multiple | None:
    """The constant c with difference = c * of, in every entry of every problem.

    Args:
        differences: for each problem, its entries.
        of: likewise.
        bounds: how far each difference may be off.
        sizes: for each problem, the largest number that differences were taken of.

    Returns:
        None where there is no such constant, or it may be 0.
    """
    product = square = spread = 0.0
    widened = [SLACK * bound + _ROUNDING * size for bound, size in zip(bounds, sizes, strict=True)]
    for difference, x, bound in zip(differences, of, widened, strict=True):
        weights = 1 / np.maximum(bound, 1e-150)
        product += float(np.sum(weights**2 * x * difference))
        square += float(np.sum(weights**2 * x**2))
        spread += float(np.sum(weights**2 * np.abs(x) * bound))
    if not (0 < square < np.inf and np.isfinite(product)):
        return None
    constant, uncertainty = product / square, spread / square
    if abs(constant) <= _SURE * uncertainty:
        return None
    telling = []
    for difference, x, bound in zip(differences, of, widened, strict=True):
        if np.any(np.abs(difference - constant * x) > bound + uncertainty * np.abs(x)):
            return None
        telling.append(np.abs(constant * x) > _TELLING * bound)
    return Multiple(constant, uncertainty, tuple(telling))
