"""Adapters for PyTorch.

A tensor shares its memory with the NumPy array that it was made from, so a function that changes its arguments in
place is found out like any other.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.adapters import (
    Adapter,
    converted_labels,
    converted_pair,
    is_pair,
    no_value,
    wrapped,
)

#: Below this number of entries torch gains little from several threads (its own GRAIN_SIZE).
_WORTH_THREADS = 32_768


def by_hand(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that derives its gradient itself: it takes plain tensors and returns (value, dS)."""
    return wrapped(
        function,
        _environment,
        lambda S, y, options: converted_pair(function(torch.from_numpy(S), _labels(y, S), **options), _plain),
    )


def by_graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that returns a value with a graph, whose gradient autograd computes; or a pair all the same.

    The gradient of N values, one for each row, is that of their sum: row i is the derivative of value i, if each value
    depends on its own row alone. The function takes a tensor that is no leaf of the graph, like the output of a
    network, because torch forbids changes in place of a leaf. Such changes are copied back to the array.
    """

    def body(scores: npt.NDArray[Any], labels: npt.NDArray[Any], options: dict[str, Any]) -> Any:
        y = _labels(labels, scores)
        if scores.dtype.kind == "c":  # complex steps use the value only
            return _plain(function(torch.from_numpy(scores), y, **options), "the value"), None
        leaf = torch.from_numpy(scores).requires_grad_()
        S = leaf.clone()
        S.retain_grad()
        answer = _value_and_gradient(function(S, y, **options), leaf)
        np.copyto(scores, _plain(S, "S"))
        return answer

    return wrapped(function, _environment, body)


def from_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that converts NumPy arrays itself, and returns (value, dS) as tensors."""
    return wrapped(function, _environment, lambda S, y, options: converted_pair(function(S, y, **options), _plain))


ADAPTERS: tuple[Adapter, ...] = (by_hand, by_graph, from_arrays)


@contextmanager
def _environment(scores: npt.NDArray[Any]) -> Iterator[None]:
    """Record graphs, whatever the user's setting; use one thread for a small problem.

    If other processes use the cores, torch's threads wait for each other a hundred times as long as a small call takes.
    """
    threads = torch.get_num_threads()
    try:
        if scores.size < _WORTH_THREADS:
            torch.set_num_threads(1)
        with torch.enable_grad():
            yield
    except RuntimeError as error:
        if scores.dtype == np.float64 and "Double" in str(error) and "Float" in str(error):
            error.add_note(
                "S is float64 here: make other tensors with dtype=S.dtype, or check in float32, by --dtype float32"
            )
        raise
    finally:
        torch.set_num_threads(threads)


def _labels(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> Any:
    converted = converted_labels(labels, scores)
    return torch.from_numpy(converted) if converted.dtype.kind in "bif" else converted


def _value_and_gradient(answer: Any, S: Any) -> tuple[Any, Any]:
    """The function's own pair; or its value, and the gradient by the leaf S that autograd computes."""
    if is_pair(answer):
        return converted_pair(answer, _plain)
    if not isinstance(answer, torch.Tensor | numbers.Number | np.ndarray):
        raise no_value(answer)
    if not isinstance(answer, torch.Tensor) or not answer.requires_grad:
        what = "tensor without a graph" if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise LossDefect(
            "wrong-shape",
            f"returns a {what}, and no gradient: compute the value from S by operations of torch, "
            "without .item(), .detach(), no_grad or torch.tensor(S); or return (value, dS)",
        )
    if answer.is_complex():  # refused later, like every value that is not real
        return _plain(answer, "the value"), None
    try:
        (gradient,) = torch.autograd.grad(answer if answer.ndim == 0 else answer.sum(), S, allow_unused=True)
    except RuntimeError as error:
        if "invalid gradient" not in str(error):
            raise
        raise LossDefect("wrong-shape", f"dS has a wrong shape or dtype: {error}") from None
    if gradient is None:
        raise LossDefect(
            "wrong-shape",
            "the graph of the value does not lead to S, so there is no gradient by S: is S copied by torch.tensor(S), "
            "or detached, or does a backward return None for it?",
        )
    return _plain(answer, "the value"), _plain(gradient, "dS")


def _plain(thing: Any, what: str) -> Any:
    """A tensor as a NumPy array, or as a Python number if that keeps its dtype; anything else unchanged."""
    if not isinstance(thing, torch.Tensor):
        return thing
    if thing.ndim == 0 and thing.dtype is torch.float64:
        return thing.item()
    try:
        return thing.numpy(force=True)
    except (TypeError, RuntimeError) as error:  # bfloat16, sparse
        raise LossDefect("wrong-dtype", f"{what} is a tensor that NumPy cannot hold: {error}") from None
