"""Gradients sampled around S: do derivatives jump there? (Burke, Lewis and Overton 2005; see ``hull``.)"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking.sides import patterns, radius_and_step
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.report import FloatArray

#: Directions of each of two patterns that are sampled for all entries together.
_PATTERNS = 8
_SHRINK = 16.0


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Gradients sampled around S, shared by all entries in doubt.

    Attributes:
        radius: how far the points lie from S along each axis, at most.
        step: of differences of values at those points.
        directions: M x N x C, each of at most 1.
        gradients: M x N x C, the analytic gradients at S + radius * direction.
        nearer: the same at a sixteenth of the radius.
    """

    radius: float
    step: float
    directions: FloatArray
    gradients: FloatArray
    nearer: FloatArray

    def kinked(self, entry: tuple[int, int]) -> bool:
        """Whether a derivative of the entry's row or column jumps around S: its spread does not shrink with the radius.

        Not the entry's own alone: where two of its kinks meet, one may go on as the other goes off at every point;
        but across a kink the derivatives by all its scores jump.
        """
        row, column = entry
        spread, nearer = (
            np.concatenate([np.ptp(seen[:, row], axis=0), np.ptp(seen[:, :, column], axis=0)])
            for seen in (self.gradients, self.nearer)
        )
        return bool(np.any((spread > 0) & (nearer > spread / 4)))


def sample(
    oracle: Oracle, scores: FloatArray, value_noise: float, scale: float, rng: np.random.Generator
) -> Neighbourhood:
    """Sample gradients around S, on two radii: 32 calls.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        value_noise: standard deviation of the noise of a value; differences must rise above it within the radius.
        scale: the largest gradient seen near.
        rng: draws the directions.
    """
    radius, step = radius_and_step(value_noise, scale)
    directions = np.array(list(patterns(scores.shape, 2 * _PATTERNS, rng)))
    gradients = np.array([oracle(scores + radius * d).gradient for d in directions])
    nearer = np.array([oracle(scores + radius / _SHRINK * d).gradient for d in directions])
    return Neighbourhood(radius, step, directions, gradients, nearer)


def kinked_entries(
    oracle: Oracle,
    scores: FloatArray,
    rows: IndexArray,
    columns: IndexArray,
    value_noise: float,
    scale: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """As ``Neighbourhood.kinked`` for E entries of a matrix too large to be held several times: 16 calls.

    Args:
        rows, columns: the entries.
        oracle, scores, value_noise, scale, rng: as for ``sample``.
    """
    radius, _ = radius_and_step(value_noise, scale)
    (own_rows, row), (own_columns, column) = (np.unique(index, return_inverse=True) for index in (rows, columns))
    spreads = [_Spread(), _Spread()], [_Spread(), _Spread()]
    for direction in patterns(scores.shape, _PATTERNS, rng):
        for (in_rows, in_columns), reach in zip(spreads, (radius, radius / _SHRINK), strict=True):
            gradient = oracle.handed((scores + reach * direction).astype(oracle.dtype, copy=False))[1]
            in_rows.see(gradient[own_rows].T)
            in_columns.see(gradient[:, own_columns])
            del gradient
    jumps = [
        np.any((far.spread > 0) & (near.spread > far.spread / 4), axis=0) for far, near in zip(*spreads, strict=True)
    ]
    return np.asarray(jumps[0][row] | jumps[1][column])


class _Spread:
    """The range of numbers that are seen one after another, each of an array's."""

    def __init__(self) -> None:
        self._least: FloatArray | None = None
        self._most: FloatArray | None = None

    def see(self, numbers: FloatArray) -> None:
        self._least = numbers.copy() if self._least is None else np.minimum(self._least, numbers)
        self._most = numbers.copy() if self._most is None else np.maximum(self._most, numbers)

    @property
    def spread(self) -> FloatArray:
        assert self._least is not None
        assert self._most is not None
        return np.asarray(self._most - self._least)
