"""The ways to call a loss of JAX's, in 64 bits whatever the user's own setting is, which stays as it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.way import (
    LossFunction,
    Way,
    is_pair,
    labels_beside,
    lone_expected,
    pair_expected,
    with_gradient,
)

#: JAX's own switch; it stands elsewhere in versions before 0.8.
_x64: Callable[[bool], AbstractContextManager[None]] = (
    jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
)


def by_hand(function: LossFunction) -> LossFunction:
    """The loss derives its gradient itself, and returns (value, dS)."""
    taken = _taken_by(function)

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _in_64_bits():
            return _pair(function(*taken(scores, labels), **options))

    return loss


def by_transform(function: LossFunction) -> LossFunction:
    """The loss returns a value, of which JAX takes the gradient; or a pair all the same.

    Of N values, one for each row, the gradient is that of their sum: row i is the derivative of value i, if each value
    depends on its own row alone.
    """
    taken = _taken_by(function)

    @functools.cache
    def differentiated(options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
        def total(S: Any, y: Any) -> tuple[Any, Any]:
            answer = function(S, y, **dict(options))
            if is_pair(answer):
                return 0.0, answer
            _refuse_what_has_no_gradient(answer)
            return answer if jnp.ndim(answer) == 0 else jnp.sum(answer), answer

        transformed: Callable[..., Any] = jax.value_and_grad(total, has_aux=True)
        # What the user has compiled is traced once for each shape anyhow. Any other function stays uncompiled: if it
        # is random or keeps a state, that would be traced away, and is to be found.
        if _is_compiled(function):
            transformed = jax.jit(transformed)
        return transformed

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _in_64_bits():
            arrays = taken(scores, labels)
            if scores.dtype.kind == "c":  # for a complex step only the value counts
                return _plain(function(*arrays, **options), "the value"), None
            (_, answer), gradient = differentiated(tuple(sorted(options.items())))(*arrays)
            return _pair(answer) if is_pair(answer) else (_plain(answer, "the value"), _plain(gradient, "dS"))

    return loss


def from_arrays(function: LossFunction) -> LossFunction:
    """The loss makes JAX's arrays of NumPy's itself, and returns (value, dS)."""

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _in_64_bits():
            return _pair(function(scores, labels, **options))

    return loss


WAYS: tuple[Way, ...] = (by_hand, by_transform, from_arrays)


@contextmanager
def _in_64_bits() -> Iterator[None]:
    """Within it JAX computes in float64; and what it raises says nothing of what JAX hides of its own frames."""
    try:
        with _x64(True):
            yield
    except Exception as error:
        if hasattr(error, "__notes__"):
            error.__notes__ = [note for note in error.__notes__ if "JAX_TRACEBACK_FILTERING" not in note]
        raise


def _is_compiled(function: LossFunction) -> bool:
    return hasattr(function, "lower") and hasattr(function, "trace")


def _taken_by(function: LossFunction) -> Callable[[npt.NDArray[Any], npt.NDArray[Any]], tuple[Any, Any]]:
    """What makes the function's arguments; those of a compiled one it converts itself, faster."""
    convert: Callable[[Any], Any] = (lambda array: array) if _is_compiled(function) else jnp.asarray

    def taken(scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[Any, Any]:
        beside = labels_beside(labels, scores)
        return convert(scores), convert(beside) if beside.dtype.kind in "bif" else beside

    return taken


def _refuse_what_has_no_gradient(answer: Any) -> None:
    if not isinstance(answer, jax.Array | np.ndarray | np.generic | float | int):
        raise lone_expected(answer)
    dtype = jnp.result_type(answer)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise LossDefect("wrong-dtype", f"the value has dtype {dtype}, which has no gradient")


def _pair(answer: Any) -> tuple[Any, Any]:
    if not is_pair(answer):
        raise pair_expected(answer)
    value, gradient = with_gradient(answer)
    return _plain(value, "the value"), _plain(gradient, "dS")


def _plain(thing: Any, what: str) -> Any:
    """An array of JAX's as a Python number where that keeps its dtype, or as a NumPy array; all else as it is.

    A copy: what two calls return may well be one array of JAX's, which nobody can change.
    """
    if not isinstance(thing, jax.Array):
        return thing
    if thing.ndim == 0 and thing.dtype == np.float64:
        return float(thing)
    try:
        return np.array(thing)
    except TypeError as error:  # a key of random numbers
        raise LossDefect("wrong-dtype", f"{what} is no array of numbers: {error}") from None
