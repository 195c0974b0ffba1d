"""The Brier score of the softmax."""

from __future__ import annotations

import numpy as np

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, reduced
from gradcheck.losses.registry import built_in
from gradcheck.losses.softmax_terms import softmax_terms


@built_in(
    "brier",
    formula="sum_j (p_j - 1{j=y})^2,  p_j = e^{s_j} / sum_m e^{s_m}",
    gradient="2 p_j (r_j - sum_m p_m r_m),  r_j = p_j - 1{j=y}",
)
def brier(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Brier score: the squared distance of the softmax from the label.

        L = sum_m r_m^2,    r_m = p_m - 1{m=y},    p_j = e^{s_j} / sum_m e^{s_m}

    1{m=y} is a constant, so r_m moves as p_m does, and dp_m/ds_j = p_m (1{m=j} - p_j) as
    in the softmax:

        dL/ds_j = sum_m 2 r_m p_m (1{m=j} - p_j)
                = 2 p_j r_j - 2 p_j sum_m p_m r_m
                = 2 p_j (r_j - sum_m p_m r_m)

    by many-way selection. The bracket is a difference of nearly equal numbers wherever one
    class has nearly all the probability, so it is computed from others. At j = y, with
    1 - p_y = u, sum_m p_m r_m = L - u and r_y = -u:

        dL/ds_y = -2 p_y L

    At j != y the bracket is p_j + p_y - sum_m p_m^2. Let t be the class of the largest score
    and d_m = p_t - p_m. The p_m sum to 1, so p_t - sum_m p_m^2 = sum_m p_m (p_t - p_m), and

        dL/ds_j = 2 p_j (sum_m p_m d_m + p_j + p_y - p_t)

    The sum has no negative term. p_j + p_y - p_t is the smaller of p_j and p_y less the
    distance of the larger one from p_t,

        p_j + p_y - p_t = min(p_j, p_y) - min(d_j, d_y)

    and d_m = p_t (1 - e^{s_m - s_t}) is exact where scores tie.

    The mean over the batch: (dS)_ij = 1/N dL^(i)/ds_j^(i).

    S is N x C, y holds N labels; the value and dS have the dtype of S. With the
    reduction "sum" both lack the 1/N; "none" gives N values, and dS_ij = dL^(i)/ds_j^(i).
    """
    batch = as_batch(S, y)
    _, i, y = batch
    p, _, r, below_top = softmax_terms(batch)
    L = (r**2).sum(axis=1)

    d = -p.max(axis=1, keepdims=True) * np.expm1(below_top)
    p_y, d_y = p[i, y][:, np.newaxis], d[i, y][:, np.newaxis]
    bracket = (p * d).sum(axis=1, keepdims=True) + (np.minimum(p, p_y) - np.minimum(d, d_y))
    bracket[i, y] = -L
    return reduced(L, 2 * p * bracket, reduction)
