"""Blocks of the flat vector x: which of its entries belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.layout import Layout
from gradcheck.report import FloatArray, IndexArray


@dataclass(frozen=True, eq=False)
class Blocks:
    """Contiguous runs of flat entries whose derivatives are of one scale.

    A score matrix has one block a row; any other input is one block.
    """

    starts: IndexArray  # (B,), the first entry of each block, rising from 0
    n: int  # number of entries

    @classmethod
    def of_rows(cls, shape: tuple[int, int]) -> Blocks:
        """The rows of an N x C matrix."""
        return cls(np.arange(shape[0]) * shape[1], shape[0] * shape[1])

    @classmethod
    def of_inputs(cls, layout: Layout) -> Blocks:
        """One block an input."""
        return cls(np.array([each.start for each in layout.inputs]), layout.n)

    def __len__(self) -> int:
        return len(self.starts)

    def of(self, entries: IndexArray) -> IndexArray:
        """For E entries, the number of the block that each belongs to."""
        return np.searchsorted(self.starts, entries, side="right") - 1

    def slices(self) -> list[slice]:
        """The entries of each block."""
        stops = np.append(self.starts[1:], self.n)
        return [slice(int(a), int(b)) for a, b in zip(self.starts, stops, strict=True)]

    def largest(self, vector: FloatArray) -> FloatArray:
        """(B,), the largest finite absolute value of a flat vector (n,) in each block; 0 where there is none."""
        sizes = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        return np.asarray(np.maximum.reduceat(sizes, self.starts))
