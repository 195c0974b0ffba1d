"""The terms that dS and the numerical gradient are written in: N x C functions of S and y, in the notes' notation.

p_j = e^{s_j} / sum_m e^{s_m} and q_{m,y} = 1{s_m - s_y + 1 > 0}. Of several ways to write one function the terms that
come first are preferred, so the order counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.report import FloatArray

#: A margin or a score this near to 0, beside 1, is 0 for a loss that rounds to float32.
_AT_ZERO = 1e-6


@dataclass(frozen=True, eq=False)
class View:
    """Scores and labels, and what terms are made of.

    Attributes:
        S: N x C float64.
        y: N ints, or N x C numbers.
    """

    S: FloatArray
    y: npt.NDArray[Any]

    @cached_property
    def y_j(self) -> FloatArray:
        """N x C: 1{j=y}, or the labels themselves where they are numbers for each class."""
        y = self.y if self.y.ndim == 2 else np.arange(self.S.shape[1]) == self.y[:, np.newaxis]
        return np.asarray(y, dtype=np.float64)

    @cached_property
    def log_p(self) -> FloatArray:
        below_top = self.S - self.S.max(axis=1, keepdims=True)
        return np.asarray(below_top - np.log(np.exp(below_top).sum(axis=1, keepdims=True)))

    @cached_property
    def p(self) -> FloatArray:
        return np.asarray(np.exp(self.log_p))

    @cached_property
    def p_y(self) -> FloatArray:
        """N x 1, sum_m y_m p_m."""
        return np.asarray((self.y_j * self.p).sum(axis=1, keepdims=True))

    @cached_property
    def margins(self) -> FloatArray:
        """N x C, s_j - s_y + 1; 0 where j = y."""
        s_y = (self.S * self.y_j).sum(axis=1, keepdims=True)
        return np.asarray((self.S - s_y + 1) * (1 - self.y_j))

    @cached_property
    def q(self) -> FloatArray:
        """N x C, q_{j,y}1{j!=y}."""
        return np.asarray(self.margins > 0, dtype=np.float64)

    @cached_property
    def is_positive(self) -> FloatArray:
        """N x C, 1{s_j > 0}."""
        return np.asarray(self.S > 0, dtype=np.float64)

    @cached_property
    def is_zero(self) -> BoolArray:
        """N x C, where 1{s_j > 0} jumps."""
        return np.asarray(np.abs(self.S) <= _AT_ZERO)

    @cached_property
    def is_tied(self) -> BoolArray:
        """N x C, where q_{j,y}1{j!=y} jumps."""
        size = 1 + np.abs(self.S).max(axis=1, keepdims=True)
        return np.asarray((np.abs(self.margins) <= _AT_ZERO * size) & (self.y_j == 0))

    @cached_property
    def label_is_tied(self) -> BoolArray:
        """N x C, where 1{j=y}·sum_m q_{m,y} jumps."""
        return np.asarray(self.is_tied.any(axis=1, keepdims=True) & (self.y_j == 1))

    def at_label(self, summed: FloatArray) -> FloatArray:
        """1{j=y} times a sum over the row's classes."""
        return np.asarray(self.y_j * summed.sum(axis=1, keepdims=True))


def _nowhere(view: View) -> BoolArray:
    return np.zeros(view.S.shape, dtype=bool)


@dataclass(frozen=True)
class Term:
    """A term.

    Attributes:
        text: how it is written.
        of: its N x C values; not finite where it overflows.
        jumps: N x C, where it jumps, and is one of several that are as good; or bends, and so do differences across.
    """

    text: str
    of: Callable[[View], FloatArray]
    jumps: Callable[[View], BoolArray] = _nowhere

    @property
    def jumps_somewhere(self) -> bool:
        return self.jumps is not _nowhere


def _sigmoid(S: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(S / 2)))


_MARGIN = "max(0, s_j - s_y + 1)"
_MARGINS = "sum_{m!=y} max(0, s_m - s_y + 1)"

#: For labels that are classes.
CLASS_TERMS: tuple[Term, ...] = (
    Term("p_j", lambda view: view.p),
    Term("1{j=y}", lambda view: view.y_j),
    Term("1{j!=y}", lambda view: 1 - view.y_j),
    Term("1", lambda view: np.ones(view.S.shape)),
    Term("q_{j,y}1{j!=y}", lambda view: view.q, lambda view: view.is_tied),
    Term("1{j=y}·sum_{m!=y} q_{m,y}", lambda view: view.at_label(view.q), lambda view: view.label_is_tied),
    Term("1{j!=y}p_j", lambda view: (1 - view.y_j) * view.p),
    Term("p_y·p_j", lambda view: view.p_y * view.p),
    Term("1{j=y}p_j", lambda view: view.y_j * view.p),
    Term(f"{_MARGIN}·1{{j!=y}}", lambda view: np.maximum(view.margins, 0), lambda view: view.is_tied),
    Term(
        f"1{{j=y}}·{_MARGINS}", lambda view: view.at_label(np.maximum(view.margins, 0)), lambda view: view.label_is_tied
    ),
    Term("s_j", lambda view: view.S),
    Term("1{j=y}s_j", lambda view: view.y_j * view.S),
    Term("mean_m s_m", lambda view: np.broadcast_to(view.S.mean(axis=1, keepdims=True), view.S.shape)),
    Term("sigmoid(s_j)", lambda view: _sigmoid(view.S)),
    Term("e^{s_j}", lambda view: np.asarray(np.exp(view.S))),
    Term("log p_j", lambda view: view.log_p),
    Term("p_j^2", lambda view: view.p**2),
    Term("p_y", lambda view: np.broadcast_to(view.p_y, view.S.shape)),
    Term("(1{j=y}/p_j)", lambda view: np.where(view.y_j == 1, np.exp(-view.log_p), 0.0)),
    Term("tanh(s_j)", lambda view: np.tanh(view.S)),
    Term("1{s_j > 0}", lambda view: view.is_positive, lambda view: view.is_zero),
)

#: For labels that are a number for each class: one-hot, multi-hot, or any.
MATRIX_TERMS: tuple[Term, ...] = (
    Term("p_j", lambda view: view.p),
    Term("y_j", lambda view: view.y_j),
    Term("1", lambda view: np.ones(view.S.shape)),
    Term("p_j·sum_m y_m", lambda view: view.p * view.y_j.sum(axis=1, keepdims=True)),
    Term("y_j·p_j", lambda view: view.y_j * view.p),
    Term("p_j·sum_m y_m·p_m", lambda view: view.p * view.p_y),
    Term("s_j", lambda view: view.S),
    Term("y_j·s_j", lambda view: view.y_j * view.S),
    Term("mean_m s_m", lambda view: np.broadcast_to(view.S.mean(axis=1, keepdims=True), view.S.shape)),
    Term("sigmoid(s_j)", lambda view: _sigmoid(view.S)),
    Term("y_j·sigmoid(s_j)", lambda view: view.y_j * _sigmoid(view.S)),
    Term("e^{s_j}", lambda view: np.asarray(np.exp(view.S))),
    Term("log p_j", lambda view: view.log_p),
    Term("p_j^2", lambda view: view.p**2),
    Term("(y_j/p_j)", lambda view: np.where(view.y_j != 0, view.y_j * np.exp(-view.log_p), 0.0)),
    Term("tanh(s_j)", lambda view: np.tanh(view.S)),
    Term("1{s_j > 0}", lambda view: view.is_positive, lambda view: view.is_zero),
)


def terms_for(view: View) -> tuple[Term, ...]:
    """The terms that go with labels of one kind; none with labels that are neither classes nor a number for each class.

    Example:
        >>> [term.text for term in terms_for(View(np.zeros((2, 3)), np.array([0, 2])))[:2]]
        ['p_j', '1{j=y}']
    """
    if view.y.dtype.kind in "iu" and view.y.shape == view.S.shape[:1]:
        return CLASS_TERMS
    return MATRIX_TERMS if view.y.dtype.kind in "iuf" and view.y.shape == view.S.shape else ()


def jumps_of(terms: Sequence[Term], view: View) -> BoolArray:
    """N x C, where any of several terms jumps."""
    return np.asarray(np.any([_nowhere(view), *(term.jumps(view) for term in terms)], axis=0))
