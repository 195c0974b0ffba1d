"""What a loss answered, validated: its value and dS in whatever form they came, in one form out."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.report import FloatArray

_EPS = float(np.finfo(np.float64).eps)
_FLOAT64 = np.dtype(np.float64)
_NO_NUMBERS = (type(None), bool, np.bool_, str, bytes)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a loss answered at one point.

    Attributes:
        value: the loss's value as a Python float; the sum of each row's own, where the loss returned those.
        gradient: dS as N x C float64, memory of its own.
        value_eps, gradient_eps: machine epsilon of the dtypes that the loss returned.
        parts: N floats, what each row adds to ``value``; None where the loss returned a single number.
        whole_numbers: dS came as an array of integers.
    """

    value: float
    gradient: FloatArray
    value_eps: float
    gradient_eps: float
    parts: FloatArray | None = None
    whole_numbers: bool = False


def validated(answer: Any, shape: tuple[int, ...]) -> Evaluation:
    """A loss's answer as an Evaluation.

    Args:
        answer: what the loss returned.
        shape: (N, C), the shape that dS must have.

    Raises:
        LossDefect: ``wrong-shape`` or ``wrong-dtype``.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise LossDefect("wrong-shape", f"returns {_described(answer)}, not a pair (value, dS)")
    value, value_eps = _validated_value(answer[0], shape[0])
    gradient, gradient_eps, whole_numbers = _validated_gradient(answer[1], shape)
    if isinstance(value, float):
        return Evaluation(value, gradient, value_eps, gradient_eps, None, whole_numbers)
    return Evaluation(float(np.sum(value)), gradient, value_eps, gradient_eps, value, whole_numbers)


def put_together(values: FloatArray, derivatives: FloatArray, weight: float, eps: tuple[float, float]) -> Evaluation:
    """The batch's value and dS, from each row's own.

    Args:
        values, derivatives: N values and N x C derivatives, as ``values_and_derivatives`` returns them.
        weight: what a row's own value counts in the batch's.
        eps: machine epsilon of the dtypes that value and dS come in.
    """
    parts = weight * values
    return Evaluation(float(parts.sum()), weight * derivatives, *eps, parts)


def value_and_derivative(answer: Any, shape: tuple[int, ...], entry: tuple[int, int]) -> tuple[float, float]:
    """A loss's answer as its value and one entry of dS: what a probe needs, on the shortest way.

    Args:
        answer: what the loss returned.
        shape: (N, C), the shape that dS must have.
        entry: (row, class).

    Raises:
        LossDefect: as ``validated``.
    """
    if type(answer) is tuple and len(answer) == 2:
        value, gradient = answer
        is_plain = isinstance(value, float) and type(gradient) is np.ndarray  # np.float64 is a float
        if is_plain and gradient.shape == shape and gradient.dtype == np.float64:
            return float(value), float(gradient[entry])
    evaluation = validated(answer, shape)
    return evaluation.value, float(evaluation.gradient[entry])


def value_and_gradient(answer: Any, shape: tuple[int, ...]) -> tuple[float, FloatArray]:
    """A loss's answer as its value and dS, of which no copy is made where it is N x C float64 as it is.

    Args:
        answer: what the loss returned.
        shape: (N, C), the shape that dS must have.

    Returns:
        dS perhaps as the loss's own memory: the next call may change it.

    Raises:
        LossDefect: as ``validated``.
    """
    if isinstance(answer, tuple | list) and len(answer) == 2:
        value, gradient = answer
        is_plain = isinstance(value, float) and type(gradient) is np.ndarray
        if is_plain and gradient.shape == shape and gradient.dtype == np.float64:
            return float(value), gradient
    evaluation = validated(answer, shape)
    return evaluation.value, evaluation.gradient


def values_and_derivatives(answer: Any, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """What a loss answered for ``reduction="none"``: N values, and N x C derivatives of each row's own value.

    Args:
        answer: what the loss returned.
        shape: (N, C).

    Returns:
        Two float64 arrays, perhaps the loss's own memory.

    Raises:
        LossDefect: ``wrong-shape`` or ``wrong-dtype``.
    """
    if type(answer) is tuple and len(answer) == 2:
        values, gradient = answer
        is_plain = type(values) is type(gradient) is np.ndarray and values.dtype is gradient.dtype is _FLOAT64
        if is_plain and values.shape == shape[:1] and gradient.shape == shape:
            return values, gradient
    evaluation = validated(answer, shape)
    if evaluation.parts is not None:
        return evaluation.parts, evaluation.gradient
    raise LossDefect("wrong-shape", f"returns {_described(answer)}, not (N values, N x C derivatives)")


def _validated_value(value: Any, rows: int) -> tuple[float | FloatArray, float]:
    if isinstance(value, float):  # the usual case, np.float64 included, on the shortest way
        return float(value), _EPS
    if isinstance(value, bool | np.bool_):
        raise LossDefect("wrong-dtype", f"the value is {value!r}, a truth value and not a number")
    if isinstance(value, numbers.Real) and not isinstance(value, np.generic):
        try:
            return float(value), _EPS
        except OverflowError:
            raise LossDefect("not-finite", "the value is an integer too large for a float") from None
    array = _as_array(value, "the value")
    if array.ndim != 0 and array.shape != (rows,):
        hint = "; return the batch mean, or each row's own value" if array.ndim == 1 else ""
        raise LossDefect("wrong-shape", f"the value has shape {array.shape}, not that of a single number{hint}")
    real, eps = _as_float64(array, "the value")
    return (real if array.ndim else float(real)), eps


def _validated_gradient(gradient: Any, shape: tuple[int, ...]) -> tuple[FloatArray, float, bool]:
    array = _as_array(gradient, "dS")
    if array.shape != shape:
        what = _likeness(array.shape, shape)
        raise LossDefect("wrong-shape", f"dS has shape {array.shape}; S has shape {shape}, and so must dS{what}")
    return *_as_float64(array, "dS"), array.dtype.kind in "iu"


def _likeness(given: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What dS may be that has another shape than S, and what to do; empty where nothing is like it."""
    N, C = shape
    if given == (C, N):
        return ": it has the shape of S transposed, return dS.T"
    if given == (C,) and N == 1:
        return ": the axis of the rows is missing"
    if given in ((C, C), (N, N)):
        return ": it looks like a product with a matrix transposed"
    if given == (N * C,):
        return ": it was flattened, reshape(S.shape) folds it again"
    if given == (C,):
        return ": it is one row's, or all rows' together"
    return ": it is one number for each row" if given == (N,) else ""


def _as_array(thing: Any, what: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(thing)
    except Exception as error:  # whatever an __array__ of the user's raises
        raise LossDefect("wrong-dtype", f"{what} is {_described(thing)}, no array: {error}") from error


def _as_float64(array: npt.NDArray[Any], what: str) -> tuple[FloatArray, float]:
    """A copy as float64, and the machine epsilon of the dtype it came in."""
    if array.dtype == np.float64:
        return np.array(array), _EPS
    if array.dtype.kind not in "fiuO":
        raise LossDefect("wrong-dtype", f"{what} has dtype {array.dtype}, not a real number's")
    if array.dtype.kind == "O":  # NumPy would make NaN of None, and a number of a text
        strange = next((thing for thing in array.flat if isinstance(thing, _NO_NUMBERS)), 0)
        if isinstance(strange, _NO_NUMBERS):
            raise LossDefect("wrong-dtype", f"{what} has dtype object and holds {_described(strange)}, not a number")
    try:
        converted = np.array(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise LossDefect(
            "wrong-dtype", f"{what} has dtype {array.dtype} and is not made of numbers: {error}"
        ) from error
    return converted, max(float(np.finfo(array.dtype).eps), _EPS) if array.dtype.kind == "f" else _EPS


def _described(thing: Any) -> str:
    if isinstance(thing, tuple | list):
        return f"a {type(thing).__name__} of {len(thing)}"
    return "None" if thing is None else f"a {type(thing).__name__}"
