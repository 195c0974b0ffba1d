"""The ways to call a loss of PyTorch's.

A tensor shares its memory with the NumPy array that it was made from, so a loss that changes its scores or labels in
place is found out as any other.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.way import (
    LossFunction,
    Way,
    is_pair,
    labels_beside,
    lone_expected,
    pair_expected,
    with_gradient,
)

#: Below it torch hardly gains by its threads (its own GRAIN_SIZE).
_WORTH_THREADS = 32_768


def by_hand(function: LossFunction) -> LossFunction:
    """The loss derives its gradient itself: it gets plain tensors, and returns (value, dS)."""

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _calling(scores):
            return _pair(function(torch.from_numpy(scores), _labels(labels, scores), **options))

    return loss


def by_graph(function: LossFunction) -> LossFunction:
    """The loss returns a value with a graph, of which torch takes the gradient; or a pair all the same.

    Of N values, one for each row, the gradient is that of their sum: row i is the derivative of value i, if each value
    depends on its own row alone.
    """

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _calling(scores):
            S, y = torch.from_numpy(scores), _labels(labels, scores)
            if scores.dtype.kind == "c":  # for a complex step only the value counts
                return _plain(function(S, y, **options), "the value"), None
            return _value_and_gradient(function(S.requires_grad_(), y, **options), S)

    return loss


def by_graph_of_a_copy(function: LossFunction) -> LossFunction:
    """As ``by_graph``, for a loss that changes its scores in place, which torch refuses at a leaf of the graph.

    It gets what a network's output would be, no leaf. What it does to that is done to the array too.
    """

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _calling(scores):
            leaf = torch.from_numpy(scores).requires_grad_()
            S = leaf.clone()
            S.retain_grad()
            answer = _value_and_gradient(function(S, _labels(labels, scores), **options), leaf)
            np.copyto(scores, _plain(S, "S"))
            return answer

    return loss


def from_arrays(function: LossFunction) -> LossFunction:
    """The loss makes tensors of NumPy's arrays itself, and returns (value, dS) in tensors."""

    @functools.wraps(function, updated=())
    def loss(scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: Any) -> Any:
        with _calling(scores):
            return _pair(function(scores, labels, **options))

    return loss


WAYS: tuple[Way, ...] = (by_hand, by_graph, by_graph_of_a_copy, from_arrays)


@contextmanager
def _calling(scores: npt.NDArray[Any]) -> Iterator[None]:
    """Graphs are made within it, whatever holds outside; and of a small problem by one thread.

    Where other processes hold the cores, torch's threads wait for each other for milliseconds: a hundred times as long
    as such a call takes.
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
    beside = labels_beside(labels, scores)
    return torch.from_numpy(beside) if beside.dtype.kind in "bif" else beside


def _pair(answer: Any) -> tuple[Any, Any]:
    if not is_pair(answer):
        raise pair_expected(answer)
    value, gradient = with_gradient(answer)
    return _plain(value, "the value"), _plain(gradient, "dS")


def _value_and_gradient(answer: Any, S: Any) -> tuple[Any, Any]:
    """The loss's own pair, or else a lone value and what torch says is its gradient by the leaf S."""
    if is_pair(answer):
        return _pair(answer)
    if not isinstance(answer, torch.Tensor | numbers.Number | np.ndarray):
        raise lone_expected(answer)
    if not isinstance(answer, torch.Tensor) or not answer.requires_grad:
        what = "tensor without a graph" if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise LossDefect(
            "wrong-shape",
            f"returns a {what}, and no gradient: compute the value from S by operations of torch, "
            "without .item(), .detach(), no_grad or torch.tensor(S); or return (value, dS)",
        )
    if answer.is_complex():  # to be refused with every other value that is not real
        return _plain(answer, "the value"), None
    total = answer if answer.ndim == 0 else answer.sum()
    try:
        (gradient,) = torch.autograd.grad(total, S, allow_unused=True)
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
    """A tensor as a NumPy array, or as a Python number where that keeps its dtype; all else as it is."""
    if not isinstance(thing, torch.Tensor):
        return thing
    if thing.ndim == 0 and thing.dtype is torch.float64:
        return thing.item()
    try:
        return thing.numpy(force=True)
    except (TypeError, RuntimeError) as error:  # bfloat16, sparse
        raise LossDefect("wrong-dtype", f"{what} is a tensor that NumPy cannot hold: {error}") from None
