"""What a callable takes, where it is defined, and which callables an object has."""

from __future__ import annotations

import functools
import inspect
import os
from contextlib import suppress
from types import CodeType
from typing import Any

from gradcheck.errors import TargetError


def refuse_what_is_no_loss(function: Any, name: str, target: str) -> None:
    """Refuse an object that cannot be called with two arguments; its name and target are for messages.

    Raises:
        TargetError: a class, not callable, or its signature does not take ``(S, y)``.
    """
    if isinstance(function, type):
        hint = f"if its objects can be called with (S, y): write `loss = {name}()` and name `loss`"
        raise TargetError(f"{target}: {name} is a class, not a loss", hint=hint)
    if not callable(function):
        raise TargetError(f"{target}: {name} is of type {type(function).__name__}, which cannot be called")
    try:
        signature = inspect.signature(getattr(function, "forward", function))  # as a module of torch
    except Exception:  # compiled code may have none; the first call will show
        return
    try:
        signature.bind(None, None)
    except TypeError:
        required = [one for one in signature.parameters.values() if one.default is one.empty]
        hint = "write it as def loss(S, y), with the N x C scores and the labels, and return (value, dS)"
        if len(required) > 2:
            from gradcheck.functions.suggestions import guessed_inputs

            hint = f"describe its parameters: inputs={guessed_inputs([each.name for each in required])}"
        plain = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
        takes = signature.replace(parameters=plain, return_annotation=signature.empty)
        raise TargetError(f"{target}: {name} takes {takes}, and a loss is called with (S, y)", hint=hint) from None


def takes_scores_and_labels(function: Any) -> bool:
    """Whether something can be called with (S, y), as far as can be seen."""
    try:
        refuse_what_is_no_loss(function, "", "")
    except TargetError:
        return False
    return True


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
        for _ in range(100):  # a chain of wrappers may be a cycle
            code = getattr(function, "__code__", None)
            if isinstance(function, functools.partial):
                function = function.func
            elif hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            elif inspect.ismethod(function):
                function = function.__func__
            elif isinstance(function, type):
                function = next(
                    member for name in ("forward", "loss", "__init__") if (member := vars(function).get(name))
                )
            elif isinstance(code, CodeType):
                path = os.path.abspath(code.co_filename)
                return (path, code.co_firstlineno) if os.path.isfile(path) else (None, None)
            else:
                function = type(function).__call__ if callable(function) else type(function)
    except Exception:  # an object's own __getattr__
        pass
    return None, None


def callables_of(thing: Any) -> list[str]:
    """Public names of an object's callables; those that a module defines come before those that it imports."""
    try:
        found = {name: inspect.getattr_static(thing, name) for name in dir(thing) if not name.startswith("_")}
    except Exception:  # an object's own __dir__
        return []
    names = [name for name, member in found.items() if callable(member)]
    return sorted(names, key=lambda name: not _is_defined_in(thing, found[name]))


def losses_of(module: Any) -> list[str]:
    """Names of the functions that a module defines and that take ``(S, y)``."""
    names = []
    for name in callables_of(module):
        with suppress(TargetError):
            if _is_defined_in(module, function := getattr(module, name)):
                refuse_what_is_no_loss(function, name, name)
                names.append(name)
    return names


def _is_defined_in(module: Any, member: Any) -> bool:
    return getattr(member, "__module__", None) == getattr(module, "__name__", None)
