"""The loss along directions that move many scores at once: two calls of the whole batch for each direction and step.

Made for matrices of which few may be held: a direction is one array, a moved point another that the loss may keep, and
sums are taken piece by piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.evaluation.oracle import Oracle
from gradcheck.numerics.differences import Stencil
from gradcheck.report import FloatArray

#: Numbers that are handled at once: few enough to stay near the processor, and for one thread.
_PIECE = 2**13
#: All flat entries of a matrix.
WHOLE = slice(0, None)


@dataclass(frozen=True, eq=False)
class Base:
    """A point, and what the loss answered there.

    Attributes:
        scores: N x C float64, C-contiguous.
        value: of the reference, the loss in float64 where it can.
        gradient: N x C, dS of the reference.
        analytic: N x C, dS as it is judged; the same array where that is the reference's own.
    """

    scores: FloatArray
    value: float
    gradient: FloatArray
    analytic: FloatArray


def draw(shape: tuple[int, ...], number: int, into: FloatArray | None = None) -> FloatArray:
    """The random normal direction of this number, the same for every problem of a shape: N x C.

    Normal, for directions of -1 and 1 miss two equal defects half the time, and one of nothing but 1 sees nothing of a
    loss that does not change when a row is shifted.
    """
    direction = np.empty(shape) if into is None else into
    np.random.default_rng([*shape, number]).standard_normal(out=direction)
    return direction


@dataclass(frozen=True, eq=False)
class Look:
    """What two calls told, on both sides of a point along a direction.

    Attributes:
        stencil: of this one direction.
        expected: the analytic gradient along the displacement really taken.
    """

    stencil: Stencil
    expected: float

    @property
    def step(self) -> float:
        """How far the point was moved each way."""
        return float(self.stencil.above[0])


class Along:
    """The loss around a point, along directions and parts of them.

    Args:
        oracle: the loss at this problem.
        base: the point.
        weight: what its value counts: 1 for the whole batch, and for a row alone what that adds to the batch's.
    """

    def __init__(self, oracle: Oracle, base: Base, weight: float = 1.0) -> None:
        self._oracle, self._base, self._weight = oracle, base, weight

    def look(self, direction: FloatArray, step: float, within: slice = WHOLE) -> Look:
        """Move the scores by ``step`` times a direction, both ways: two calls.

        Args:
            direction: N x C.
            step: how far.
            within: which flat entries are moved, in reading order; the others stay.
        """
        part = direction.reshape(-1)[within]
        at = inner(self._base.gradient, part, within)
        (f_below, g_below), (f_above, g_above) = (
            self._ask(self.point(direction, signed, within), part, within) for signed in (-step, step)
        )
        numbers = np.array([f_below, self._base.value, f_above, g_below, at, g_above])
        distance = np.array([step])
        stencil = Stencil(distance, distance, *(self._weight * numbers[:, np.newaxis]))
        return Look(stencil, self._weight * self._expected(part, step, within))

    def _ask(self, point: npt.NDArray[Any], part: FloatArray, within: slice) -> tuple[float, float]:
        """Value and slope there; dS is let go before the next call."""
        value, gradient = self._oracle.handed(point)
        return value, inner(gradient, part, within)

    def point(self, direction: FloatArray, step: float, within: slice = WHOLE) -> npt.NDArray[Any]:
        """The moved point, N x C in the dtype that the loss gets; memory of its own."""
        point = self._base.scores.astype(self._oracle.dtype)
        moved, scores, part = (
            point.reshape(-1)[within],
            self._base.scores.reshape(-1)[within],
            direction.reshape(-1)[within],
        )
        for piece in pieces(len(part)):
            moved[piece] = scores[piece] + step * part[piece]
        return point

    def _expected(self, part: FloatArray, step: float, within: slice) -> float:
        """The analytic gradient along (above - below) / 2 steps, as rounded."""
        scores, analytic = self._base.scores.reshape(-1)[within], self._base.analytic.reshape(-1)[within]
        dtype = self._oracle.dtype
        sums = []
        for piece in pieces(len(part)):
            above = (scores[piece] + step * part[piece]).astype(dtype, copy=False)
            below = (scores[piece] - step * part[piece]).astype(dtype, copy=False)
            apart = np.subtract(above, below, dtype=np.float64)
            sums.append(float(np.dot(analytic[piece], apart)))
        return math.fsum(sums) / (2 * step)


def inner(matrix: FloatArray, part: FloatArray, within: slice = WHOLE) -> float:
    """The sum of products of a matrix's flat entries, those within, with a vector's."""
    flat = matrix.reshape(-1)[within]
    return math.fsum(float(np.dot(flat[piece], part[piece])) for piece in pieces(len(part)))


def norms(matrix: FloatArray, part: FloatArray | None = None, within: slice = WHOLE) -> tuple[float, float]:
    """The Euclidean norm of a matrix's flat entries, and the sum of absolute values of their products with a vector's.

    Without a vector the second is 0.
    """
    flat = matrix.reshape(-1)[within]
    largest = max((float(np.max(np.abs(flat[piece]))) for piece in pieces(len(flat))), default=0.0)
    if largest == 0 or not math.isfinite(largest):
        return largest, largest
    squares, products = [], []
    for piece in pieces(len(flat)):
        scaled = flat[piece] / largest  # squares of gradients alone may be too small for a float
        squares.append(float(np.dot(scaled, scaled)))
        if part is not None:
            products.append(float(np.dot(np.abs(scaled), np.abs(part[piece]))))
    return largest * math.sqrt(math.fsum(squares)), largest * math.fsum(products)


def usual_size(matrix: FloatArray) -> float:
    """The median of the absolute values of about a thousand of a matrix's entries, spread over all of it."""
    return float(np.median(np.abs(matrix.reshape(-1)[:: max(1, matrix.size // 1024)])))


def pieces(length: int) -> Iterator[slice]:
    """Slices that cover so many numbers, one after another."""
    return (slice(start, min(start + _PIECE, length)) for start in range(0, length, _PIECE))
