"""What the adapters of all frameworks have in common: they make of the user's function one of NumPy arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import described

Adapter = Callable[[Callable[..., Any]], Callable[..., Any]]
_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Toolkit:
    """What a framework provides for its adapters."""

    #: Context of a call with these scores.
    environment: Callable[[_Array], AbstractContextManager[None]]
    #: Converts scores and labels to what a function takes.
    arguments: Callable[[Callable[..., Any], _Array, _Array], tuple[Any, Any]]
    #: Converts a result of this name to NumPy; anything else it returns unchanged.
    plain: Callable[[Any, str], Any]
    #: Makes of a function one of scores, labels and options that returns its value and the gradient that the framework
    #: computes, or the pair that it returns itself.
    differentiated: Callable[[Callable[..., Any]], Callable[[_Array, _Array, dict[str, Any]], Any]]

    def by_hand(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """For a function that takes the framework's arrays, derives its gradient itself, and returns (value, dS)."""

        def body(S: _Array, y: _Array, options: dict[str, Any]) -> Any:
            return function(*self.arguments(function, S, y), **options)

        return self._wrapped(function, body)

    def by_autodiff(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """For a function that returns a value, or one for each row: the framework computes its gradient; or a pair."""
        differentiated = self.differentiated(function)

        def body(S: _Array, y: _Array, options: dict[str, Any]) -> Any:
            if S.dtype.kind != "c":
                return differentiated(S, y, options)
            return function(*self.arguments(function, S, y), **options), np.nan  # complex steps use the value only

        return self._wrapped(function, body)

    def from_arrays(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """For a function that converts NumPy arrays itself, and returns (value, dS)."""
        return self._wrapped(function, lambda S, y, options: function(S, y, **options))

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """In the order in which they are tried."""
        return self.by_hand, self.by_autodiff, self.from_arrays

    def _wrapped(
        self, function: Callable[..., Any], body: Callable[[_Array, _Array, dict[str, Any]], Any]
    ) -> Callable[..., Any]:
        @functools.wraps(function, updated=())
        def loss(scores: _Array, labels: _Array, **options: Any) -> Any:
            with self.environment(scores):
                return converted_pair(body(scores, labels, options), self.plain)

        return loss


def converted_labels(labels: _Array, scores: _Array) -> _Array:
    """Integers as int64, floats in the precision of the scores; no copy if they are, so that changes are found out."""
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64, copy=False)
    return labels.astype(scores.real.dtype, copy=False) if labels.dtype.kind == "f" else labels


def is_pair(answer: Any) -> TypeGuard[tuple[Any, Any]]:
    """Whether a function returned a gradient of its own beside the value."""
    return isinstance(answer, tuple | list) and len(answer) == 2


def converted_pair(answer: Any, plain: Callable[[Any, str], Any]) -> tuple[Any, Any]:
    """The pair (value, dS), with both parts converted; raises ``LossDefect`` if it is none, or dS is None."""
    if not is_pair(answer):
        raise LossDefect("wrong-shape", f"returns {described(answer)}, not a pair (value, dS)")
    if answer[1] is None:  # S.grad, read too early
        hint = "if it is S.grad, call backward first; or return the value alone, with its graph"
        raise LossDefect("wrong-shape", f"dS is None: {hint}")
    return plain(answer[0], "the value"), plain(answer[1], "dS")


def no_value(answer: Any) -> LossDefect:
    """The defect of a function that returned nothing that has a gradient."""
    return LossDefect("wrong-shape", f"returns {described(answer)}, neither a value nor a pair (value, dS)")
