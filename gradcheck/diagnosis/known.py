"""Losses that are known, row by row, beside a problem that was observed: the built-ins, and what else has a formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray, Case
from gradcheck.report import FloatArray

IntArray = npt.NDArray[np.int64]
RowFunction = Callable[[FloatArray, IntArray], tuple[FloatArray, Any]]

#: How far around S a known loss is looked at for kinks: far above the spacing of floats, far below what curves it.
_NEAR = 1e-7
#: What its derivative changes by there, beside the largest of the problem, is a jump and no curvature.
_JUMP = 1e-3


@dataclass(frozen=True)
class Known:
    """A loss with a formula.

    Attributes:
        name: of a built-in; empty for what is none.
        formula: L of one row, in one line.
        function: ``(S, y) -> (L, dL)``: N values and the N x C derivatives dL^(i)/ds_j^(i).
    """

    name: str
    formula: str
    function: RowFunction


@dataclass(frozen=True, eq=False)
class Rows:
    """A known loss at an observed problem.

    Attributes:
        L: N values.
        derivatives: N x C, dL^(i)/ds_j^(i).
    """

    L: FloatArray
    derivatives: FloatArray


@cache
def built_ins() -> tuple[Known, ...]:
    """The built-in losses of classes, in the order of ``gradcheck list``.

    Those of other labels are left out: for classes they are the same as others, by another name.
    """
    from gradcheck.losses import BUILT_INS, soft_targets

    others = soft_targets.__name__
    return tuple(built_in(name) for name, each in BUILT_INS.items() if each.function.__module__ != others)


def built_in(name: str) -> Known:
    """A built-in loss by its name, whatever its labels."""
    from gradcheck.losses import BUILT_INS

    each = BUILT_INS[name]
    return Known(each.name, each.formula, partial(each.function, reduction="none"))


def labels_of(seen: Case) -> IntArray | None:
    """The class of each row, N ints in [0, C), where the labels are classes or one-hot; else None."""
    y, shape = seen.y, seen.S.shape
    if y.ndim == 1 and y.dtype.kind in "iu":
        return y.astype(np.int64) if np.all((y >= 0) & (y < shape[1])) else None
    if y.shape != shape or y.dtype.kind not in "fiub":
        return None
    is_one_hot = np.all((y == 0) | (y == 1)) and np.all(np.count_nonzero(y, axis=1) == 1)
    return np.argmax(y, axis=1).astype(np.int64) if is_one_hot else None


def rows_of(known: Known, seen: Case) -> Rows | None:
    """A known loss at an observed problem; None where it takes no such labels, or is not finite there."""
    if not known.name and labels_of(seen) is None:
        return None
    try:
        with np.errstate(all="ignore"):
            L, derivatives = known.function(seen.S, _labels_for(seen))
    except (ValueError, TypeError):
        return None
    finite = np.all(np.isfinite(L)) and np.all(np.isfinite(derivatives))
    return Rows(L, derivatives) if finite else None


def kinks_of(known: Known, seen: Case, rows: Rows) -> BoolArray:
    """N x C, where the derivative of a known loss jumps at S: any value between is right there."""
    rng = np.random.default_rng(0)
    jumps = np.zeros(seen.S.shape, dtype=bool)
    for _ in range(2):
        step = _NEAR * (1 + np.abs(seen.S)) * rng.normal(size=seen.S.shape)
        for side in (step, -step):
            with np.errstate(all="ignore"):
                there = known.function(seen.S + side, _labels_for(seen))[1]
            jumps |= ~(np.abs(there - rows.derivatives) <= _JUMP * np.max(np.abs(rows.derivatives), initial=1e-300))
    return jumps


def _labels_for(seen: Case) -> IntArray:
    labels = labels_of(seen)
    return seen.y if labels is None else labels
