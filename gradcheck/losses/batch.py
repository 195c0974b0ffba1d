"""What every built-in loss does first and last: take scores and labels, and bring the losses of N rows to an answer."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.report import Array

Scores = npt.NDArray[np.inexact[Any]]
Labels = npt.NDArray[np.integer[Any]]
Answer = tuple[Any, ...]  # (value, dS), or (value, dS, hess)
Reduction = Literal["mean", "sum", "none"]


def as_scores(S: npt.ArrayLike) -> Scores:
    """Scores S, N x C, as floats or complex numbers: those dtypes stay, integers become float64.

    The array is C-contiguous, so that a row is summed in the same order whatever the batch; it may be S itself. A
    ValueError for another number of dimensions, a TypeError for what is no numbers.
    """
    scores = np.asarray(S)
    if scores.ndim != 2:
        raise ValueError(f"the scores have shape {scores.shape}; they must be N x C, one row a sample")
    if scores.dtype.kind not in "fciu":
        raise TypeError(f"the scores have dtype {scores.dtype}; they must be numbers")
    return np.ascontiguousarray(scores, dtype=scores.dtype if scores.dtype.kind in "fc" else np.float64)


def as_batch(S: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Scores, Labels, Labels]:
    """Scores as in ``as_scores``; 0, 1, ..., N - 1; and N labels: ``S[i, y]`` is the label's score of each row.

    A ValueError for labels that are not N ints in [0, C) (numpy would take -1 for the last class), or a TypeError.
    """
    scores, labels = as_scores(S), np.asarray(y)
    N, C = scores.shape
    if labels.dtype.kind not in "iu":
        raise TypeError(f"the labels have dtype {labels.dtype}; they must be integers, one class a row")
    if labels.shape != (N,):
        raise ValueError(f"the labels have shape {labels.shape}; {N} rows of scores need shape ({N},)")
    if N and (labels.min() < 0 or labels.max() >= C):
        raise ValueError(f"the labels run from {labels.min()} to {labels.max()}; {C} classes are 0 to {C - 1}")
    return scores, np.arange(N), labels


def as_targets(S: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Scores, Array]:
    """Scores, and a target for each of them, from N x C real numbers or N ints in [0, C): t_j = 1{j=y}.

    A ValueError or a TypeError for other labels.
    """
    scores, labels = as_scores(S), np.asarray(y)
    if labels.ndim != 2:
        scores, i, classes = as_batch(scores, labels)
        t = np.zeros(scores.shape, dtype=scores.real.dtype)
        t[i, classes] = 1
        return scores, t
    if labels.dtype.kind not in "fiub":
        raise TypeError(f"the labels have dtype {labels.dtype}; they must be real numbers, one a class")
    if labels.shape != scores.shape:
        raise ValueError(f"the labels have shape {labels.shape}; scores of shape {scores.shape} need the same")
    return scores, labels.astype(scores.real.dtype)


def reduced(L: Scores, derivatives: Scores, reduction: Reduction, second: Scores | None = None) -> Answer:
    """The answer ``(value, dS)`` from N values L and their N x C derivatives; with ``second`` ones as a third part.

    The reduction ``none`` keeps all, ``sum`` sums L, ``mean`` divides that and, in place, the derivatives by N. A
    ValueError for another.
    """
    rest = (derivatives,) if second is None else (derivatives, second)
    if reduction == "none":
        return L, *rest
    if reduction == "sum":
        return L.sum(), *rest
    if reduction != "mean":
        raise ValueError(f"the reduction is {reduction!r}; it must be 'mean', 'sum' or 'none'")
    for each in rest:
        each /= len(L)
    return L.sum() / len(L), *rest  # bit for bit L.mean(), which takes twice as long on few rows
