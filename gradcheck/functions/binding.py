"""A function of named arguments as a function of one flat vector x, and which of its results is whose gradient."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import TargetError
from gradcheck.functions.answer import described
from gradcheck.functions.doors import Door, Layer
from gradcheck.layout import Arguments, Input, is_differentiable, leaves, parts_of
from gradcheck.report import Array

_ARRAYS = np.ndarray | np.floating  # Python's own numbers are mostly constants


@dataclass(frozen=True, eq=False)
class Bound:
    """A function of (x, arguments), x being 1 x n: the form in which the engine calls every function."""

    door: Door  # calls it
    order: tuple[str, ...]  # for each gradient that it returns, the input that it belongs to

    def __call__(self, x: Array, arguments: Arguments, hessian: bool = False) -> tuple[Any, ...]:
        """Value, and gradient (1, n) by the differentiated arrays; on request second derivatives as they are returned.

        Raises:
            TargetError: a gradient is missing, or has another shape than its input.
        """
        value, results, *second = self.door(arguments.at(x.reshape(-1)), arguments.seed)
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(())[()]
        return value, self.flat(results, arguments)[np.newaxis], *(second if hessian else ())

    @property
    def layer(self) -> Layer | None:
        """The layer that it is; None if it is none, or draws random numbers."""
        return self.door if isinstance(self.door, Layer) else None

    def flat(self, results: tuple[Any, ...], arguments: Arguments) -> Array:
        """What a call returned as the gradient (n,) by the differentiated arrays; raises as a call does."""
        inputs = {each: arguments.values[each] for each in self.order}
        _, gradients, _ = _assigned(results, arguments.values, inputs, is_explicit=True)
        absent = [each for each in arguments.layout.names if gradients.get(each) is None]
        if absent:
            raise TargetError(f"returned a gradient of {absent[0]} at the first call, and None at a later one")
        return np.concatenate([np.ravel(gradients[each]) for each in arguments.layout.names])


@dataclass(frozen=True, eq=False)
class OfRows:
    """A function of one of its inputs: of an array of N rows as an N x D matrix, or of one row alone."""

    bound: Callable[..., Any]  # of (x, arguments), as ``Bound``
    arguments: Arguments
    own: Input

    def __call__(self, X: Array, numbers: Array) -> tuple[Any, Array]:
        """Value, and gradient (N, D), of rows with these numbers: all, or one; raises as ``Bound``."""
        N, arguments = self.own.shape[0], self.arguments
        arguments = arguments if len(X) == N else arguments.row(int(numbers[0]), N)
        entries = next(each.entries for each in arguments.layout.inputs if each.name == self.own.name)
        x = arguments.x.astype(X.dtype)
        x[entries] = X.reshape(-1)
        value, gradient = self.bound(x[np.newaxis], arguments)
        return value, gradient[0, entries].reshape(X.shape)


@dataclass(frozen=True)
class Settled:
    """What the first call of a function shows."""

    bound: Bound  # the function, which knows which of its results are gradients of what
    arrays: tuple[str, ...]  # names of the arrays that have a gradient, in the order of the function's parameters
    remarks: tuple[str, ...]  # what a user should know: results that are ignored, gradients that are not given
    answer: tuple[Any, ...]  # the value and the results of the call
    framework: str = "numpy"  # whose arrays it takes


def settle(door: Door, values: dict[str, Any], wrt: Sequence[str], seed: int, zero_is_none: bool = False) -> Settled:
    """Call a function once, with copies of its arguments, to see which gradients it returns.

    ``wrt`` names what is differentiated, in the order of the gradients; it is empty for the arrays of floats in the
    order of the parameters, as far as gradients of their shapes come back. With ``zero_is_none``, a gradient that is 0
    everywhere is taken for one that is not given. ``seed`` is that of the upstream gradient.

    Raises:
        TargetError: the results do not fit the inputs, or an input of ``wrt`` has no derivative.
    """
    inputs = _inputs_of(values, wrt)
    value, returned, *_ = door(copy.deepcopy(values), seed)
    order, flat, unused = _assigned(returned, values, inputs, is_explicit=bool(wrt))
    remarks = [f"{unused} further results after the gradients are ignored"] if unused else []
    absent = [path for path, leaf in flat.items() if leaf is None or (zero_is_none and not np.any(leaf))]
    if absent:
        what = "None, or 0 everywhere" if zero_is_none else "None"
        remarks.append(f"the gradient of {', '.join(absent)} is {what}, so it is not checked")
    arrays = tuple(path for path in flat if path not in absent)
    return Settled(Bound(door, tuple(order)), arrays, tuple(remarks), (value, *returned))


def _assigned(
    results: tuple[Any, ...], values: dict[str, Any], inputs: dict[str, Any], *, is_explicit: bool
) -> tuple[list[str], dict[str, Any], int]:
    """Which result is whose gradient: in a dict by the names of the inputs, as ``W`` or ``dW``; or in their order.

    All of the ``inputs`` have one if these are explicit; else those have none whose shape does not come back.

    Returns:
        The inputs in the order of their gradients; the gradients of all arrays by name; how many results are left over.
    """
    results = _unpacked(results, inputs)
    by_name = results[0] if results and isinstance(results[0], dict) else {}
    by_name = {key if key in values else str(key).removeprefix("d").removeprefix("_"): by_name[key] for key in by_name}
    if by_name and by_name.keys() <= values.keys():
        if missing := [each for each in inputs if is_explicit and each not in by_name]:
            hint = f"it returns those of {', '.join(by_name)}"
            raise TargetError(f"returns no gradient of {', '.join(missing)}", hint=hint)
        order, results = [each for each in (inputs if is_explicit else values) if each in by_name], results[:1]
    else:
        order = list(inputs) if is_explicit or len(results) == len(inputs) else _fitting(results, inputs)
        if len(results) < len(order):
            message = f"returns {len(results)} gradients, and {len(inputs)} inputs are differentiated"
            hint = "name what has a gradient, in their order: --wrt W --wrt b"
            raise TargetError(f"{message}: {', '.join(inputs)}", hint=hint)
        by_name = dict(zip(order, results, strict=False))
    parts = (flat_gradient(each, values[each], by_name[each]) for each in values if each in order)
    return order, {path: leaf for part in parts for path, leaf in part.items()}, max(len(results) - len(order), 0)


def _fitting(results: tuple[Any, ...], inputs: dict[str, Any]) -> list[str]:
    """For each result, the next input that it may be the gradient of; a TargetError where there is none."""
    waiting = iter(inputs.items())
    fitting = (next((each for each, value in waiting if _fits(result, value)), None) for result in results)
    order = [each for each in fitting if each is not None]
    if not order:
        first = next(iter(inputs))
        flat_gradient(first, inputs[first], results[0] if results else ())  # raises, with both shapes
    return order


def flat_gradient(name: str, value: Any, gradient: Any) -> dict[str, Any]:
    """The gradients of an input's arrays by their names; None for one that is not given.

    Raises:
        TargetError: it is not built as the input is, or an array has another shape.
    """
    parts = parts_of(value, name)
    if gradient is None:
        return {path: None for path, leaf in leaves(value, name) if is_differentiable(leaf)}
    if parts is None:
        shape, told = np.shape(value), f"the gradient of {name} is {described(gradient)}"
        try:
            array = np.asarray(gradient)
        except Exception as error:  # a ragged list
            raise TargetError(f"{told}, not an array: {error}") from None
        if array.shape != shape and not (array.size == 1 and shape == ()):
            message = f"the gradient of {name} has shape {array.shape}; {name} has shape {shape}"
            hint = "return its transpose" if array.shape == shape[::-1] else "a gradient has the shape of its input"
            raise TargetError(message, hint=hint)
        return {name: array}
    own = {path.removeprefix(name): part for path, part in parts}
    theirs = parts_of(gradient, "")
    if theirs is None:
        raise TargetError(f"the gradient of {name} is {described(gradient)}; {name} is {described(value)}")
    given = dict(theirs)
    wanted = [key for key, part in own.items() if _has_floats(part) and (key in given or _has_floats(part, _ARRAYS))]
    if missing := [key for key in wanted if key not in given]:
        message = f"the gradient of {name} has no part {', '.join(key.lstrip('.') for key in missing)}"
        hint = f"it has {', '.join(key.lstrip('.') for key in given) or 'none'}; None says that one is not given"
        raise TargetError(message, hint=hint)
    found: dict[str, Any] = {}
    for key in wanted:
        found |= flat_gradient(name + key, own[key], given[key])
    return found


def _has_floats(value: Any, kinds: Any = object) -> bool:
    return any(isinstance(leaf, kinds) and is_differentiable(leaf) for _, leaf in leaves(value, ""))


def _inputs_of(values: dict[str, Any], wrt: Sequence[str]) -> dict[str, Any]:
    """The inputs that may have a gradient, in order."""
    for each in wrt:
        if each not in values:
            raise TargetError(f"wrt names {each}, which is not an input", hint=f"there are {', '.join(values)}")
        if not _has_floats(values[each]):
            kind = getattr(values[each], "dtype", None) or type(values[each]).__name__
            raise TargetError(f"wrt names {each}, which is {kind}: only floats have a derivative")
    if wrt:
        return {each: values[each] for each in wrt}
    arrays = {each: value for each, value in values.items() if _has_floats(value, _ARRAYS)}
    if not arrays:
        whole = [each for each, value in values.items() if getattr(value, "dtype", np.dtype(object)).kind in "iu"]
        hint = f"whole numbers are constants; to differentiate by them, name them: --wrt {whole[0]}" if whole else ""
        hint = hint or "describe one: --input W='normal(0, 1) [D, C]'"
        raise TargetError("none of its inputs is an array of floats", hint=hint)
    return arrays


def _unpacked(results: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[Any, ...]:
    """A single list of gradients as several, unless it is the gradient of a list; several as one, if they are that."""
    lists = [value for value in inputs.values() if isinstance(value, list | tuple)]
    if len(results) > 1:
        return (results,) if any(_fits(results, each) for each in lists) else results
    several = results[0] if results and not lists and isinstance(results[0], list | tuple) else ()
    return tuple(several) if any(isinstance(each, np.ndarray) for each in several) else results


def _fits(result: Any, value: Any) -> bool:
    """Whether something may be the gradient of an input: built like it, and of its shape."""
    try:
        flat_gradient("", value, result)
    except (TargetError, ValueError):
        return False
    return True
