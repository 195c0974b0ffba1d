"""Adapters for JAX. It computes in 64 bits, whatever the user's own setting, which is left unchanged."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.adapters import Toolkit

#: JAX's own switch; it has another place in versions before 0.8.
_x64: Callable[[bool], AbstractContextManager[None]] = (
    jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
)


@contextmanager
def _settings() -> Iterator[None]:
    """Compute in float64; remove JAX's notes about its hidden frames from what is raised."""
    try:
        with _x64(True):
            yield
    except Exception as error:
        if hasattr(error, "__notes__"):
            error.__notes__ = [note for note in error.__notes__ if "JAX_TRACEBACK_FILTERING" not in note]
        raise


def _value_and_grad(total: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    both: Callable[..., Any] = jax.value_and_grad(total, has_aux=True)
    # A function that the user compiled is traced only once for each shape in any case. Any other one stays
    # uncompiled: tracing would hide that it is random, or keeps state.
    return _jit(both) if _is_compiled(function) else both


def _compiled(own: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any] | None:
    return None if _is_compiled(function) else _jit(own)


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    def any_arguments(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return jax.jit(any_arguments, static_argnames="reduction")  # type: ignore[no-any-return]


def _is_compiled(function: Callable[..., Any]) -> bool:
    return hasattr(function, "lower") and hasattr(function, "trace")


def _vmap(function: Callable[..., Any], by_hand: bool, is_own: bool) -> Callable[..., Any]:
    def moved(to: Any, scores: Any, labels: Any, at: Any) -> tuple[Any, Any]:
        answer = function(scores.reshape(-1).at[at].set(to).reshape(scores.shape), labels)
        return (answer[0], answer) if by_hand else (_sum_of(answer), answer)

    def at_point(scores: Any, labels: Any, at: Any, to: Any) -> tuple[Any, Any]:
        if by_hand:
            value, gradient = moved(to, scores, labels, at)[1]
            return value, gradient.reshape(-1)[at]
        (_, values), derivative = jax.value_and_grad(moved, has_aux=True)(to, scores, labels, at)
        return values, derivative

    own = 0 if is_own else None
    return jax.jit(jax.vmap(at_point, (own, own, 0, 0)))  # type: ignore[no-any-return]


def _sum_of(answer: Any, weight: Any = None) -> Any:
    dtype = jnp.result_type(answer)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise LossDefect("wrong-dtype", f"the value has dtype {dtype}, which has no gradient")
    return jnp.sum(answer if weight is None else weight * answer)


def _to_numpy(array: Any) -> Any:
    """A copy, because nobody can change a JAX array that two calls return; NumPy has no bfloat16."""
    return np.array(array, dtype=np.float32 if array.dtype == jnp.bfloat16 else None)


def _gradients(total: Callable[..., Any]) -> Callable[..., Any]:
    return lambda arrays: jax.grad(total, has_aux=True)(arrays)[0]


TOOLKIT = Toolkit(
    "jax", jax.Array, _settings, jnp.asarray, _to_numpy, _sum_of, _value_and_grad, _gradients, _vmap, compiled=_compiled
)
