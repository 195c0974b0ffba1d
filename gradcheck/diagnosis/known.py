"""Losses whose formula is known: the built-ins, and variants of them with one mistake, such as softmax without log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.report import FloatArray

IntArray = npt.NDArray[np.int64]
#: ``(S, y) -> (L, dL)``: N values and the N x C derivatives dL^(i)/ds_j^(i).
RowFunction = Callable[[FloatArray, IntArray], tuple[FloatArray, Any]]


@dataclass(frozen=True)
class Known:
    """A loss with a formula.

    Attributes:
        name: of a built-in; empty for a variant.
        formula: L of one row, in one line.
        function: its rows' values and derivatives.
        of: the built-in that this is a variant of; empty for a built-in.
        mistake: what turns that built-in into this variant.
    """

    name: str
    formula: str
    function: RowFunction
    of: str = ""
    mistake: str = ""

    @property
    def built_in(self) -> str:
        """The name of the built-in that it is, or is a variant of."""
        return self.name or self.of

    def at(self, S: FloatArray, y: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray] | None:
        """N values and N x C derivatives; None for labels that the loss does not take, or if one is not finite."""
        labels = classes_of(y, S.shape)
        if labels is None and not self.name:
            return None
        try:
            with np.errstate(all="ignore"):
                L, dL = self.function(S, y if labels is None else labels)
        except (ValueError, TypeError):
            return None
        return (L, dL) if np.isfinite(L).all() and np.isfinite(dL).all() else None


def classes_of(y: npt.NDArray[Any], shape: tuple[int, ...]) -> IntArray | None:
    """The class of each row, N ints in [0, C), if the labels are classes or one-hot; else None."""
    if y.ndim == 1 and y.dtype.kind in "iu":
        return y.astype(np.int64) if np.all((y >= 0) & (y < shape[1])) else None
    if y.shape != shape or y.dtype.kind not in "fiub":
        return None
    is_one_hot = np.all((y == 0) | (y == 1)) and np.all(np.count_nonzero(y, axis=1) == 1)
    return np.argmax(y, axis=1).astype(np.int64) if is_one_hot else None


def labels_of(seen: Case) -> IntArray | None:
    """The class of each row of a problem, as ``classes_of``."""
    return classes_of(seen.y, seen.S.shape)


@cache
def built_ins() -> tuple[Known, ...]:
    """The built-in losses of classes, in the order of ``gradcheck list``.

    Those of other labels are left out: with classes each equals one of these.
    """
    from gradcheck.losses import BUILT_INS, soft_targets

    others = soft_targets.__name__
    return tuple(built_in(name) for name, each in BUILT_INS.items() if each.function.__module__ != others)


def built_in(name: str) -> Known:
    """A built-in loss by its name, of any kind of labels."""
    from gradcheck.losses import BUILT_INS

    each = BUILT_INS[name]
    return Known(each.name, each.formula, partial(each.function, reduction="none"))


# --- variants ---------------------------------------------------------------------------------------------


class _Terms(NamedTuple):
    """What variants consist of: ``is_y`` is 1{j=y}, ``p`` is softmax and ``g`` is sigmoid, N x C; the others N x 1."""

    S: FloatArray
    is_y: FloatArray
    s_y: FloatArray
    p: FloatArray
    p_y: FloatArray
    g: FloatArray
    log_sum_exp: FloatArray


def _terms(S: FloatArray, y: IntArray) -> _Terms:
    rows = np.arange(len(S))
    log_sum_exp = np.logaddexp.reduce(S, axis=1, keepdims=True)
    p = np.exp(S - log_sum_exp)
    is_y = np.asarray(np.arange(S.shape[1]) == y[:, np.newaxis], dtype=np.float64)
    return _Terms(S, is_y, S[rows, y, np.newaxis], p, p[rows, y, np.newaxis], np.exp(-np.logaddexp(0, -S)), log_sum_exp)


def _of_margins(t: _Terms, values: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sum over m != y of functions of s_m - s_y, whose values and slopes are N x C."""
    dL = slopes * (1 - t.is_y)
    return values * (1 - t.is_y), dL - t.is_y * dL.sum(axis=1, keepdims=True)


def _variant(of: str, formula: str, mistake: str, function: Callable[[_Terms], tuple[FloatArray, FloatArray]]) -> Known:
    def rows(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        L, dL = function(_terms(S, y))
        return L.sum(axis=1), dL

    return Known("", formula, rows, of, mistake)


#: Built-ins with one mistake; of each the terms of L, which are added up over the row, and dL/ds_j.
VARIANTS = (
    _variant("softmax", "-p_y", "the log is missing", lambda t: (-t.p_y, t.p_y * (t.p - t.is_y))),
    _variant("softmax", "log(sum_m e^{s_m})", "-s_y is missing", lambda t: (t.log_sum_exp, t.p)),
    _variant("softmax", "-s_y", "log(sum_m e^{s_m}) is missing", lambda t: (-t.s_y, -t.is_y)),
    _variant(
        "softmax",
        "sum_m e^{s_m} - s_y",
        "the log of the sum is missing",
        lambda t: (np.exp(t.S) - t.is_y * t.s_y, np.exp(t.S) - t.is_y),
    ),
    _variant(
        "softmax",
        "1{argmax_m s_m != y}",
        "wrong answers are counted, and a count has the gradient 0,",
        lambda t: (1 - np.take_along_axis(t.is_y, t.S.argmax(axis=1)[:, np.newaxis], axis=1), np.zeros_like(t.S)),
    ),
    _variant(
        "one-vs-all",
        "sum_j (g_j - 1{j=y})^2, g_j = 1 / (1 + e^{-s_j})",
        "squared differences replace logarithms",
        lambda t: ((t.g - t.is_y) ** 2, 2 * (t.g - t.is_y) * t.g * (1 - t.g)),
    ),
    _variant(
        "huber",
        "sum_j (s_j - 1{j=y})^2 / 2",
        "the linear parts are missing",
        lambda t: ((t.S - t.is_y) ** 2 / 2, t.S - t.is_y),
    ),
    _variant(
        "svm",
        "sum_{m!=y} (s_m - s_y + 1)",
        "max(0, .) is missing",
        lambda t: _of_margins(t, t.S - t.s_y + 1, np.ones_like(t.S)),
    ),
    _variant(
        "svm",
        "sum_{m!=y} max(0, s_m - s_y)",
        "the 1 of the margin s_m - s_y + 1 is missing",
        lambda t: _of_margins(t, np.maximum(t.S - t.s_y, 0), np.where(t.s_y < t.S, 1.0, 0.0)),
    ),
    _variant(
        "squared-hinge",
        "sum_{m!=y} (s_m - s_y + 1)^2",
        "max(0, .) is missing",
        lambda t: _of_margins(t, (t.S - t.s_y + 1) ** 2, 2 * (t.S - t.s_y + 1)),
    ),
)
