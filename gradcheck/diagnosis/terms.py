"""The terms that gradients are written in: N x C functions of the scores and of the labels, in the notes' notation.

p_j = e^{s_j} / sum_m e^{s_m} and q_{m,y} = 1{s_m - s_y + 1 > 0}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.report import FloatArray

#: A term jumps where steps of this size, beside 1, change it by more than this part of its size.
_STEP, _JUMP = 1e-6, 1e-3


def _softmax(S: FloatArray, Y: FloatArray) -> FloatArray:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _sum(x: FloatArray) -> FloatArray:
    """N x 1, over the classes."""
    return np.asarray(x.sum(axis=1, keepdims=True))


def _margins(S: FloatArray, Y: FloatArray) -> FloatArray:
    """max(0, s_j - s_y + 1) where j != y, else 0."""
    return np.asarray(np.maximum(S - _sum(S * Y) + 1, 0) * (1 - Y))


def _violated(S: FloatArray, Y: FloatArray) -> FloatArray:
    return (_margins(S, Y) > 0).astype(np.float64)


#: How a term is written for labels that are classes, for labels that are a number for each class (empty: not in use),
#: and its values for scores S and labels Y, N x C each. Of several ways to write one function the first is preferred.
TERMS: tuple[tuple[str, str, Callable[[FloatArray, FloatArray], FloatArray]], ...] = (
    ("p_j", "p_j", _softmax),
    ("1{j=y}", "y_j", lambda S, Y: Y),
    ("1{j!=y}", "", lambda S, Y: 1 - Y),
    ("1", "1", lambda S, Y: np.ones(S.shape)),
    ("q_{j,y}1{j!=y}", "", _violated),
    ("1{j=y}·sum_{m!=y} q_{m,y}", "", lambda S, Y: Y * _sum(_violated(S, Y))),
    ("1{j!=y}p_j", "", lambda S, Y: (1 - Y) * _softmax(S, Y)),
    ("p_y·p_j", "p_j·sum_m y_m·p_m", lambda S, Y: _softmax(S, Y) * _sum(Y * _softmax(S, Y))),
    ("1{j=y}p_j", "y_j·p_j", lambda S, Y: Y * _softmax(S, Y)),
    ("", "p_j·sum_m y_m", lambda S, Y: _softmax(S, Y) * _sum(Y)),
    ("max(0, s_j - s_y + 1)·1{j!=y}", "", _margins),
    ("1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)", "", lambda S, Y: Y * _sum(_margins(S, Y))),
    ("s_j", "s_j", lambda S, Y: S),
    ("1{j=y}s_j", "y_j·s_j", lambda S, Y: Y * S),
    ("mean_m s_m", "mean_m s_m", lambda S, Y: np.broadcast_to(S.mean(axis=1, keepdims=True), S.shape)),
    ("sigmoid(s_j)", "sigmoid(s_j)", lambda S, Y: 0.5 * (1 + np.tanh(S / 2))),
    ("", "y_j·sigmoid(s_j)", lambda S, Y: 0.5 * Y * (1 + np.tanh(S / 2))),
    ("e^{s_j}", "e^{s_j}", lambda S, Y: np.exp(S)),
    ("log p_j", "log p_j", lambda S, Y: np.log(_softmax(S, Y))),
    ("p_j^2", "p_j^2", lambda S, Y: _softmax(S, Y) ** 2),
    ("(1{j=y}/p_j)", "(y_j/p_j)", lambda S, Y: Y / _softmax(S, Y)),
    ("tanh(s_j)", "tanh(s_j)", lambda S, Y: np.tanh(S)),
    ("1{s_j > 0}", "1{s_j > 0}", lambda S, Y: (S > 0).astype(np.float64)),
)  # fmt: skip


def labels_as_numbers(S: FloatArray, y: npt.NDArray[Any]) -> FloatArray | None:
    """N x C, 1{j=y}, or the labels themselves where they are a number for each class; None for other labels."""
    if y.dtype.kind in "iu" and y.shape == S.shape[:1]:
        return np.asarray(np.arange(S.shape[1]) == y[:, np.newaxis], dtype=np.float64)
    return y.astype(np.float64) if y.dtype.kind in "iuf" and y.shape == S.shape else None


def term_names(y: npt.NDArray[Any]) -> list[str]:
    """How the terms in use are written for such labels."""
    return [name for name in (texts[min(y.ndim, 2) - 1] for *texts, _ in TERMS) if name]


def term_values(S: FloatArray, y: npt.NDArray[Any]) -> tuple[FloatArray, BoolArray]:
    """The terms in use, T x N x C: their values, not finite where they overflow, and where they jump."""
    Y = labels_as_numbers(S, y)
    assert Y is not None
    functions = [of for *texts, of in TERMS if texts[min(y.ndim, 2) - 1]]
    step = _STEP * (1 + np.abs(S).max()) * np.random.default_rng(0).uniform(0.5, 1, S.shape)
    with np.errstate(all="ignore"):
        low, values, high = (np.array([of(S + by, Y) for of in functions]) for by in (-step, 0.0, step))
        return values, np.abs(high - low) > _JUMP * np.abs(values).max(axis=(1, 2), keepdims=True)
