"""Directions in which points near x are sampled, such that every side of its kinks is met."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.evaluation.blocks import Blocks, IndexArray
from gradcheck.numerics.differences import SIGMAS
from gradcheck.report import FloatArray

#: A longer x is not searched around, because some fifty gradients are held.
MOST_HELD = 2**18

RADIUS, _LARGEST_RADIUS = 1e-4, 0.1
#: Steps of differences at a point nearby, in radii: shorter than the way to any kink through x. The wider one is for
#: functions whose noise asks for it.
_STEP, _WIDEST_STEP = 1 / 256, 1 / 64
#: Of evenly spaced levels: with a half, an entry in the middle would not be moved at all.
_OFF_CENTRE = 0.4


def radius_and_step(precision: Precision) -> tuple[float, float]:
    """How far from x to look, and the step of differences there: wider for a function that is noisy."""
    scale = precision.scale
    finest = SIGMAS * precision.value_noise / (1e-4 * scale) if scale > 0 else 0.0
    usual = min(RADIUS, precision.reach)
    radius = min(_LARGEST_RADIUS, max(usual, finest / _WIDEST_STEP))
    return radius, max(radius * _STEP, min(finest, radius * _WIDEST_STEP))


def patterns(blocks: Blocks, count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """So many directions (n,) of at most 1, of two kinds in turn: orders of the entries of each block, and signs."""
    return (_by_blocks(blocks, _signs if k % 2 else _order, rng) for k in range(count))


def in_order(blocks: Blocks) -> Iterator[FloatArray]:
    """Two directions that break ties as a loop over a block's entries does: for the first one, and for the last."""
    for sign in (-1, 1):
        yield np.concatenate([_levels(each.stop - each.start)[::sign] for each in blocks.slices()])


def every_rank(entries: IndexArray, blocks: Blocks, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Directions in which each of some entries has each rank among them, the rest in any order."""
    levels = _levels(len(entries))
    for entry in range(len(entries)):
        for rank in range(len(entries)):
            direction = _by_blocks(blocks, _signs, rng)
            direction[np.delete(entries, entry)] = rng.permutation(np.delete(levels, rank))
            direction[entries[entry]] = levels[rank]
            yield direction


def _by_blocks(
    blocks: Blocks, of_block: Callable[[int, np.random.Generator], FloatArray], rng: np.random.Generator
) -> FloatArray:
    return np.concatenate([of_block(each.stop - each.start, rng) for each in blocks.slices()])


def _signs(count: int, rng: np.random.Generator) -> FloatArray:
    """Every entry up or down, by different lengths: switches kinks of single entries and of pairs on or off."""
    lengths = rng.uniform(0.9, 1.0) * rng.permutation(np.linspace(0.6, 1.0, count))
    return np.asarray(lengths * rng.choice([-1.0, 1.0], size=count))


def _order(count: int, rng: np.random.Generator) -> FloatArray:
    """The entries in some order, evenly spaced: breaks ties of many in every way there is."""
    return np.asarray(rng.uniform(0.8, 1.0) * rng.permutation(_levels(count)))


def _levels(count: int) -> FloatArray:
    return np.asarray((np.arange(count) + _OFF_CENTRE) / count * 2 - 1)
