"""Adapters for JAX. It computes in 64 bits, whatever the user's own setting, which is left unchanged."""

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
from gradcheck.functions.frameworks.adapters import (
    Adapter,
    converted_labels,
    converted_pair,
    is_pair,
    no_value,
    wrapped,
)

#: JAX's own switch; it has another place in versions before 0.8.
_x64: Callable[[bool], AbstractContextManager[None]] = (
    jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
)


def by_hand(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that derives its gradient itself, and returns (value, dS)."""
    return wrapped(
        function,
        _environment,
        lambda S, y, options: converted_pair(function(*_converted(function, S, y), **options), _plain),
    )


def by_transform(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that returns a value, whose gradient JAX computes; or a pair all the same.

    The gradient of N values, one for each row, is that of their sum: row i is the derivative of value i, if each value
    depends on its own row alone.
    """

    @functools.cache
    def differentiated(options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
        def total(S: Any, y: Any) -> tuple[Any, Any]:
            answer = function(S, y, **dict(options))
            if is_pair(answer):
                return 0.0, answer
            _refuse_what_has_no_gradient(answer)
            return answer if jnp.ndim(answer) == 0 else jnp.sum(answer), answer

        transformed: Callable[..., Any] = jax.value_and_grad(total, has_aux=True)
        # A function that the user compiled is traced only once for each shape in any case. Any other one stays
        # uncompiled: tracing would hide that it is random, or keeps state.
        return jax.jit(transformed) if _is_compiled(function) else transformed

    def body(scores: npt.NDArray[Any], labels: npt.NDArray[Any], options: dict[str, Any]) -> Any:
        arrays = _converted(function, scores, labels)
        if scores.dtype.kind == "c":  # complex steps use the value only
            return _plain(function(*arrays, **options), "the value"), None
        (_, answer), gradient = differentiated(tuple(sorted(options.items())))(*arrays)
        return converted_pair(answer if is_pair(answer) else (answer, gradient), _plain)

    return wrapped(function, _environment, body)


def from_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that converts NumPy arrays itself, and returns (value, dS)."""
    return wrapped(function, _environment, lambda S, y, options: converted_pair(function(S, y, **options), _plain))


ADAPTERS: tuple[Adapter, ...] = (by_hand, by_transform, from_arrays)


@contextmanager
def _environment(scores: npt.NDArray[Any]) -> Iterator[None]:
    """Compute in float64; remove JAX's notes about its hidden frames from what is raised."""
    try:
        with _x64(True):
            yield
    except Exception as error:
        if hasattr(error, "__notes__"):
            error.__notes__ = [note for note in error.__notes__ if "JAX_TRACEBACK_FILTERING" not in note]
        raise


def _is_compiled(function: Callable[..., Any]) -> bool:
    return hasattr(function, "lower") and hasattr(function, "trace")


def _converted(
    function: Callable[..., Any], scores: npt.NDArray[Any], labels: npt.NDArray[Any]
) -> tuple[Any, npt.NDArray[Any]]:
    """Scores and labels as JAX arrays; a compiled function converts them itself, faster."""
    labels = converted_labels(labels, scores)
    if _is_compiled(function):
        return scores, labels
    return jnp.asarray(scores), jnp.asarray(labels) if labels.dtype.kind in "bif" else labels


def _refuse_what_has_no_gradient(answer: Any) -> None:
    if not isinstance(answer, jax.Array | np.ndarray | np.generic | float | int):
        raise no_value(answer)
    dtype = jnp.result_type(answer)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise LossDefect("wrong-dtype", f"the value has dtype {dtype}, which has no gradient")


def _plain(thing: Any, what: str) -> Any:
    """A JAX array as a NumPy array, or as a Python number if that keeps its dtype; anything else unchanged.

    A copy: two calls may return the same JAX array, which nobody can change, and that is no shared buffer.
    """
    if not isinstance(thing, jax.Array):
        return thing
    if thing.ndim == 0 and thing.dtype == np.float64:
        return float(thing)
    try:
        return np.array(thing)
    except TypeError as error:  # a key of random numbers
        raise LossDefect("wrong-dtype", f"{what} is no array of numbers: {error}") from None
