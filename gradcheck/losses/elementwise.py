"""Losses with a term of its own for each score."""

import numpy as np
import numpy.typing as npt

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, as_targets, reduced

DELTA = 1.0  # where Huber's parabola ends and the straight line begins


def one_vs_all(S: Scores, y: Labels, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """One logistic loss a class: each class against all others.

        L = sum_m log(1 + e^{-t_m s_m}),    t_m = 1{m=y} - 1{m!=y}

    s_j is in the term m = j alone:

        dL/ds_j = sum_m 1{m=j} (-t_m) e^{-t_m s_m} / (1 + e^{-t_m s_m})
                = -t_j e^{-t_j s_j} / (1 + e^{-t_j s_j})
                = -t_j / (1 + e^{t_j s_j})

    With the logistic function g(x) = 1 / (1 + e^{-x}) it is g(s_j) - 1{j=y}.

    Let z = -t_j s_j. e^z overflows where the loss is only about z, so it is computed from
    e^{-|z|}, which is at most 1, and without a difference:

        log(1 + e^z) = max(0, z) + log(1 + e^{-|z|})
        g(z) = (1{z >= 0} + 1{z < 0} e^{-|z|}) / (1 + e^{-|z|})

    The second derivatives, which ``hessian`` returns, know no labels:

        d2L/ds_j^2 = g(s_j) (1 - g(s_j)) = e^{-|s_j|} / (1 + e^{-|s_j|})^2
    """
    S, _, y = as_batch(S, y)
    return binary_cross_entropy(S, y, reduction, hessian)  # with one-hot targets it is the same sum


def huber(S: Scores, y: Labels, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """Huber's loss (1964), the scores estimates of 1{j=y}: squared when near, absolute when far.

        r_m = s_m - 1{m=y}
        L = sum_m (1{|r_m| <= d} r_m^2/2 + 1{|r_m| > d} d (|r_m| - d/2)),    d = 1

    The two cases exclude each other, so each is differentiated by itself, and
    dr_m/ds_j = 1{m=j}:

        dL/ds_j = 1{|r_j| <= d} r_j + d 1{r_j > d} - d 1{r_j < -d}

    which is c, r_j clipped to [-d, d]. At |r_j| = d both cases have the slope d, so there
    is no kink. One product covers both cases of the value: c (r - c/2). The second
    derivative, which ``hessian`` returns, is 1{|r_j| <= d}.
    """
    S, i, y = as_batch(S, y)
    r = S.copy()
    r[i, y] -= 1
    clipped = np.clip(r, -DELTA, DELTA)
    second = (np.abs(r) <= DELTA).astype(S.dtype) if hessian else None
    return reduced((clipped * (r - clipped / 2)).sum(axis=1), clipped, reduction, second)


def binary_cross_entropy(S: Scores, y: npt.ArrayLike, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """One logistic loss a class, where a row may belong to several classes or to none.

        L = -sum_m (t_m log g(s_m) + (1 - t_m) log(1 - g(s_m))),    g(x) = 1 / (1 + e^{-x})

    -log g(x) = log(1 + e^{-x}) and 1 - g(x) = g(-x), and s_j is in the term m = j alone:

        dL/ds_j = -t_j g(-s_j) + (1 - t_j) g(s_j)
                = g(s_j) - t_j

    The logarithms are computed from e^{-|x|}, as in one-vs-all.
    """
    S, t = as_targets(S, y)
    e = np.exp(np.minimum(S, -S))  # -|s|, but abs would drop an imaginary part
    logarithm = np.log1p(e)
    L = (t * (np.maximum(-S, 0) + logarithm) + (1 - t) * (np.maximum(S, 0) + logarithm)).sum(axis=1)
    above, below = np.where(S >= 0, 1, e) / (1 + e), np.where(S >= 0, e, 1) / (1 + e)
    return reduced(L, (1 - t) * above - t * below, reduction, above * below if hessian else None)


def squared_error(S: Scores, y: npt.ArrayLike, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """Regression: half the squared distance of the scores from labels that are real numbers.

    L = 1/2 sum_m (s_m - t_m)^2

    dL/ds_j = sum_m 1{m=j} (s_m - t_m) = s_j - t_j

    The second derivative, which ``hessian`` returns, is 1.
    """
    S, t = as_targets(S, y)
    r = S - t
    return reduced((r**2).sum(axis=1) / 2, r, reduction, np.ones_like(r) if hessian else None)
