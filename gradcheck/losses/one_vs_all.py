"""One logistic loss for each class."""

from __future__ import annotations

import numpy as np

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, reduced
from gradcheck.losses.registry import built_in


@built_in(
    "one-vs-all",
    formula="sum_j log(1 + e^{-t_j s_j}),  t_j = 1{j=y} - 1{j!=y}",
    gradient="-t_j / (1 + e^{t_j s_j})",
)
def one_vs_all(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """One logistic loss a class: each class against all others.

        L = sum_m log(1 + e^{-t_m s_m}),    t_m = 1{m=y} - 1{m!=y}

    t_m is 1 for the label and -1 for every other class: two cases that exclude each other,
    so their indicators add. It is a constant, and s_j is in the term m = j alone:

        dL/ds_j = sum_m 1{m=j} (-t_m) e^{-t_m s_m} / (1 + e^{-t_m s_m})
                = -t_j e^{-t_j s_j} / (1 + e^{-t_j s_j})
                = -t_j / (1 + e^{t_j s_j})

    With the logistic function g(x) = 1 / (1 + e^{-x}), and grouped by cases, it is the
    same p_j - 1{j=y} as the softmax's, each class with a probability of its own:

        dL/ds_j = 1{j!=y} g(s_j) - 1{j=y} g(-s_j) = g(s_j) - 1{j=y}

    Let z = -t_j s_j. e^z overflows where the loss is only about z, so it is computed from
    e^{-|z|}, which is at most 1, and without a difference:

        log(1 + e^z) = max(0, z) + log(1 + e^{-|z|})
        g(z) = (1{z >= 0} + 1{z < 0} e^{-|z|}) / (1 + e^{-|z|})

    The mean over the batch: (dS)_ij = 1/N dL^(i)/ds_j^(i).

    S is N x C, y holds N labels; the value and dS have the dtype of S. With the
    reduction "sum" both lack the 1/N; "none" gives N values, and dS_ij = dL^(i)/ds_j^(i).
    """
    S, i, y = as_batch(S, y)
    t = np.full_like(S, -1)
    t[i, y] = 1
    z = -t * S
    e = np.exp(np.minimum(z, -z))  # -|z|, but abs would drop an imaginary part
    L = (np.maximum(z, 0) + np.log1p(e)).sum(axis=1)

    g = np.where(z >= 0, 1, e) / (1 + e)
    return reduced(L, -t * g, reduction)
