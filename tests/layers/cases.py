"""What a case of this corpus is, and the two dictionaries that hold all of them.

A module registers a right case with ``right``, and its wrong ones with ``slipped``: the source of the right one with a
line or two exchanged, so that each slip is seen as in a diff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from edits import edited


@dataclass(frozen=True, eq=False)
class LayerCase:
    """A function of named arrays with a gradient by hand, and whether that gradient is right.

    Attributes:
        name: names the case; unique.
        function: a function; a class (made without arguments) or an object with ``forward`` and ``backward``; or an
            object with ``params`` and ``loss(X, y)``. It takes the inputs by name. With a backward it returns the
            output alone, or its outputs and then a cache.
        inputs: each input's text, ``DISTRIBUTION [SHAPE]`` (``integers`` has both ends) or ``labels``, or a constant.
            The inputs ``params.W1``, ``params.b1`` are one argument, the dict ``params``.
        wrt: the inputs whose gradients come back, in their order; () for all float arrays, in the order of the inputs.
            A gradient may be None: not given. Results after the gradients mean nothing.
        backward: called with one upstream gradient for each output, then the cache.
        gradient: takes what ``function`` takes and returns the gradient alone.
        value: takes what ``function`` takes and returns the value; ``function`` returns (gradient, hessian) then.
        sizes: the letters of shapes: N is the batch size, C the number of classes (5), any other letter 4.
        reseed: draws from ``np.random``, which has to be seeded before each forward.
        right: whether every gradient is right.
        slip: the mistake in one sentence; "" where there is none.
        place: the inputs whose gradient is wrong.
        causes: words for the mistake; a diagnosis that names it has at least one of them.
    """

    name: str
    function: Any
    inputs: dict[str, Any]
    wrt: tuple[str, ...] = ()
    backward: Callable[..., Any] | None = None
    gradient: Callable[..., Any] | None = None
    value: Callable[..., Any] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    reseed: bool = False
    right: bool = True
    slip: str = ""
    place: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def keywords(self) -> dict[str, Any]:
        """What of it is said by keywords of ``check``, or keys of a configuration."""
        return {key: getattr(self, key) for key in ("inputs", "wrt", "sizes", "reseed")}

    @property
    def beside(self) -> dict[str, Callable[..., Any]]:
        """The callables that belong to the function."""
        others = {key: getattr(self, key) for key in ("gradient", "backward", "value")}
        return {key: other for key, other in others.items() if other is not None}

    def slipped(self, slips: str) -> None:
        """Registers wrong cases: the backward of this one, else its gradient, else its function, with lines exchanged.

        Args:
            slips: for each wrong case a line ``name (inputs in place: causes): slip``, then a diff as in ``edits``.
        """
        part = "backward" if self.backward else "gradient" if self.gradient else "function"
        is_object = not hasattr(getattr(self, part), "__name__")
        code = type(self.function) if is_object else getattr(self, part)
        for head, diff in re.findall(r"^(\w.+)\n((?: +[-+~] .+\n)+)", slips, re.MULTILINE):
            name, place, causes, slip = re.fullmatch(r"(\w+) \(([\w. ]+): (.+?)\): (.+)", head).groups()
            slipped = edited(code, name, (line.strip() for line in diff.splitlines()))
            told = {"right": False, "slip": slip, "place": tuple(place.split()), "causes": tuple(causes.split(", "))}
            changed = {"name": _new(name, code.__module__), part: slipped() if is_object else slipped}
            WRONG[name] = replace(self, **changed, **told)


RIGHT: dict[str, LayerCase] = {}
WRONG: dict[str, LayerCase] = {}
_OWNERS: dict[str, str] = {}


def right(name: str, function: Any, inputs: dict[str, Any], **fields: Any) -> LayerCase:
    """Registers a right case and returns it."""
    RIGHT[name] = LayerCase(_new(name, function.__module__), function, inputs, **fields)
    return RIGHT[name]


def _new(name: str, module: str) -> str:
    """The name, of which no other module has a case; a module may be imported again."""
    if _OWNERS.setdefault(name, module) != module:
        raise ValueError(f"two cases are named {name}")
    return name
