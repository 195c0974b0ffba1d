"""Sides of S: how far from it, and which ways, a loss is asked to see on which sides of its kinks it can be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gradcheck.numerics.differences import SIGMAS
from gradcheck.report import FloatArray

_RADIUS, _LARGEST_RADIUS = 1e-4, 0.1
#: Steps of differences at a side of S, in radii: shorter than the way to any kink through S. The wider one is for
#: losses whose noise asks for it.
_STEP, _WIDEST_STEP = 1 / 256, 1 / 64
#: Of evenly spaced levels: with a half, a score in the middle would not be moved at all.
_OFF_CENTRE = 0.4


def radius_and_step(value_noise: float, scale: float) -> tuple[float, float]:
    """How far from S to look, and the step of differences there: wider for a loss that is noisy.

    Args:
        value_noise: standard deviation of the noise of a value; differences must rise above it within the radius.
        scale: the largest gradient seen near.
    """
    finest = SIGMAS * value_noise / (1e-4 * scale) if scale > 0 else 0.0  # below it they do not rise above the noise
    radius = min(_LARGEST_RADIUS, max(_RADIUS, finest / _WIDEST_STEP))
    return radius, max(radius * _STEP, min(finest, radius * _WIDEST_STEP))


def patterns(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """So many directions, N x C, of at most 1; of each of two kinds in turn."""
    return (_signs(shape, rng) if k % 2 else _ranks(shape, rng) for k in range(count))


def in_order(shape: tuple[int, ...]) -> Iterator[FloatArray]:
    """Two directions, N x C, that break ties as a loop over the classes does: for the first one, and for the last."""
    rows, columns = shape
    levels = _levels(columns)
    yield np.tile(levels[::-1], (rows, 1))
    yield np.tile(levels, (rows, 1))


def every_rank(entries: npt.NDArray[np.intp], shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[FloatArray]:
    """Directions, N x C, in which each of some entries (flat indices) has each rank among them, the rest any order."""
    levels = _levels(len(entries))
    for entry in range(len(entries)):
        for rank in range(len(entries)):
            direction = _signs(shape, rng).ravel()
            direction[np.delete(entries, entry)] = rng.permutation(np.delete(levels, rank))
            direction[entries[entry]] = levels[rank]
            yield direction.reshape(shape)


def _levels(count: int) -> FloatArray:
    return (np.arange(count) + _OFF_CENTRE) / count * 2 - 1


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Every score up or down: switches kinks of single scores and of pairs, each on or off."""
    rows, columns = shape
    sizes = np.linspace(0.6, 1.0, columns)  # all different: no two scores that move together stay tied
    moved = np.array([rng.uniform(0.9, 1.0) * rng.permutation(sizes) for _ in range(rows)])
    return np.asarray(moved * rng.choice([-1.0, 1.0], size=shape))


def _ranks(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """The scores of each row in some order, evenly spaced: breaks ties of many in every way there is."""
    rows, columns = shape
    return np.array([rng.uniform(0.8, 1.0) * rng.permutation(_levels(columns)) for _ in range(rows)])
