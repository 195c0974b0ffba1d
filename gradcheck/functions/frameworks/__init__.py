"""Functions for PyTorch or JAX, which are imported only where asked for by name, or where the user's code has."""

import importlib
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from inspect import getattr_static, unwrap
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import numpy as np

from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.function import Function
from gradcheck.report import Array, FloatArray

#: Top-level packages of each framework that ``--framework`` and the extras name; the first is the one to import.
FRAMEWORKS = {"torch": ("torch",), "jax": ("jax", "jaxlib")}
#: What the value is multiplied by to see that dS follows: of another sign and size, and exact.
_FACTOR = -0.5
_Form = TypeVar("_Form")


def require(name: str) -> None:
    """Import the framework of this name, if it is one; a UsageError where it cannot be imported."""
    if name in FRAMEWORKS:
        try:
            importlib.import_module(FRAMEWORKS[name][0])
        except ImportError as error:
            message = f"--framework {name}: {name} cannot be imported: {error}"
            raise UsageError(message, hint=f"pip install 'gradcheck[{name}]'") from None


def jax_settings(function: Function) -> AbstractContextManager[None] | None:
    """The environment of JAX's calls, where a function or what it calls in its module uses JAX; else None.

    In it, a first call with NumPy arrays compiles the operations that calls with JAX's arrays take as well.
    """
    own = vars(sys.modules.get(str(getattr(function.function, "__module__", "")), ModuleType("")))
    is_used = "jax" in sys.modules and not function.is_built_in
    is_used = is_used and _is_used(FRAMEWORKS["jax"], own, [function.function, unwrap(function.function)])
    return importlib.import_module(f"{__name__}.jax_").TOOLKIT.environment() if is_used else None


def _is_used(packages: Collection[str], names: Mapping[str, Any], things: Iterable[Any]) -> bool:
    """Whether one of these things is of a package, or leads to one by code of the module that has these names."""
    things, own, seen = [*things], list[Any](), set[int]()
    for each in things:  # which grows by what the code names, calls and holds
        if id(each) in seen:
            continue
        seen.add(id(each))
        kind = each if isinstance(each, type) else type(each)
        modules = [getattr(each, "__name__" if isinstance(each, ModuleType) else "__module__", "")]
        modules += [base.__module__ for base in kind.__mro__]
        imported = each.co_names if isinstance(each, CodeType) else ()
        if any(str(module).partition(".")[0] in packages for module in (*modules, *imported)):
            return True
        if isinstance(each, CodeType):
            things += [names[name] for name in each.co_names if name in names] + [*each.co_consts]
            things += [getattr_static(thing, name, None) for thing in own for name in each.co_names]
        elif isinstance(each, FunctionType | MethodType):  # of others __getattr__ may raise anything
            if getattr(each, "__globals__", None) is not names:
                continue
            for cell in each.__closure__ or ():
                with suppress(ValueError):  # it is empty
                    things.append(cell.cell_contents)
            things += [getattr(each, "__self__", None), each.__code__]
        elif kind.__module__ == names.get("__name__"):
            own.append(each)
            things.append(getattr_static(kind, "__call__", None))
    return False


def recognised_form(
    first: Any, usable: bool, forms: Callable[[str], Sequence[_Form]], attempt: Callable[[_Form], Any]
) -> _Form | None:
    """The form of a function for the framework that its first call shows; None if it shows none.

    ``first`` is what it returned for NumPy arrays, ``usable`` if that is a value and a gradient already, or what it
    raised; ``forms`` returns a framework's forms, in order; ``attempt`` calls one, and raises where it does not work.
    """
    raised, refused = isinstance(first, BaseException), None
    parts = first if isinstance(first, tuple | list) else (first,)
    made_by = {str(type(part).__module__).partition(".")[0] for part in parts}
    for name, packages in FRAMEWORKS.items():
        if not (_is_meant(packages, first) if raised else made_by & {*packages}):
            continue
        form, works = first_that_works(forms(name), attempt)
        if works:
            return form
        if refused is None and (_refuses_arrays(packages, first) if raised else not usable):
            refused = form
    return refused


def first_that_works(forms: Sequence[_Form], attempt: Callable[[_Form], Any]) -> tuple[_Form, bool]:
    """The first form that does not raise, and True; else the usual one, and False."""
    for form in forms:
        with suppress(Exception):
            attempt(form)
            return form, True
    return forms[min(1, len(forms) - 1)], False


def ignored_upstream(function: Function, scores: Array, labels: Array, gradient: FloatArray) -> str:
    """How the gradient N x C by autodiff fails to follow a factor of the value, in words; empty where it follows."""
    if function.adapter is None:
        return ""
    own = function.function.__wrapped__  # type: ignore[attr-defined]

    def times_factor(S: Any, y: Any) -> Any:
        value = own(S, y)
        return None if isinstance(value, tuple | list) else _FACTOR * value  # a gradient of its own follows nothing

    try:
        other = replace(function, function=function.adapter(times_factor)).evaluate(scores, labels).gradient
    except LossDefect:
        return ""
    wanted = _FACTOR * gradient
    # Half precision underflows: what is tiny need not follow.
    for row, column in np.argwhere(np.abs(other - wanted) > 1e-3 * np.max(np.abs(gradient)) + 1e-6):
        own_words = f"dS[{row}, {column}] is {other[row, column]:.6g} where {wanted[row, column]:.6g} is right"
        return f"dS does not follow its upstream gradient: with {_FACTOR} times the value, {own_words}"
    return ""


def _is_meant(packages: Collection[str], error: BaseException) -> bool:
    """Whether code that raised uses a framework; a loss for NumPy's arrays may not raise for those of another one."""
    if sys.modules.keys().isdisjoint(packages):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    known = any(_is_used(packages, each.f_globals, [*each.f_locals.values(), each.f_code]) for each in frames)
    if isinstance(error, TypeError | AttributeError):  # methods and keywords of its arrays, where it is imported
        modules = [thing for each in frames for thing in each.f_globals.values() if isinstance(thing, ModuleType)]
        known |= any(module.__name__.partition(".")[0] in packages for module in modules)
    return known or _refuses_arrays(packages, error)


def _refuses_arrays(packages: Collection[str], error: BaseException) -> bool:
    """Whether an exception was probably raised because of NumPy arrays: in a package's code, or by its message."""
    *_, innermost = [None, *(frame for frame, _ in traceback.walk_tb(error.__traceback__))]
    module = str(innermost.f_globals.get("__name__")) if innermost is not None else ""
    word = "Tensor" if "torch" in packages else "ArrayImpl"
    return module.partition(".")[0] in packages or word in str(error) or "numpy.ndarray" in str(error)


def forms_of(function: Function, name: str) -> list[Function]:
    """A score loss with each of a framework's adapters; a built-in takes NumPy arrays, and stays as it is."""
    if function.is_built_in:
        return [function]
    adapters = importlib.import_module(f"{__name__}.{name}_").TOOLKIT.adapters
    return [replace(function, function=adapt(function.function), framework=name, adapter=adapt) for adapt in adapters]
