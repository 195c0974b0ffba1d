"""The table of the built-ins' relatives, the decorator that writes one into it, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis.known import IntArray, Known, RowFunction
from gradcheck.report import FloatArray


@dataclass(frozen=True)
class Relative(Known):
    """A loss that a built-in becomes where a part of it is forgotten.

    Attributes:
        of: the built-in's name.
        in_value: what is missing where the value is this one's and dS the built-in's.
        in_gradient: what is missing where dS is this one's gradient and the value the built-in's.
    """

    of: str = ""
    in_value: str = ""
    in_gradient: str = ""


_REGISTERED: list[Relative] = []


def relative(of: str, formula: str, *, in_value: str, in_gradient: str) -> Callable[[RowFunction], RowFunction]:
    """Decorate ``(S, y) -> (L, dL)``, N values and N x C derivatives, to make it a relative; it is left as it is.

    Args:
        of, formula, in_value, in_gradient: as the attributes of ``Relative``.
    """

    def register(function: RowFunction) -> RowFunction:
        _REGISTERED.append(Relative("", formula, function, of, in_value, in_gradient))
        return function

    return register


def registered() -> tuple[Relative, ...]:
    """All that are in the table."""
    return tuple(_REGISTERED)


def at(A: FloatArray, y: IntArray) -> FloatArray:
    """N numbers, those of the labels."""
    return np.asarray(A[np.arange(len(A)), y], dtype=np.float64)


def indicator(S: FloatArray, y: IntArray) -> FloatArray:
    """N x C, 1{j=y}."""
    return np.asarray(np.arange(S.shape[1]) == y[:, np.newaxis], dtype=np.float64)


def margins(S: FloatArray, y: IntArray) -> FloatArray:
    """N x C, s_m - s_y + 1."""
    return S - at(S, y)[:, np.newaxis] + 1


def log_sum_exp(S: FloatArray) -> FloatArray:
    """N numbers, log(sum_m e^{s_m})."""
    top = S.max(axis=1)
    return np.asarray(top + np.log(np.exp(S - top[:, np.newaxis]).sum(axis=1)))


def softmax(S: FloatArray) -> FloatArray:
    """N x C, p_j."""
    return np.asarray(np.exp(S - log_sum_exp(S)[:, np.newaxis]))


def sigmoid(S: FloatArray) -> FloatArray:
    """N x C, 1 / (1 + e^{-s_j})."""
    return np.asarray(np.exp(-np.logaddexp(0, -S)))
