"""The table of built-in losses, and the decorator that writes a loss into it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from gradcheck.losses.batch import Answer

#: ``(S, y, reduction="mean") -> (value, dS)``.
LossFunction = Callable[..., Answer]


@dataclass(frozen=True)
class BuiltIn:
    """A loss that gradcheck brings along.

    Attributes:
        name: what a target calls it, for example ``svm``.
        function: ``(S, y, reduction="mean") -> (value, dS)``; the value is the mean of L over the batch, dS is N x C.
        formula: L of one row, in one line.
        gradient: dL/ds_j of one row, in one line; dS is 1/N times it.
    """

    name: str
    function: LossFunction
    formula: str
    gradient: str

    @property
    def derivation(self) -> str:
        """How the one follows from the other, in the notes' notation: the function's docstring."""
        return inspect.getdoc(self.function) or ""  # ``python -OO`` strips it; the loss works all the same


_REGISTERED: dict[str, BuiltIn] = {}


def built_in(name: str, *, formula: str, gradient: str) -> Callable[[LossFunction], LossFunction]:
    """Decorate a loss to make it a built-in; the function itself is left as it is.

        @built_in("svm", formula="sum_{m!=y} max(0, s_m - s_y + 1)", gradient="...")
        def svm(S, y, reduction="mean"): ...

    Args:
        name: what a target calls it.
        formula: L of one row, in one line.
        gradient: dL/ds_j of one row, in one line.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: LossFunction) -> LossFunction:
        if name in _REGISTERED:
            raise ValueError(f"there is a built-in loss named {name!r} already")
        _REGISTERED[name] = BuiltIn(name, function, formula, gradient)
        return function

    return register


def registered_in(module: str) -> tuple[BuiltIn, ...]:
    """The built-ins that a module defines, in the order of its text.

    Args:
        module: full name of an imported module, for example ``gradcheck.losses.hinge``.
    """
    return tuple(entry for entry in _REGISTERED.values() if entry.function.__module__ == module)
