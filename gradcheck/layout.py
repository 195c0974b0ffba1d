"""The arguments of a function: named and nested, and those that are differentiated as one flat vector x."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
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

    @property
    def names(self) -> list[str]:
        """Of the inputs, in order."""
        return [each.name for each in self.inputs]

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

    def worded(self, message: str) -> str:
        """A message about entries of S, 1 x n, as one about the entries of the inputs."""
        message = re.sub(r"\bS\[0, (\d+)\]", lambda found: self.name(int(found[1])), message)
        message = re.sub(r"\bdS\[0, (\d+)\]", lambda found: f"d{self.name(int(found[1]))}", message)
        for words, others in (("the same S and y", "the same inputs"), ("other scores", "other points")):
            message = message.replace(words, others)
        return message.replace("scores near these", "points near this one").replace("dS", "the gradient")

    def arrays(self, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Views of a flat vector (n,) as the inputs' arrays, by name."""
        return {each.name: x[each.entries].reshape(each.shape) for each in self.inputs}


@dataclass(frozen=True, eq=False)
class Arguments:
    """What a function is called with, by the names of its parameters.

    Attributes:
        values: arrays, numbers and other objects; or dicts, lists and tuples of them.
        layout: the differentiated arrays among them; their entries are the flat vector x.
        seed: of what is drawn at every call: the upstream gradient, and random numbers of the function itself.
    """

    values: dict[str, Any]
    layout: Layout
    seed: int = 0

    @classmethod
    def of(cls, values: dict[str, Any], arrays: Sequence[str], seed: int = 0) -> Arguments:
        """The arguments, with the arrays of these names differentiated: ``W``, ``params.W1``."""
        found = {path: leaf for name, value in values.items() for path, leaf in leaves(value, name)}
        return cls(values, Layout.of({path: np.shape(found[path]) for path in arrays if np.size(found[path])}), seed)

    def copy(self) -> Arguments:
        """The same object: it is never changed, and every call gets arrays of its own."""
        return self

    @property
    def x(self) -> npt.NDArray[Any]:
        """(n,), the entries of the differentiated arrays."""
        found = {path: leaf for name, value in self.values.items() for path, leaf in leaves(value, name)}
        arrays = [np.ravel(found[each.name]) for each in self.layout.inputs]
        return np.concatenate(arrays)

    def at(self, x: npt.NDArray[Any]) -> dict[str, Any]:
        """New arguments with the differentiated arrays taken from x (n,), as views of it; all else is copied."""
        arrays = self.layout.arrays(x)

        def placed(path: str, leaf: Any) -> Any:
            return arrays[path][()] if path in arrays else copy.deepcopy(leaf)

        return {name: rebuilt(value, name, placed) for name, value in self.values.items()}


def is_differentiable(leaf: Any) -> bool:
    """Whether it is a float, or an array of floats."""
    return isinstance(leaf, float | np.floating | np.ndarray) and np.asarray(leaf).dtype.kind == "f"


def leaves(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each part of nested dicts, lists and tuples that is none of them, with its name.

    Example:
        >>> list(leaves({"W": 1, "layers": [2]}, "params"))
        [('params.W', 1), ('params.layers[0]', 2)]
    """
    parts = parts_of(thing, path)
    if parts is None:
        yield path, thing
    for name, part in parts or ():
        yield from leaves(part, name)


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
    new = [rebuilt(part, name, make) for name, part in parts]
    if isinstance(thing, dict):
        other = copy.copy(thing)  # keeps a subclass, as OrderedDict
        other.update(zip(thing, new, strict=True))
        return other
    return type(thing)(*new) if hasattr(thing, "_fields") else type(thing)(new)
