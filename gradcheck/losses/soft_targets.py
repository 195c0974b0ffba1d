"""Losses whose labels are a number for each class: one-hot or any distribution, multi-hot, real.

All of them take classes as well, N ints, for what they mean: t_j = 1{j=y}.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, as_scores, reduced
from gradcheck.losses.cross_entropy import softmax_terms

Targets = npt.NDArray[Any]


def _as_targets(S: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Scores, Targets]:
    """Scores, and a target for each of them, from N x C real numbers or N ints in [0, C)."""
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


def soft_cross_entropy(S: Scores, y: Targets | Labels, reduction: Reduction = "mean") -> Answer:
    """Softmax cross-entropy against a target for each class: one-hot, or any distribution.

        L = -sum_m t_m log p_m,    p_j = e^{s_j} / sum_m e^{s_m}

    Each term is the softmax's, d(-log p_m)/ds_j = p_j - 1{j=m}, so

        dL/ds_j = sum_m t_m (p_j - 1{j=m})
                = p_j sum_m t_m - t_j

    by many-way selection. Where p_j nears 1 the last line would lose its digits, so
    p_j sum_{m!=j} t_m - t_j sum_{m!=j} p_m is computed, which is the same.
    """
    S, t = _as_targets(S, y)
    p, surprisal, _, _ = softmax_terms(*as_batch(S, np.zeros(len(S), dtype=np.intp)))
    L = (t * surprisal).sum(axis=1)
    return reduced(L, p * _of_the_others(t) - t * _of_the_others(p), reduction)


def binary_cross_entropy(S: Scores, y: Targets | Labels, reduction: Reduction = "mean") -> Answer:
    """One logistic loss a class, where a row may belong to several classes or to none.

        L = -sum_m (t_m log g(s_m) + (1 - t_m) log(1 - g(s_m))),    g(x) = 1 / (1 + e^{-x})

    -log g(x) = log(1 + e^{-x}) and 1 - g(x) = g(-x), and s_j is in the term m = j alone:

        dL/ds_j = -t_j g(-s_j) + (1 - t_j) g(s_j)
                = g(s_j) - t_j

    The logarithms are computed from e^{-|x|}, as in one-vs-all.
    """
    S, t = _as_targets(S, y)
    e = np.exp(np.minimum(S, -S))  # -|s|, but abs would drop an imaginary part
    logarithm = np.log1p(e)
    L = (t * (np.maximum(-S, 0) + logarithm) + (1 - t) * (np.maximum(S, 0) + logarithm)).sum(axis=1)
    above, below = np.where(S >= 0, 1, e) / (1 + e), np.where(S >= 0, e, 1) / (1 + e)
    return reduced(L, (1 - t) * above - t * below, reduction)


def squared_error(S: Scores, y: Targets | Labels, reduction: Reduction = "mean") -> Answer:
    """Regression: half the squared distance of the scores from labels that are real numbers.

    L = 1/2 sum_m (s_m - t_m)^2

    dL/ds_j = sum_m 1{m=j} (s_m - t_m) = s_j - t_j
    """
    S, t = _as_targets(S, y)
    r = S - t
    return reduced((r**2).sum(axis=1) / 2, r, reduction)


def _of_the_others(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """For each entry of N x C the sum of its row's others. Nothing is subtracted, so no digits are lost."""
    before, after = np.zeros_like(x), np.zeros_like(x)
    np.cumsum(x[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumsum(x[:, :0:-1], axis=1)[:, ::-1]
    return np.asarray(before + after)
