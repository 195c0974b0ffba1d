"""Named arrays as one flat vector x: where each stands in it, and what an entry is called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Input:
    """One differentiated input of a function, or one array of an input that has several.

    Attributes:
        name: for example ``S``, ``W`` or ``params.W1``.
        shape: of its array; () for a single number.
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


@dataclass(frozen=True)
class Layout:
    """Where each input stands in the flat vector x of length n, in reading order.

    Example:
        >>> layout = Layout.of({"W": (2, 3), "b": (3,)})
        >>> layout.n, layout.index(7), layout.name(4)
        (9, ('b', (1,)), 'W[1, 1]')
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

    @cached_property
    def n(self) -> int:
        """Length of the flat vector."""
        return sum(each.size for each in self.inputs)

    def input_of(self, entries: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """For E flat entries, the number of the input that each belongs to."""
        return np.searchsorted([each.start for each in self.inputs], entries, side="right") - 1

    def index(self, entry: int) -> tuple[str, tuple[int, ...]]:
        """The input and the index within it of a flat entry."""
        own = self.inputs[int(self.input_of(np.array([entry]))[0])]
        return own.name, tuple(int(i) for i in np.unravel_index(entry - own.start, own.shape))

    def name(self, entry: int) -> str:
        """What a flat entry is called: ``W[2, 3]``; a single number by its name alone."""
        name, index = self.index(entry)
        return f"{name}[{', '.join(map(str, index))}]" if index else name

    def arrays(self, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Views of a flat vector (n,) as the inputs' arrays, by name."""
        return {each.name: x[each.entries].reshape(each.shape) for each in self.inputs}
