"""What a function returns, validated: value and gradient are accepted in any form, and converted to one form."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.report import Array, FloatArray

_FLOAT64 = np.dtype(np.float64)
_EPS = float(np.finfo(np.float64).eps)
_NOT_NUMBERS = (type(None), bool, np.bool_, str, bytes)


@dataclass(frozen=True, eq=False)
class Answer:
    """Value and gradient of a function at one point."""

    value: float  # the sum of ``parts`` if the function returned each row's own value
    gradient: FloatArray  # dS, N x C float64, a copy
    value_eps: float  # machine epsilon of the dtypes that the function returned
    gradient_eps: float
    parts: FloatArray | None = None  # N, each row's own value; None if the function returned a single number
    whole_numbers: bool = False  # dS was an array of integers


def validated(answer: Any, shape: tuple[int, ...]) -> Answer:
    """Convert what a function returned to an ``Answer``, whose dS must be of this shape (N, C).

    Raises:
        LossDefect: ``wrong-shape``, ``wrong-dtype`` or ``not-finite``.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise LossDefect("wrong-shape", f"returns {described(answer)}, not a pair (value, dS)")
    value = as_array(answer[0], "the value")
    if value.shape == shape and np.ndim(answer[1]) == 0:
        raise LossDefect("wrong-shape", "returns (dS, value), the other way round: return value, dS")
    if value.ndim != 0 and value.shape != shape[:1]:
        hint = "; return the batch mean, or each row's own value" if value.ndim == 1 else ""
        raise LossDefect("wrong-shape", f"the value has shape {value.shape}; it must be a single number{hint}")
    value, value_eps = as_float64(value, "the value")
    array = as_array(answer[1], "dS")
    if array.shape != shape:
        message = f"dS has shape {array.shape}; S has shape {shape}, and so must dS{_likeness(array.shape, shape)}"
        raise LossDefect("wrong-shape", message)
    gradient, gradient_eps = as_float64(array, "dS")
    parts = value if value.ndim else None
    return Answer(float(value.sum()), gradient, value_eps, gradient_eps, parts, array.dtype.kind in "iu")


def put_together(values: FloatArray, derivatives: FloatArray, weight: float, eps: tuple[float, float]) -> Answer:
    """The batch's answer from N values and N x C derivatives of rows of this weight; ``eps``: of value and dS."""
    parts = weight * values
    return Answer(float(parts.sum()), weight * derivatives, *eps, parts)


def value_and_gradient(answer: Any, shape: tuple[int, ...]) -> tuple[float, FloatArray]:
    """Value and dS of what a function returned, no copy if dS is float64 already; raises as ``validated``."""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], float) and _is_plain(answer[1], shape):
        return answer
    valid = validated(answer, shape)
    return valid.value, valid.gradient


def values_and_derivatives(answer: Any, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """N values, and N x C derivatives of each row's own value, of what it returned for ``reduction="none"``."""
    is_pair = isinstance(answer, tuple) and len(answer) == 2
    if is_pair and _is_plain(answer[0], shape[:1]) and _is_plain(answer[1], shape):
        return answer  # type: ignore[no-any-return]
    valid = validated(answer, shape)
    if valid.parts is None:
        raise LossDefect("wrong-shape", f"returns {described(answer)}, not (N values, N x C derivatives)")
    return valid.parts, valid.gradient


def _is_plain(thing: Any, shape: tuple[int, ...]) -> bool:
    return type(thing) is np.ndarray and thing.shape == shape and thing.dtype == _FLOAT64


def described(thing: Any) -> str:
    """An object in a few words: ``None``, ``a tuple of 3``, ``a number``, ``an array of shape (2, 3)``, ``a dict``."""
    if thing is None or isinstance(thing, np.ndarray):
        return "None" if thing is None else f"an array of shape {thing.shape}"
    if isinstance(thing, int | float | np.number) and not isinstance(thing, bool):
        return "a number"
    name = type(thing).__name__
    length = f" of {len(thing)}" if isinstance(thing, tuple | list) else ""
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}{length}"


def _likeness(given: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What a dS of a wrong shape may be, and what to do; empty if it resembles nothing."""
    N, C = shape
    likenesses = {
        (N,): ": it is one number for each row",
        (C,): ": it is one row's, or all rows' together",
        (N * C,): ": it was flattened, reshape(S.shape) folds it again",
        (N, N): ": it looks like a product with a matrix transposed",
        (C, C): ": it looks like a product with a matrix transposed",
        (C, N): ": it has the shape of S transposed, return dS.T",
    }
    return ": the axis of the rows is missing" if N == 1 and given == (C,) else likenesses.get(given, "")


def as_array(thing: Any, what: str) -> Array:
    """What a function returned as ``what``, as an array; a ``LossDefect`` where it is none."""
    try:
        return np.asarray(thing)
    except Exception as error:  # an __array__ of the user's may raise anything
        raise LossDefect("wrong-dtype", f"{what} is {described(thing)}, not an array: {error}") from error


def as_float64(array: Array, what: str) -> tuple[FloatArray, float]:
    """A copy as float64, and the machine epsilon of its dtype; a ``LossDefect`` where it holds no real numbers."""
    if array.dtype == _FLOAT64:
        return np.array(array), _EPS
    if array.dtype.kind not in "fiuO":
        raise LossDefect("wrong-dtype", f"{what} has dtype {array.dtype}; it must be made of real numbers")
    bad = [thing for thing in array.flat if isinstance(thing, _NOT_NUMBERS)] if array.dtype.kind == "O" else []
    if bad:  # NumPy would convert None to NaN, and text to a number
        raise LossDefect("wrong-dtype", f"{what} has dtype object and holds {described(bad[0])}, not a number")
    try:
        converted = np.array(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        code = "not-finite" if isinstance(error, OverflowError) else "wrong-dtype"
        raise LossDefect(code, f"{what} has dtype {array.dtype}, and cannot be converted: {error}") from error
    return converted, max(float(np.finfo(array.dtype).eps), _EPS) if array.dtype.kind == "f" else _EPS
