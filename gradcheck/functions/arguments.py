"""The arguments of a function at one problem: named, nested, some of them differentiated."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.layout import Layout


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
    def of(cls, values: dict[str, Any], names: Sequence[str], only: str = "*", seed: int = 0) -> Arguments:
        """The arguments, with the float arrays of the named inputs differentiated whose own names match a pattern."""
        arrays = {path: leaf for name in names for path, leaf in leaves(values[name], name) if is_differentiable(leaf)}
        shapes = {path: np.shape(leaf) for path, leaf in arrays.items() if fnmatchcase(path, only)}
        return cls(values, Layout.of(shapes), seed)

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
    return isinstance(leaf, float | np.ndarray) and np.asarray(leaf).dtype.kind == "f"


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
