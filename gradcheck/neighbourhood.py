"""Gradients sampled around S: do derivatives jump there? (Burke, Lewis and Overton 2005; see ``hull``.)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.asking import IndexArray
from gradcheck.numerics.differences import SIGMAS
from gradcheck.oracle import Oracle
from gradcheck.report import FloatArray

_RADIUS = 1e-4
#: Directions of each of two patterns that are sampled for all entries together.
_PATTERNS = 8
_SHRINK = 16.0
#: Steps of the differences at a sampled point, in radii: shorter than the way to any kink through S. The wider one is
#: for losses whose noise asks for it.
_STEP = 1 / 256
_WIDEST_STEP = 1 / 64
#: Of evenly spaced levels: with a half, a score in the middle would not be moved at all.
_OFF_CENTRE = 0.4


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
    finest = _finest(value_noise, scale)
    radius = _radius(finest)
    step = max(radius * _STEP, min(finest, radius * _WIDEST_STEP))
    directions = np.array(list(_patterns(scores.shape, 2 * _PATTERNS, rng)))
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
    radius = _radius(_finest(value_noise, scale))
    (own_rows, row), (own_columns, column) = (np.unique(index, return_inverse=True) for index in (rows, columns))
    spreads = [_Spread(), _Spread()], [_Spread(), _Spread()]
    for direction in _patterns(scores.shape, _PATTERNS, rng):
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


def _finest(value_noise: float, scale: float) -> float:
    """The step below which differences do not rise above the noise."""
    return SIGMAS * value_noise / (1e-4 * scale) if scale > 0 else 0.0


def _radius(finest: float) -> float:
    return min(0.1, max(_RADIUS, finest / _WIDEST_STEP))


def _patterns(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    return (_signs(shape, rng) if k % 2 else _ranks(shape, rng) for k in range(count))


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Every score up or down: switches kinks of single scores and of pairs, each on or off."""
    rows, columns = shape
    sizes = np.linspace(0.6, 1.0, columns)  # all different: no two scores that move together stay tied
    moved = np.array([rng.uniform(0.9, 1.0) * rng.permutation(sizes) for _ in range(rows)])
    return np.asarray(moved * rng.choice([-1.0, 1.0], size=shape))


def _ranks(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """The scores of each row in some order, evenly spaced: breaks ties of many in every way there is."""
    rows, columns = shape
    levels = (np.arange(columns) + _OFF_CENTRE) / columns * 2 - 1
    return np.array([rng.uniform(0.8, 1.0) * rng.permutation(levels) for _ in range(rows)])
