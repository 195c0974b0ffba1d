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
from gradcheck.functions.frameworks.adapters import Toolkit, converted_labels, is_pair, no_value

#: JAX's own switch; it has another place in versions before 0.8.
_x64: Callable[[bool], AbstractContextManager[None]] = (
    jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
)


def _differentiated(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the gradient of ``jax.value_and_grad``."""

    @functools.cache
    def transformed(options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
        def total(S: Any, y: Any) -> tuple[Any, Any]:
            answer = function(S, y, **dict(options))
            if is_pair(answer):
                return 0.0, answer
            _refuse_what_has_no_gradient(answer)
            return answer if jnp.ndim(answer) == 0 else jnp.sum(answer), answer

        both: Callable[..., Any] = jax.value_and_grad(total, has_aux=True)
        # A function that the user compiled is traced only once for each shape in any case. Any other one stays
        # uncompiled: tracing would hide that it is random, or keeps state.
        return jax.jit(both) if _is_compiled(function) else both

    def differentiated(scores: npt.NDArray[Any], labels: npt.NDArray[Any], options: dict[str, Any]) -> Any:
        arguments = _arguments(function, scores, labels)
        (_, answer), gradient = transformed(tuple(sorted(options.items())))(*arguments)
        return answer if is_pair(answer) else (answer, gradient)

    return differentiated


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


def _arguments(
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
    """A JAX array as a NumPy array, or as a Python number if that keeps its dtype; anything else unchanged."""
    if not isinstance(thing, jax.Array):
        return thing
    if thing.ndim == 0 and thing.dtype == np.float64:
        return float(thing)
    try:
        # NumPy has no bfloat16. A copy: nobody can change a JAX array that two calls return.
        return np.array(thing, dtype=np.float32 if thing.dtype == jnp.bfloat16 else None)
    except TypeError as error:  # a key of random numbers
        raise LossDefect("wrong-dtype", f"{what} is no array of numbers: {error}") from None


ADAPTERS = Toolkit(_environment, _arguments, _plain, _differentiated).adapters
