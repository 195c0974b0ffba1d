"""What a callable takes, where it is defined, and which callables an object has."""

import functools
import inspect
import os
from types import CodeType
from typing import Any

#: What labels are called, and what they are not.
NAMES_OF_LABELS = {"y", "t", "labels", "label", "targets", "target", "y_true", "onehot", "one_hot", "classes"}
_NO_LABELS = [(name,) for name in ("X", "x", "W", "w", "theta", "params", "reg")]


def takes_scores_and_labels(function: Any) -> bool:
    """Whether something can be called with (S, y), and neither its form nor the names of its parameters deny it."""
    if isinstance(function, type) or not callable(function) or is_layer(function) or is_model(function):
        return False
    if signature := signature_of(getattr(function, "forward", function)):  # as a module of torch has
        try:
            signature.bind(None, None)
        except TypeError:
            return False
    second = parameters_of(function)[0][1:2]
    return not (is_backward(function) or second in _NO_LABELS or is_model(getattr(function, "__self__", None)))


def is_backward(function: Any) -> bool:
    """Whether it seems to be the backward of a layer, by its name or as it takes (dout, cache); none takes labels."""
    name, others = getattr(function, "__name__", ""), parameters_of(function)[0][1:]
    is_called_so = name.endswith(("backward", "_bwd")) and not name.endswith(("forward_backward", "fwd_bwd"))
    return others == ("cache",) or (is_called_so and not NAMES_OF_LABELS & {*others})


def is_layer(thing: Any) -> bool:
    """Whether it is a class or an object with a forward and a backward."""
    return callable(getattr(thing, "forward", None)) and callable(getattr(thing, "backward", None))


def is_model(thing: Any) -> bool:
    """Whether it is an object with a dict of parameters and a loss, or may be a class of such."""
    has_params = isinstance(thing, type) or isinstance(getattr(thing, "params", None), dict)
    return callable(getattr(thing, "loss", None)) and has_params


def where(function: Any) -> tuple[str | None, int | None]:
    """File and line of a callable's code; None if unknown. Follows partials, methods, decorators, ``__call__``."""
    try:
        while isinstance(function, functools.partial):
            function = function.func
        if not callable(function) or hasattr(type(function), "forward"):
            function = type(function)
        if isinstance(function, type):
            function = next(vars(function)[name] for name in ("forward", "loss", "__init__") if name in vars(function))
        function = inspect.unwrap(getattr(function, "__func__", function))
        if not isinstance(getattr(function, "__code__", None), CodeType):
            function = inspect.unwrap(type(function).__call__)
        path = os.path.abspath(function.__code__.co_filename)
        return (path, function.__code__.co_firstlineno) if os.path.isfile(path) else (None, None)
    except Exception:  # an object's own __getattr__; a cycle of wrappers
        return None, None


def callables_of(thing: Any) -> list[str]:
    """Public names of an object's callables; those that a module defines come before those that it imports."""
    found = [named for named in inspect.getmembers_static(thing, callable) if not named[0].startswith("_")]
    return [name for name, _ in sorted(found, key=lambda named: not _is_defined_in(thing, named[1]))]


def definitions_of(module: Any) -> dict[str, Any]:
    """The functions, layers and models that a module defines, by name, in the order in which it defines them."""
    found = {name: getattr(module, name) for name in vars(module) if not name.startswith("_")}
    return {
        name: thing
        for name, thing in found.items()
        if _is_defined_in(module, thing) and (inspect.isfunction(thing) or is_layer(thing) or is_model(thing))
    }


def signature_of(function: Any) -> inspect.Signature | None:
    """What a callable takes; None where that cannot be seen, as of compiled code."""
    try:
        return inspect.signature(function)
    except Exception:  # an object's own __signature__ may raise anything
        return None


def parameters_of(thing: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of parameters, without self and ctx: those without a default, and those with one.

    They are a function's, those of the forward of a layer or a module of torch, or those of a model's loss.
    """
    signature = signature_of(getattr(thing, "forward", None) or (thing.loss if is_model(thing) else thing))
    parameters = signature.parameters.values() if signature else ()
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    required = tuple(each.name for each in named if each.default is each.empty and each.name not in ("self", "ctx"))
    return required, tuple(each.name for each in named if each.default is not each.empty)


def _is_defined_in(module: Any, member: Any) -> bool:
    return getattr(member, "__module__", None) == getattr(module, "__name__", None)
