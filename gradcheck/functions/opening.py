"""From what a target names to a door: which form it is written in, and which parameters it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from gradcheck.errors import TargetError
from gradcheck.functions.doors import AsReturned, Door, Layer, Model, Reseeded, Separate
from gradcheck.functions.signatures import is_layer, is_model, parameters_of


@dataclass(frozen=True)
class Opened:
    """A function that may be called through its door.

    Attributes:
        door: calls it.
        parameters: names of the parameters that it must be given.
        optional: of those that have a default.
        params: the dict of a model's own parameters; None of anything else.
    """

    door: Door
    parameters: tuple[str, ...]
    optional: tuple[str, ...] = ()
    params: dict[str, Any] | None = None


def open_door(
    name: str,
    thing: Any,
    *,
    gradient: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    value: Callable[..., Any] | None = None,
    reseed: bool = False,
) -> Opened:
    """The door of a function, a class or an object.

    Args:
        name: as the user named it, for messages.
        thing: what the target leads to.
        gradient: returns the gradient, where ``thing`` returns the value.
        backward: the backward of a layer, where ``thing`` is its forward.
        value: returns the value, where ``thing`` returns the gradient.
        reseed: seed the generators of random numbers before every call.

    Raises:
        TargetError: a class that cannot be made without arguments, or an object of none of the forms.
    """
    door: Door = AsReturned(name, thing)
    main, params = thing, None
    if inspect.ismethod(thing) and is_model(thing.__self__) and thing.__name__ == "loss":
        thing = thing.__self__
    if backward is not None:
        door = Layer(name, lambda: (thing, backward))
    elif gradient is not None:
        door = Separate(name, thing, gradient)
    elif value is not None:
        door, main = Separate(name, value, thing), value
    elif is_layer(thing):
        make = _maker(name, thing)
        door, main = Layer(name, lambda: attrgetter("forward", "backward")(make())), make().forward
    elif is_model(thing):
        make = _maker(name, thing)
        main, params = make().loss, getattr(make(), "params", None)
        door = Model(name, make)
        if not isinstance(params, dict):
            raise TargetError(f"{name}: has a method loss, and no dict params with its parameters")
    elif isinstance(thing, type) or not callable(thing):
        kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
        hint = "name a function, an object to call, or one with forward and backward, or with params and loss"
        raise TargetError(f"{name}: is {kind}, which cannot be checked", hint=hint)
    required, optional = parameters_of(main)
    own = () if params is None else ("params",)
    return Opened(Reseeded(door) if reseed else door, (*own, *required), optional, params)


def _maker(name: str, thing: Any) -> Callable[[], Any]:
    if not isinstance(thing, type):
        return lambda: thing
    try:
        inspect.signature(thing).bind()
    except TypeError:
        takes = list(inspect.signature(thing).parameters)
        hint = f"make an object in the file, `layer = {thing.__name__}(...)`, and name that"
        raise TargetError(f"{name}: is a class that is made with {', '.join(takes)}", hint=hint) from None
    except ValueError:  # no signature
        pass
    return thing
