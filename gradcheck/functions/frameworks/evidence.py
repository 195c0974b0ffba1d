"""What a loss's first answer, or what it raised, says about whose arrays it works with."""

from __future__ import annotations

import traceback
import types
from collections.abc import Collection
from typing import Any

_OURS = __name__.partition(".")[0]


def made_by(packages: Collection[str], answer: Any) -> bool:
    """Whether an answer, or the value or gradient in it, is an object of one of these top-level packages."""
    parts = answer if isinstance(answer, tuple | list) else (answer,)
    return any(_root(type(part).__module__) in packages for part in parts)


def is_behind(packages: Collection[str], error: BaseException) -> bool:
    """Whether what raised stands in one of these packages, or where the user's code makes use of them."""
    for frame in _frames(error):
        home = _root(frame.f_globals.get("__name__"))
        names = {} if home == _OURS else {**frame.f_globals, **frame.f_locals}
        if home in packages or any(_root(_home(thing)) in packages for thing in names.values()):
            return True
    return False


def refuses_arrays(packages: Collection[str], error: BaseException) -> bool:
    """Whether it raised because it was given NumPy's arrays, as far as can be told: in the package, or by its words."""
    innermost = [_root(frame.f_globals.get("__name__")) for frame in _frames(error)][-1:]
    return any(home in packages for home in innermost) or "Tensor" in str(error) or "numpy.ndarray" in str(error)


def _frames(error: BaseException) -> list[types.FrameType]:
    """What an exception went through, the innermost last."""
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def _home(thing: Any) -> Any:
    """The name of the module that a thing is, or comes from."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__
    named = isinstance(thing, type | types.FunctionType | types.BuiltinFunctionType)
    return thing.__module__ if named else type(thing).__module__


def _root(module: Any) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""
