"""Which entries of the flat vector of scores belong together: the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Blocks:
    """Runs of flat entries whose derivatives are of one scale: the rows of a score matrix.

    Attributes:
        count: number of blocks.
        width: number of entries in each.
    """

    count: int
    width: int

    def __len__(self) -> int:
        return self.count

    @property
    def n(self) -> int:
        """Number of entries."""
        return self.count * self.width

    @property
    def starts(self) -> IndexArray:
        """The first entry of each block."""
        return np.arange(self.count) * self.width

    def of(self, entries: IndexArray) -> IndexArray:
        """For E entries, the number of the block that each belongs to."""
        return entries // self.width

    def slices(self) -> list[slice]:
        """The entries of each block."""
        return [slice(start, start + self.width) for start in range(0, self.n, self.width)]

    def largest(self, vector: FloatArray) -> FloatArray:
        """For each block, the largest finite absolute value of a flat vector (n,); 0 where there is none."""
        most = np.maximum(np.maximum.reduceat(vector, self.starts), -np.minimum.reduceat(vector, self.starts))
        if np.isfinite(most).all():
            return np.asarray(most)
        sizes = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        return np.asarray(np.maximum.reduceat(sizes, self.starts))
