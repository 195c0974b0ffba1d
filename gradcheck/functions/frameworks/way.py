"""What the ways of all frameworks have in common.

A way makes of the user's function one that takes NumPy's arrays (and ``reduction``, if the user's does) and returns a
pair (value, dS) of Python's and NumPy's own types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect

LossFunction = Callable[..., Any]
Way = Callable[[LossFunction], LossFunction]


def labels_beside(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels as a framework wants them: classes as int64, numbers in the precision of the scores, all else as it is.

    Where they are so already it is the same memory, and a loss that changes them is found out.
    """
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64, copy=False)
    return labels.astype(scores.real.dtype, copy=False) if labels.dtype.kind == "f" else labels


def is_pair(answer: Any) -> TypeGuard[tuple[Any, Any]]:
    """Whether a loss has returned a gradient of its own beside the value."""
    return isinstance(answer, tuple | list) and len(answer) == 2


def with_gradient(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """The pair, if it has a gradient: ``S.grad`` that is read too early is None.

    Raises:
        LossDefect: ``wrong-shape``.
    """
    if pair[1] is None:
        raise LossDefect(
            "wrong-shape", "dS is None: if it is S.grad, call backward first; or return the value alone, with its graph"
        )
    return pair


def pair_expected(answer: Any) -> LossDefect:
    """For a way that needs the loss's own gradient."""
    return LossDefect("wrong-shape", f"returns {_described(answer)}, not a pair (value, dS)")


def lone_expected(answer: Any) -> LossDefect:
    """For a way that takes the gradient of a value, where there is no value to take it of."""
    return LossDefect("wrong-shape", f"returns {_described(answer)}, neither a value nor a pair (value, dS)")


def _described(answer: Any) -> str:
    return "None" if answer is None else f"a {type(answer).__name__}"
