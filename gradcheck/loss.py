"""How a loss is called, and its answer validated: a callable in, an Evaluation out."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.report import FloatArray
from gradcheck.tracebacks import trimmed_traceback

_EPS = float(np.finfo(np.float64).eps)
_NO_NUMBERS = (type(None), bool, np.bool_, str, bytes)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a loss answered at one point.

    Attributes:
        value: the loss's value as a Python float.
        gradient: dS as N x C float64, memory of its own.
        value_eps, gradient_eps: machine epsilon of the dtypes that the loss returned.
    """

    value: float
    gradient: FloatArray
    value_eps: float
    gradient_eps: float


@dataclass(frozen=True)
class Loss:
    """A callable ``(S, y) -> (value, dS)`` and where it came from.

    Attributes:
        target: as the user named it, for example ``svm`` or ``mymodule:myloss``.
        function: the callable.
        file, line: where it is defined; None where that cannot be known.
    """

    target: str
    function: Callable[[Any, Any], Any]
    file: str | None = None
    line: int | None = None

    def call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        """Call the loss on these very arrays and return its answer untouched.

        Args:
            scores: N x C array, float64 or float32.
            labels: N ints, or what the config's kind of labels says.

        Raises:
            LossDefect: ``raises``, with the lines of the traceback that are in the user's code.
        """
        try:
            return self.function(scores, labels)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit among them: a loss must not end the run
            raise LossDefect(
                "raises",
                f"raises {type(error).__name__}: {error}".removesuffix(": "),
                details=trimmed_traceback(error),
            ) from error

    def evaluate(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Evaluation:
        """Call the loss on copies of the arrays and validate its answer.

        Args:
            scores: N x C array, float64 or float32; left untouched whatever the loss does.
            labels: N ints; left untouched as well.

        Raises:
            LossDefect: ``raises``, ``wrong-shape`` or ``wrong-dtype``.
        """
        return validated(self.call(scores.copy(), labels.copy()), scores.shape)


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
    value, value_eps = _validated_value(answer[0])
    gradient, gradient_eps = _validated_gradient(answer[1], shape)
    return Evaluation(value, gradient, value_eps, gradient_eps)


def _validated_value(value: Any) -> tuple[float, float]:
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
    if array.ndim != 0:
        hint = "; return the batch mean" if array.ndim == 1 else ""
        raise LossDefect("wrong-shape", f"the value has shape {array.shape}, not that of a single number{hint}")
    real, eps = _as_float64(array, "the value")
    return float(real), eps


def _validated_gradient(gradient: Any, shape: tuple[int, ...]) -> tuple[FloatArray, float]:
    array = _as_array(gradient, "dS")
    if array.shape != shape:
        raise LossDefect("wrong-shape", f"dS has shape {array.shape}; S has shape {shape}, and so must dS")
    return _as_float64(array, "dS")


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
