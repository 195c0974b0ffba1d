"""The forms in which people write a function and its gradient; each is called to give a value and the gradients."""

import copy
import functools
import inspect
import itertools
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import TargetError
from gradcheck.functions.answer import described
from gradcheck.functions.signatures import parameters_of, signature_of
from gradcheck.layout import Seed, rebuilt
from gradcheck.report import FloatArray

#: How names of the gradients that a backward is multiplied by begin.
_UPSTREAM = ("d", "grad", "upstream", "top_diff", "g_")
#: What a backward calls the output of its forward.
_OUTPUT = ("out", "output", "y_hat")


#: A function with its gradient, however it is written: of its arguments by name, which it may keep or change, and the
#: seed of the upstream gradient. It returns the value, what may be the gradients, in order, and second derivatives if
#: these were asked for; or raises a TargetError.
Door = Callable[[dict[str, Any], Seed], tuple[Any, ...]]


@dataclass(frozen=True)
class AsReturned:
    """``f(W, X, y) -> (value, dW)``: several gradients as ``(value, dW, db)``, or in a dict or tuple."""

    function: Callable[..., Any]

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...]]:
        answer = called(self.function, given)
        is_lone = not isinstance(answer, tuple | list) or len(answer) < 2
        value = answer if is_lone else answer[0]
        what = "not a value with its gradients" if is_lone else "and not a number, as its value"
        if np.size(value) > 1 and (shape := np.shape(value)):
            hint = "is there a backward? --backward FILE.py:NAME"
            raise TargetError(f"returns a {' x '.join(map(str, shape))} array, {what}", hint=hint)
        if is_lone or not _is_number_or_array(value):
            hint = "return (value, gradient); or name what gives the gradient: --gradient, or --backward for a layer"
            raise TargetError(f"returns {described(value)}, {what}", hint=hint)
        return value, _several(answer[1] if len(answer) == 2 else tuple(answer[1:]))


@dataclass(frozen=True)
class Separate:
    """``f(x) -> value`` and ``g(x) -> gradient``."""

    value: Callable[..., Any]
    gradient: Callable[..., Any]

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...]]:
        again = copy.deepcopy(given)  # both functions get the same arguments, of which either may have no need
        value, gradient = called(self.value, given, leave_out=True), called(self.gradient, again, leave_out=True)
        return value[0] if isinstance(value, tuple) else value, _several(gradient)


@dataclass(frozen=True)
class Layer:
    """``forward(x, w) -> out`` or ``(out, cache)``, and ``backward(dout, cache) -> dx, dw``.

    The value is the sum of the outputs times a random upstream gradient.
    """

    #: Returns both: the same ones at every call, or those of a new object.
    pair: Callable[[], tuple[Callable[..., Any], Callable[..., Any]]]

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...]]:
        return self.at_upstream(given, lambda k, shape: upstream_gradient(seed, k, shape))[1:]

    def at_upstream(
        self, given: dict[str, Any], upstream_of: Callable[[int, tuple[int, ...]], FloatArray]
    ) -> tuple[list[Any], Any, tuple[Any, ...]]:
        """The outputs, and value and gradients for the upstream gradients that ``upstream_of(number, shape)`` makes."""
        forward, backward = self.pair()
        result = called(forward, given)
        outputs, rest = self._split(result, backward, given)
        upstream = [upstream_of(k, np.shape(out)) for k, out in enumerate(outputs)]
        value = sum(np.sum(np.asarray(out) * each) for out, each in zip(outputs, upstream, strict=True))
        return outputs, value, _several(backward(*(each.copy() for each in upstream), *rest))

    def _split(self, result: Any, backward: Callable[..., Any], given: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """The outputs of a forward, and what its backward takes beside their gradients."""
        signature = signature_of(backward)
        several = list(result) if isinstance(result, tuple) else [result]
        if signature is None or any(each.kind is each.VAR_POSITIONAL for each in signature.parameters.values()):
            return several[:1], several[1:]
        names, _ = parameters_of(backward)
        others = (k for k, name in enumerate(names) if not name.lower().startswith(_UPSTREAM))
        upstream = max(1, next(others, len(names)))
        beside = names[upstream:]
        if upstream <= len(several) and len(several) - upstream >= len(beside) and len(beside) <= 1:
            outputs, rest = several[:upstream], several[-1:] if beside else []
        elif all(name in given or name in _OUTPUT for name in beside):
            outputs, rest = several[:upstream], [given.get(name, several[0]) for name in beside]
        else:
            takes, gave = f"{_name(backward)}({', '.join(names)})", described(result)
            hint = "a backward is called as backward(dout, cache), with the last of what forward returns as its cache"
            raise TargetError(f"returns {gave}, and its backward takes {takes}", hint=hint)
        for out in outputs:
            if not _is_number_or_array(out):
                raise TargetError(f"returns {described(out)} as its output, not an array of numbers")
        return outputs, rest


@dataclass(frozen=True)
class WithHessian:
    """One of these whose last result are second derivatives: ``(value, gradient, hess)``, ``(gradient, hess)``."""

    door: Door

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...], Any]:
        value, results = self.door(given, seed)
        if len(results) < 2:
            hint = "return (value, gradient, hess); several gradients as a tuple or a dict, and so their hess"
            raise TargetError("returns no second derivatives after its gradients", hint=hint)
        first = results[:-1]
        return value, first[0] if len(first) == 1 and type(first[0]) is tuple else first, results[-1]


@dataclass(frozen=True)
class Products:
    """A gradient and the products of its Jacobian, the Hessian, with vectors: ``hvp(x, v)``.

    The value is the sum of the gradient times v, whose own gradient is the product: the Hessian is symmetric.
    """

    door: Door
    product: Callable[..., Any]

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...]]:
        names, _ = parameters_of(self.product)
        own = {name: copy.deepcopy(given[name]) for name in names if name in given}
        vectors = [name for name in names if name not in given]
        _, gradients = self.door(given, seed)
        count, value = itertools.count(), 0.0

        def vector(path: str, gradient: Any) -> Any:
            nonlocal value
            drawn = upstream_gradient(seed, next(count), np.shape(gradient))
            value += float(np.sum(np.asarray(gradient) * drawn))
            return drawn.copy()

        own |= {name: rebuilt(each, name, vector) for name, each in zip(vectors, gradients, strict=False)}
        return value, _several(called(self.product, own))


def reseeded(door: Door) -> Door:
    """A function whose random numbers are the same at every call."""

    @functools.wraps(door, updated=())
    def call(given: dict[str, Any], seed: Seed) -> tuple[Any, ...]:
        assert isinstance(seed, int)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        return door(given, seed)

    return call


@functools.lru_cache(maxsize=16)
def upstream_gradient(seed: Seed, number: int, shape: tuple[int, ...]) -> FloatArray:
    """What output ``number`` is multiplied by: random numbers of mixed signs and sizes, the same at every call.

    The seed of one row alone, (seed, row, N), gives that row's part of what the batch of N gets.
    """
    if isinstance(seed, tuple):
        own, row, N = seed
        whole = upstream_gradient(own, number, (N, *shape[1:]))
        return whole[row : row + 1] if shape[:1] == (1,) else np.full(shape, np.nan)
    rng = np.random.Generator(np.random.PCG64([seed, number]))
    return np.asarray(rng.standard_normal(shape) * 2.0 ** rng.integers(-2, 2, shape, endpoint=True))


def called(function: Callable[..., Any], given: dict[str, Any], *, leave_out: bool = False) -> Any:
    """Call a function with these arguments, by position where it takes them only so; or with those that it takes.

    Raises:
        TargetError: they are not the arguments that it takes; what it raises itself passes.
    """
    signature = signature_of(function)
    if signature is None:
        return function(*given.values())
    kinds = {each.name: each.kind for each in signature.parameters.values()}
    if leave_out and inspect.Parameter.VAR_KEYWORD not in kinds.values():
        given = {name: value for name, value in given.items() if name in kinds}
    by_position = [value for each, value in given.items() if kinds.get(each) == inspect.Parameter.POSITIONAL_ONLY]
    by_name = {each: value for each, value in given.items() if kinds.get(each) != inspect.Parameter.POSITIONAL_ONLY}
    try:
        signature.bind(*by_position, **by_name)
    except TypeError as error:
        takes, names = f"{_name(function)}({', '.join(kinds)})", ", ".join(given) or "nothing"
        hint = "describe its parameters and no others: --input NAME='normal(0, 1) [N, D]', or inputs in the YAML"
        raise TargetError(f"{takes} is called with {names}: {error}", hint=hint) from None
    return function(*by_position, **by_name)


def _several(results: Any) -> tuple[Any, ...]:
    return results if type(results) is tuple else (results,)


def _is_number_or_array(thing: Any) -> bool:
    return not isinstance(thing, str | bytes | dict | type(None)) and np.asarray(thing).dtype.kind in "bfciu"


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
