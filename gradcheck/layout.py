"""The arguments of a function: named and nested, and those that are differentiated as one flat vector x."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from gradcheck.report import Array, FloatArray, IndexArray

#: What a message about scores says, and one about inputs.
_WORDS = {
    "the same S and y": "the same inputs", "scores near these": "points near this one", "scores": "points",
    "dS": "the gradient", ", inputs, seed": ", seed",
}  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One differentiated input of a function, or one array of an input that has several."""

    name: str  # for example ``S``, ``W`` or ``params.W1``
    shape: tuple[int, ...]  # of its array; () for a single number
    start: int  # flat index of its first entry

    @property
    def size(self) -> int:
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
        starts = accumulate(map(prod, shapes.values()), initial=0)
        return cls(tuple(map(Input, shapes, shapes.values(), starts)))

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.inputs]

    @cached_property
    def n(self) -> int:
        return sum(each.size for each in self.inputs)

    def index(self, entry: int) -> tuple[str, tuple[int, ...]]:
        """The input and the index within it of a flat entry."""
        own = next(each for each in reversed(self.inputs) if each.start <= entry)
        return own.name, tuple(int(i) for i in np.unravel_index(entry - own.start, own.shape))

    def name(self, entry: int) -> str:
        """What a flat entry is called: ``W[2, 3]``; a single number by its name alone."""
        name, index = self.index(entry)
        return f"{name}[{', '.join(map(str, index))}]" if index else name

    def worded(self, message: str) -> str:
        """A message about entries of S, 1 x n, as one about the entries of the inputs."""
        message = re.sub(r"\b(d?)S\[0, (\d+)\]", lambda found: found[1] + self.name(int(found[2])), message)
        for of_scores, of_inputs in _WORDS.items():
            message = message.replace(of_scores, of_inputs)
        return message

    def arrays(self, x: Array) -> dict[str, Array]:
        """Views of a flat vector (n,) as the inputs' arrays, by name."""
        return {each.name: x[each.entries].reshape(each.shape) for each in self.inputs}


#: A seed; of one row of a batch alone with its number and N.
Seed = int | tuple[int, int, int]
Names = frozenset[str]


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


@dataclass(frozen=True, eq=False)
class Arguments:
    """What a function is called with, by the names of its parameters."""

    values: dict[str, Any]  # arrays, numbers and other objects; or dicts, lists and tuples of them
    layout: Layout  # the differentiated arrays among them; their entries are the flat vector x
    #: of what is drawn at every call: the upstream gradient, and random numbers of the function itself
    seed: Seed = 0
    batched: Names = frozenset()  # names of the arrays whose first axis is that of the N rows of a batch

    @classmethod
    def of(cls, values: dict[str, Any], arrays: Sequence[str], seed: Seed = 0, rows: Names = frozenset()) -> Arguments:
        """The arguments, with the arrays of these names differentiated: ``W``, ``params.W1``."""
        found = dict(leaves(values))
        layout = Layout.of({path: np.shape(found[path]) for path in arrays if np.size(found[path])})
        return cls(values, layout, seed, rows)

    def row(self, number: int, N: int) -> Arguments:
        """Those of one row of N alone."""

        def own(path: str, leaf: Any) -> Any:
            return leaf[number : number + 1] if path in self.batched else leaf

        assert isinstance(self.seed, int)
        return Arguments.of(rebuilt(self.values, "", own), self.layout.names, (self.seed, number, N), self.batched)

    def copy(self) -> Arguments:
        """The same object: it is never changed, and every call gets arrays of its own."""
        return self

    @property
    def x(self) -> Array:
        """(n,), the entries of the differentiated arrays."""
        found = dict(leaves(self.values))
        return np.concatenate([np.ravel(found[each.name]) for each in self.layout.inputs])

    def at(self, x: Array) -> dict[str, Any]:
        """New arguments with the differentiated arrays taken from x (n,), as views of it; all else is copied."""
        arrays = self.layout.arrays(x)

        def placed(path: str, leaf: Any) -> Any:
            return arrays[path][()] if path in arrays else copy.deepcopy(leaf)

        return rebuilt(self.values, "", placed)  # type: ignore[no-any-return]


def is_differentiable(leaf: Any) -> bool:
    """Whether it is a float, or an array of floats."""
    return isinstance(leaf, float | np.floating | np.ndarray) and np.asarray(leaf).dtype.kind == "f"


def leaves(thing: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each part of nested dicts, lists and tuples that is none of them, with its name.

    Example:
        >>> list(leaves({"W": 1, "layers": [2]}, "params"))
        [('params.W', 1), ('params.layers[0]', 2)]
    """
    parts = parts_of(thing, path)
    if parts is None:
        yield path, thing
    for name, part in parts or ():
        yield from leaves(part, name.removeprefix("."))


def parts_of(thing: Any, path: str) -> list[tuple[str, Any]] | None:
    """The parts of a dict, list or tuple with their names; None of anything else."""
    if isinstance(thing, dict):
        return [(f"{path}.{key}", part) for key, part in thing.items()]
    if isinstance(thing, list | tuple):
        return [(f"{path}[{index}]", part) for index, part in enumerate(thing)]
    return None


def rebuilt(thing: Any, path: str, make: Callable[[str, Any], Any]) -> Any:
    """The same nested object with each leaf replaced by ``make(path, leaf)``."""
    parts = parts_of(thing, path)
    if parts is None:
        return make(path, thing)
    new = [rebuilt(part, name.removeprefix("."), make) for name, part in parts]
    if isinstance(thing, dict):
        other = copy.copy(thing)  # keeps a subclass, as OrderedDict
        other.update(zip(thing, new, strict=True))
        return other
    return type(thing)(*new) if hasattr(thing, "_fields") else type(thing)(new)
