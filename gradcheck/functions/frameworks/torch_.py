"""Adapters for PyTorch. Tensors share the memory of the arrays, so that changes in place are found out."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.adapters import Toolkit, converted_labels, is_pair, no_value

#: Below this number of entries torch gains little from several threads (its own GRAIN_SIZE).
_WORTH_THREADS = 32_768


@contextmanager
def _environment(scores: npt.NDArray[Any]) -> Iterator[None]:
    """Record graphs, whatever the user's setting; use one thread for a small problem, whose threads mostly wait."""
    threads = torch.get_num_threads()
    try:
        if scores.size < _WORTH_THREADS:
            torch.set_num_threads(1)
        with torch.enable_grad():
            yield
    except RuntimeError as error:
        if scores.dtype == np.float64 and "Double" in str(error) and "Float" in str(error):
            error.add_note("S is float64 here: make other tensors with dtype=S.dtype, or use --dtype float32")
        raise
    finally:
        torch.set_num_threads(threads)


def _arguments(function: Callable[..., Any], scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[Any, Any]:
    labels = converted_labels(labels, scores)
    return torch.from_numpy(scores), torch.from_numpy(labels) if labels.dtype.kind in "bif" else labels


def _differentiated(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the gradient of autograd. Changes in place, which torch forbids on a leaf, are copied back."""

    def differentiated(scores: npt.NDArray[Any], labels: npt.NDArray[Any], options: dict[str, Any]) -> Any:
        leaf, y = _arguments(function, scores, labels)
        S = leaf.requires_grad_().clone()
        S.retain_grad()
        answer = function(S, y, **options)
        pair = answer if is_pair(answer) else (answer, _gradient(answer, leaf))
        np.copyto(scores, _plain(S, "S"))
        return pair

    return differentiated


def _gradient(value: Any, S: Any) -> Any:
    if not isinstance(value, torch.Tensor | numbers.Number | np.ndarray):
        raise no_value(value)
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        what = "tensor without a graph" if isinstance(value, torch.Tensor) else type(value).__name__
        hint = "compute the value from S by operations of torch, without .item(), .detach() or no_grad"
        raise LossDefect("wrong-shape", f"returns a {what}, and no gradient: {hint}; or return (value, dS)")
    if value.is_complex():  # refused later, like every value that is not real
        return np.nan
    try:
        (gradient,) = torch.autograd.grad(value if value.ndim == 0 else value.sum(), S, allow_unused=True)
    except RuntimeError as error:
        if "invalid gradient" not in str(error):
            raise
        raise LossDefect("wrong-shape", f"dS has a wrong shape or dtype: {error}") from None
    if gradient is None:
        hint = "is S copied by torch.tensor(S) or detached, or does a backward return None for it?"
        raise LossDefect("wrong-shape", f"the graph of the value does not lead to S, so it has no gradient: {hint}")
    return gradient


def _plain(thing: Any, what: str) -> Any:
    """A tensor as a NumPy array, or as a Python number if that keeps its dtype; anything else unchanged."""
    if not isinstance(thing, torch.Tensor):
        return thing
    if thing.ndim == 0 and thing.dtype is torch.float64:
        return thing.item()
    try:
        return (thing.float() if thing.dtype is torch.bfloat16 else thing).numpy(force=True)
    except (TypeError, RuntimeError) as error:  # sparse
        raise LossDefect("wrong-dtype", f"{what} is a tensor that NumPy cannot hold: {error}") from None


ADAPTERS = Toolkit(_environment, _arguments, _plain, _differentiated).adapters
