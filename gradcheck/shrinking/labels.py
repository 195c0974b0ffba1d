"""Labels of fewer rows and classes, whatever kind of labels they are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.intp]
LabelArray = npt.NDArray[Any]
Kind = Literal["classes", "one-hot", "entries", "rows", "other"]


def kind_of(y: LabelArray, shape: tuple[int, ...]) -> Kind:
    """What labels are.

    Args:
        y: labels of a problem.
        shape: (N, C) of its scores.

    Returns:
        ``classes`` for N ints in [0, C), ``one-hot`` and ``entries`` for N x C numbers, ``rows`` for anything else that
        has N parts, and ``other`` for what does not change with the scores.
    """
    N, C = shape
    if y.shape == (N, C) and y.dtype.kind in "iufb":
        is_one_hot = np.isin(y, (0, 1)).all() and (np.sum(y, axis=1) == 1).all()
        return "one-hot" if is_one_hot else "entries"
    if y.ndim == 1 and len(y) == N and y.dtype.kind in "iu" and np.min(y) >= 0 and np.max(y) < C:
        return "classes"
    return "rows" if y.ndim and len(y) == N else "other"


def columns_of(y: LabelArray, kind: Kind) -> IndexArray | None:
    """N columns, each row's own label; None where there is none."""
    if kind == "classes":
        return y.astype(np.intp)
    return np.argmax(y, axis=1) if kind == "one-hot" else None


def taken(y: LabelArray, kind: Kind, rows: IndexArray, columns: IndexArray) -> LabelArray:
    """The labels of some rows and columns of a problem.

    Args:
        y, kind: its labels.
        rows: which, n of them.
        columns: which, c of them. A label that is not among them becomes one that is.
    """
    own = columns_of(y[rows], kind) if kind in ("classes", "one-hot") else None
    if own is not None:
        places = {int(column): place for place, column in enumerate(columns)}
        return _as(kind, np.array([places.get(int(j), int(j) % len(columns)) for j in own]), len(columns), y.dtype)
    if kind == "entries":
        return y[np.ix_(rows, columns)]
    return y[rows] if kind == "rows" else y


def distinct(y: LabelArray, kind: Kind, size: tuple[int, int], backwards: bool = False) -> LabelArray:
    """Labels that differ from row to row as long as there are classes.

    Args:
        y, kind: labels of a problem with at least as many rows and classes.
        size: (n, c), what they are wanted for.
        backwards: from the last class down.
    """
    n, c = size
    if kind not in ("classes", "one-hot"):
        return taken(y, kind, np.arange(n), np.arange(c))
    return _as(kind, (-1 - np.arange(n) if backwards else np.arange(n)) % c, c, y.dtype)


def drawn(y: LabelArray, kind: Kind, size: tuple[int, int], rng: np.random.Generator) -> LabelArray:
    """Labels like these, at random; arguments as for ``distinct``."""
    n, c = size
    if kind in ("classes", "one-hot"):
        return _as(kind, rng.integers(0, c, size=n), c, y.dtype)
    if kind == "entries":
        return rng.choice(y.ravel(), size=(n, c))
    return y[rng.integers(0, len(y), size=n)] if kind == "rows" else y


def _as(kind: Kind, own: IndexArray, classes: int, dtype: np.dtype[Any]) -> LabelArray:
    return own.astype(dtype) if kind == "classes" else np.eye(classes)[own].astype(dtype)
