"""Losses whose formula is known: the built-ins, and variants of them with one mistake, such as softmax without log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

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


#: Variants: L, the built-in, and the mistake that turns it into them.
_MISTAKES = {
    "-p_y": ("softmax", "the log is missing"),
    "log(sum_m e^{s_m})": ("softmax", "-s_y is missing"),
    "1{argmax_m s_m != y}": ("softmax", "wrong answers are counted, and a count has the gradient 0,"),
    "sum_j (g_j - 1{j=y})^2, g_j = 1 / (1 + e^{-s_j})": ("one-vs-all", "squared differences replace logarithms"),
    "sum_j (s_j - 1{j=y})^2 / 2": ("huber", "the linear parts are missing"),
    "sum_{m!=y} (s_m - s_y + 1)": ("svm", "max(0, .) is missing"),
    "sum_{m!=y} max(0, s_m - s_y)": ("svm", "the 1 of the margin s_m - s_y + 1 is missing"),
    "sum_{m!=y} (s_m - s_y + 1)^2": ("squared-hinge", "max(0, .) is missing"),
}


def _variant(formula: str, S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """N values of a variant and N x C derivatives."""
    t = np.eye(S.shape[1])[y]
    log_sum_exp = np.logaddexp.reduce(S, axis=1, keepdims=True)
    p, g = np.exp(S - log_sum_exp), np.exp(-np.logaddexp(0, -S))
    s_y, p_y = (np.sum(x * t, axis=1, keepdims=True) for x in (S, p))
    margin, is_largest = S - s_y + 1, np.eye(S.shape[1])[S.argmax(axis=1)]

    def of_margins(terms: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        dL = slopes * (1 - t)
        return terms * (1 - t), dL - t * dL.sum(axis=1, keepdims=True)

    terms_and_derivatives = (  # in the order of the table above
        (-p_y, p_y * (p - t)),
        (log_sum_exp, p),
        (is_largest * (1 - t), np.zeros_like(S)),
        ((g - t) ** 2, 2 * (g - t) * g * (1 - g)),
        ((S - t) ** 2 / 2, S - t),
        of_margins(margin, np.ones_like(S)),
        of_margins(np.maximum(margin - 1, 0), np.heaviside(margin - 1, 0)),
        of_margins(margin**2, 2 * margin),
    )
    terms, dL = terms_and_derivatives[list(_MISTAKES).index(formula)]
    return terms.sum(axis=1), dL


VARIANTS = tuple(Known("", formula, partial(_variant, formula), *of) for formula, of in _MISTAKES.items())
