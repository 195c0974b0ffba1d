"""What the adapters of all frameworks have in common.

An adapter takes the user's function and returns one that takes NumPy arrays (and ``reduction``, if the user's does) and
returns a pair (value, dS) of Python and NumPy types.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect

Adapter = Callable[[Callable[..., Any]], Callable[..., Any]]


def wrapped(
    function: Callable[..., Any],
    environment: Callable[[npt.NDArray[Any]], AbstractContextManager[None]],
    body: Callable[[npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]], Any],
) -> Callable[..., Any]:
    """A function like the user's: it calls ``body`` with scores, labels and options in the framework's environment."""

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with environment(scores):
            return body(scores, labels, options)

    return loss


def converted_labels(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels as frameworks expect them: integers as int64, floats in the precision of the scores.

    They share memory with the labels if no conversion is needed, so that a function that changes them is found out.
    """
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64, copy=False)
    return labels.astype(scores.real.dtype, copy=False) if labels.dtype.kind == "f" else labels


def is_pair(answer: Any) -> TypeGuard[tuple[Any, Any]]:
    """Whether a function returned a gradient of its own beside the value."""
    return isinstance(answer, tuple | list) and len(answer) == 2


def converted_pair(answer: Any, plain: Callable[[Any, str], Any]) -> tuple[Any, Any]:
    """The pair (value, dS), with both parts converted by ``plain(thing, name)``.

    Raises:
        LossDefect: ``wrong-shape``: it is no pair, or dS is None.
    """
    if not is_pair(answer):
        raise LossDefect("wrong-shape", f"returns {_kind(answer)}, not a pair (value, dS)")
    value, gradient = answer
    if gradient is None:  # S.grad, read too early
        raise LossDefect(
            "wrong-shape", "dS is None: if it is S.grad, call backward first; or return the value alone, with its graph"
        )
    return plain(value, "the value"), plain(gradient, "dS")


def no_value(answer: Any) -> LossDefect:
    """The defect of a function that returned nothing that has a gradient."""
    return LossDefect("wrong-shape", f"returns {_kind(answer)}, neither a value nor a pair (value, dS)")


def _kind(answer: Any) -> str:
    return "None" if answer is None else f"a {type(answer).__name__}"
