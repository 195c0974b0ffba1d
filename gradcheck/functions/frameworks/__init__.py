"""Functions written for PyTorch or JAX: adapters convert the arrays that they take and return from and to NumPy's.

A framework is imported only if it is asked for by name, or if the user's own code has imported it.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.function import Function

if TYPE_CHECKING:
    from gradcheck.functions.frameworks.adapters import Adapter

#: Top-level packages of each framework that ``--framework`` and the extras name; the first is the one to import.
FRAMEWORKS = {"torch": ("torch",), "jax": ("jax", "jaxlib")}


def require(name: str) -> None:
    """Import a framework, unless its name is ``auto`` or ``numpy``.

    Raises:
        UsageError: it is not in ``FRAMEWORKS``, or cannot be imported.
    """
    if name in ("auto", "numpy"):
        return
    if name not in FRAMEWORKS:
        raise UsageError(f"{name!r} is no framework", hint=f"there are auto, numpy, {' and '.join(FRAMEWORKS)}")
    package = FRAMEWORKS[name][0]
    try:
        importlib.import_module(package)
    except ImportError as error:
        message = f"--framework {name}: {package} cannot be imported: {error}"
        raise UsageError(message, hint=f"pip install 'gradcheck[{name}]'") from None


def adapted(function: Function, name: str, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Function:
    """The function with the first of a framework's adapters that works at these scores and labels.

    The built-in losses take NumPy arrays, and stay as they are. ``name`` is a key of ``FRAMEWORKS``.
    """
    module = str(getattr(function.function, "__module__", ""))
    if module.startswith("gradcheck.losses.") or function.framework == name:
        return function
    return _first_that_works(function, name, scores, labels)[0]


def recognised(
    function: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], first: Any, usable: bool
) -> Function:
    """The function adapted to the framework that its first call shows; unchanged if it shows none.

    ``first`` is what it returned for NumPy arrays of these scores and labels, or the exception that it raised;
    ``usable``: what it returned is a value and a gradient already.
    """
    raised, refused = isinstance(first, BaseException), function
    for name, packages in FRAMEWORKS.items():
        if not (packages[0] in sys.modules if raised else made_by(packages, first)):
            continue
        other, works = _first_that_works(function, name, scores, labels)
        if works:
            return other
        if refused is function and (refuses_arrays(packages, first) if raised else not usable):
            refused = other
    return refused


def made_by(packages: Collection[str], answer: Any) -> bool:
    """Whether what a function returned, or a part of it, is an object of one of these top-level packages."""
    parts = answer if isinstance(answer, tuple | list) else (answer,)
    return any(_root(type(part).__module__) in packages for part in parts)


def refuses_arrays(packages: Collection[str], error: BaseException) -> bool:
    """Whether an exception was probably raised because of NumPy arrays: in a package's code, or by its message."""
    *_, innermost = [None, *(frame for frame, _ in traceback.walk_tb(error.__traceback__))]
    in_package = innermost is not None and _root(innermost.f_globals.get("__name__")) in packages
    return in_package or "Tensor" in str(error) or "numpy.ndarray" in str(error)


def _first_that_works(
    function: Function, name: str, scores: npt.NDArray[Any], labels: npt.NDArray[Any]
) -> tuple[Function, bool]:
    """The first adapted function that returns an answer, and True; else the second, the usual one, and False."""
    adapters: tuple[Adapter, ...] = importlib.import_module(f"{__name__}.{name}_").ADAPTERS
    others = [replace(function, function=adapt(function.function), framework=name, adapter=adapt) for adapt in adapters]
    for other in others:
        with suppress(LossDefect):
            other.evaluate(scores, labels)
            return other, True
    return others[1], False


def _root(module: Any) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""
