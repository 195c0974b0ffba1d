"""From what a target names to a door: which form it is written in, and which parameters it has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from gradcheck.errors import TargetError
from gradcheck.functions.doors import AsReturned, Door, Layer, Reseeded, Separate, called, required, signature_of
from gradcheck.functions.frameworks import own_form
from gradcheck.functions.signatures import is_layer, is_model

_Form = tuple[Door, Callable[..., Any], dict[str, Any] | None]


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
    door, main, params = _door(name, thing, gradient, backward, value)
    required, optional = _parameters(main)
    if params is not None:
        required = ("params", *required)
    return Opened(Reseeded(door) if reseed else door, required, optional, params)


def _door(
    name: str,
    thing: Any,
    gradient: Callable[..., Any] | None,
    backward: Callable[..., Any] | None,
    value: Callable[..., Any] | None,
) -> _Form:
    if backward is not None:
        return Layer(name, lambda: (thing, backward)), thing, None
    if gradient is not None:
        return Separate(name, thing, gradient), thing, None
    if value is not None:
        return Separate(name, value, thing), value, None
    own: _Form | None = own_form(name, thing, lambda: _maker(name, thing)())
    if own is not None:
        return own
    if is_layer(thing) or is_model(thing):
        make = _maker(name, thing)
        first = make()
        if is_layer(thing):
            return Layer(name, lambda: attrgetter("forward", "backward")(make())), first.forward, None
        if not isinstance(getattr(first, "params", None), dict):
            raise TargetError(f"{name}: has a method loss, and no dict params with its parameters")
        return AsReturned(name, functools.partial(_loss_of, name, make)), first.loss, first.params
    if isinstance(thing, type) or not callable(thing):
        kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
        hint = "name a function; or a class or object with forward and backward, or with params and loss"
        raise TargetError(f"{name}: is {kind}, which cannot be checked", hint=hint)
    return AsReturned(name, thing), thing, None


def _loss_of(title: str, make: Callable[[], Any], /, params: dict[str, Any], **rest: Any) -> Any:
    model = make()
    model.params = params
    return called(model.loss, rest, title)


def _maker(name: str, thing: Any) -> Callable[[], Any]:
    if not isinstance(thing, type):
        return lambda: thing
    if takes := required(thing):
        hint = f"make an object in the file, `layer = {thing.__name__}(...)`, and name that"
        raise TargetError(f"{name}: is a class that is made with {', '.join(takes)}", hint=hint)
    return thing


def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the parameters of a function: those without a default, and those with one."""
    signature = signature_of(function)
    parameters = signature.parameters.values() if signature else ()
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    required = tuple(each.name for each in named if each.default is each.empty)
    return required, tuple(each.name for each in named if each.default is not each.empty)
