"""Flat vectors and blocks: how the entries of a function's inputs are numbered, and which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Input:
    """One differentiated input of a function.

    Attributes:
        name: as the function calls it, for example ``S`` or ``W``.
        shape: of its array.
        start: flat index of its first entry.
    """

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """How many entries it has."""
        return prod(self.shape)

    @property
    def entries(self) -> slice:
        """Its entries in the flat vector."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each input stands in the flat vector x of length n, in reading order.

    Example:
        >>> layout = Layout.of({"W": (2, 3), "b": (3,)})
        >>> layout.n, layout.index(7)
        (9, ('b', (1,)))
    """

    inputs: tuple[Input, ...]

    @classmethod
    def of(cls, shapes: dict[str, tuple[int, ...]]) -> Layout:
        """The layout of inputs with these names and shapes, one after another."""
        inputs, start = [], 0
        for name, shape in shapes.items():
            inputs.append(Input(name, shape, start))
            start += prod(shape)
        return cls(tuple(inputs))

    @property
    def n(self) -> int:
        """Length of the flat vector."""
        return self.inputs[-1].start + self.inputs[-1].size

    def index(self, entry: int) -> tuple[str, tuple[int, ...]]:
        """The input and the index within it of a flat entry."""
        number = int(self.input_of(np.array([entry]))[0])
        own = self.inputs[number]
        return own.name, tuple(int(i) for i in np.unravel_index(entry - own.start, own.shape))

    def input_of(self, entries: IndexArray) -> IndexArray:
        """For E flat entries, the number of the input that each belongs to."""
        starts = [each.start for each in self.inputs]
        return np.searchsorted(starts, entries, side="right") - 1

    def arrays(self, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Views of a flat vector (n,) as the inputs' arrays, by name."""
        return {each.name: x[each.entries].reshape(each.shape) for each in self.inputs}


@dataclass(frozen=True, eq=False)
class Blocks:
    """Contiguous runs of flat entries whose derivatives are of one scale.

    A score matrix has one block a row; any other input is one block.

    Attributes:
        starts: (B,), the first entry of each block, rising from 0.
        n: number of entries.
    """

    starts: IndexArray
    n: int

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
        width = self.n // len(self)
        if np.array_equal(self.starts, np.arange(0, self.n, width)):  # all of one width: dividing is much faster
            return entries // width
        return np.searchsorted(self.starts, entries, side="right") - 1

    def slices(self) -> list[slice]:
        """The entries of each block."""
        stops = np.append(self.starts[1:], self.n)
        return [slice(int(a), int(b)) for a, b in zip(self.starts, stops, strict=True)]

    def largest(self, vector: FloatArray) -> FloatArray:
        """(B,), the largest finite absolute value of a flat vector (n,) in each block; 0 where there is none."""
        most = np.maximum(np.maximum.reduceat(vector, self.starts), -np.minimum.reduceat(vector, self.starts))
        if np.isfinite(most).all():
            return np.asarray(most)
        sizes = np.where(np.isfinite(vector), np.abs(vector), 0.0)
        return np.asarray(np.maximum.reduceat(sizes, self.starts))
