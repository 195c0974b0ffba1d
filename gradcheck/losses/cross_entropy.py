"""Losses of the softmax, p_j = e^{s_j} / sum_m e^{s_m}: cross-entropies and the Brier score."""

import numpy as np
import numpy.typing as npt

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, as_targets, reduced

EPSILON = 0.1  # the share of the target that label smoothing spreads over all classes (Szegedy et al. 2016)


def _softmax_terms(S: Scores, i: Labels, y: Labels) -> tuple[Scores, Scores, Scores, Scores]:
    """p_j; -log p_j; p_j - 1{j=y}; s_j - s_t, s_t the row's largest: each N x C, fresh, by ``softmax``'s formulas."""
    top = S.argmax(axis=1)
    below_top = S - S[i, top][:, np.newaxis]
    e = np.exp(below_top)
    e[i, top] = 0
    others = e.sum(axis=1, keepdims=True)
    e[i, top] = 1
    p = e / (1 + others)
    surprisal = _log1p(others) - below_top

    residual = p.copy()
    residual[i, y] = 0
    residual[i, y] -= residual.sum(axis=1)
    return p, surprisal, residual, below_top


def _log1p(x: Scores) -> Scores:
    """log(1 + x), also of complex x near 0, where NumPy's own loses the digits of the real part."""
    if x.dtype.kind != "c":
        return np.log1p(x)
    size = np.log1p(x.real * (2 + x.real) + x.imag**2) / 2  # of |1 + x|^2 = 1 + 2 Re x + |x|^2
    return np.asarray(size + 1j * np.arctan2(x.imag, 1 + x.real))


def softmax(S: Scores, y: Labels, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """Softmax cross-entropy: the negative logarithm of the label's probability.

        L = -log p_y,    p_j = e^{s_j} / sum_m e^{s_m}

    The logarithm of the quotient is a difference:

        L = log(sum_m e^{s_m}) - s_y

        dL/ds_j = 1/(sum_m e^{s_m}) sum_m de^{s_m}/ds_j - ds_y/ds_j
                = 1/(sum_m e^{s_m}) sum_m 1{m=j} e^{s_m} - 1{j=y}
                = e^{s_j} / sum_m e^{s_m} - 1{j=y}
                = p_j - 1{j=y}

    where many-way selection, sum_m 1{m=j} e^{s_m} = e^{s_j}, empties the sum.

    p is unchanged when one number is added to all scores of a row, so the largest, s_t, is
    subtracted and no e^s overflows. log(p_y) and p_y - 1 would lose their digits as p_y
    nears 1; computed are

        L       = (s_t - s_y) + log(1 + sum_{m!=t} e^{s_m - s_t})
        p_y - 1 = -sum_{m!=y} p_m

    The rule for quotients gives the second derivatives, of which ``hessian`` returns the
    diagonal, k = j:

        d2L/ds_j ds_k = dp_j/ds_k = p_j (1{j=k} - p_k)

        d2L/ds_j^2 = p_j (1 - p_j) = p_j sum_{m!=j} p_m
    """
    S, i, y = as_batch(S, y)
    p, surprisal, residual, _ = _softmax_terms(S, i, y)
    return reduced(surprisal[i, y], residual, reduction, p * _of_the_others(p) if hessian else None)


def soft_cross_entropy(S: Scores, y: npt.ArrayLike, reduction: Reduction = "mean") -> Answer:
    """Softmax cross-entropy against a target for each class: one-hot, or any distribution.

        L = -sum_m t_m log p_m,    p_j = e^{s_j} / sum_m e^{s_m}

    Each term is the softmax's, d(-log p_m)/ds_j = p_j - 1{j=m}, so

        dL/ds_j = sum_m t_m (p_j - 1{j=m})
                = p_j sum_m t_m - t_j

    by many-way selection. Where p_j nears 1 the last line would lose its digits, so
    p_j sum_{m!=j} t_m - t_j sum_{m!=j} p_m is computed, which is the same.
    """
    S, t = as_targets(S, y)
    p, surprisal, _, _ = _softmax_terms(*as_batch(S, np.zeros(len(S), dtype=np.intp)))
    L = (t * surprisal).sum(axis=1)
    return reduced(L, p * _of_the_others(t) - t * _of_the_others(p), reduction)


def _of_the_others(x: Scores) -> Scores:
    """For each entry of N x C the sum of its row's others. Nothing is subtracted, so no digits are lost."""
    before, after = np.zeros_like(x), np.zeros_like(x)
    np.cumsum(x[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumsum(x[:, :0:-1], axis=1)[:, ::-1]
    return np.asarray(before + after)


def label_smoothing(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Softmax cross-entropy with smoothed labels: a tenth of the target goes to all classes.

        L = -sum_m t_m log p_m,    t_m = (1 - eps) 1{m=y} + eps/C,    eps = 0.1

    With log p_m = s_m - log(sum_k e^{s_k}), and since the t_m sum to 1:

        L = log(sum_k e^{s_k}) - sum_m t_m s_m
        dL/ds_j = p_j - sum_m t_m 1{m=j}
                = p_j - t_j

    by the softmax's derivative and many-way selection; computed as a soft cross-entropy.
    """
    S, i, y = as_batch(S, y)
    t = np.full(S.shape, EPSILON / S.shape[1], dtype=S.real.dtype)
    t[i, y] += 1 - EPSILON
    return soft_cross_entropy(S, t, reduction)


def focal(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Focal loss with gamma = 2 (Lin et al. 2017): rows that are right already count little.

        L = -(1 - p_y)^2 log p_y

    A product of u^2, with u = 1 - p_y, and v = -log p_y, the softmax loss. Now

        dp_y/ds_j = p_y (1{j=y} - p_j)
        du/ds_j   = -dp_y/ds_j = p_y (p_j - 1{j=y})
        dv/ds_j   = p_j - 1{j=y}

    and by the rule for products

        dL/ds_j = 2 u v du/ds_j + u^2 dv/ds_j
                = (2 u p_y v + u^2) (p_j - 1{j=y})

    Nothing is subtracted, so no digits are lost: u = sum_{m!=y} p_m, and v is computed as
    in the softmax.
    """
    S, i, y = as_batch(S, y)
    p, surprisal, residual, _ = _softmax_terms(S, i, y)
    p_y, v, u = p[i, y], surprisal[i, y], -residual[i, y]
    weight = u * (2 * p_y * v + u)
    return reduced(u**2 * v, weight[:, np.newaxis] * residual, reduction)


def brier(S: Scores, y: Labels, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """Brier score (1950): the squared distance of the softmax from the label.

        L = sum_m r_m^2,    r_m = p_m - 1{m=y},    p_j = e^{s_j} / sum_m e^{s_m}

    With dp_m/ds_j = p_m (1{m=j} - p_j), by the rule for quotients:

        dL/ds_j = sum_m 2 r_m p_m (1{m=j} - p_j)
                = 2 p_j r_j - 2 p_j sum_m p_m r_m
                = 2 p_j (r_j - sum_m p_m r_m)

    The bracket would lose digits where one class has nearly all the probability, so it is
    computed otherwise. At j = y, with 1 - p_y = u, sum_m p_m r_m = L - u and r_y = -u:

        dL/ds_y = -2 p_y L

    At j != y the bracket is p_j + p_y - sum_m p_m^2. Let t be the class of the largest score
    and d_m = p_t - p_m. The p_m sum to 1, so p_t - sum_m p_m^2 = sum_m p_m (p_t - p_m), and

        dL/ds_j = 2 p_j (sum_m p_m d_m + p_j + p_y - p_t)

    where p_j + p_y - p_t = min(p_j, p_y) - min(d_j, d_y), and
    d_m = p_t (1 - e^{s_m - s_t}) is exact where scores tie.

    With b_j for the bracket, db_j/ds_j = p_j (1 - p_j) - p_j (b_j + p_j - sum_m p_m^2), and
    the rule for products gives the second derivative, which ``hessian`` returns:

        d2L/ds_j^2 = 2 p_j ((1 - 2 p_j) b_j + p_j (1 - 2 p_j + sum_m p_m^2))

    where 1 - 2 p_j + sum_m p_m^2 = (sum_{m!=j} p_m)^2 + sum_{m!=j} p_m^2.
    """
    S, i, y = as_batch(S, y)
    p, _, r, below_top = _softmax_terms(S, i, y)
    L = (r**2).sum(axis=1)
    d = -p.max(axis=1, keepdims=True) * np.expm1(below_top)
    p_y, d_y = p[i, y][:, np.newaxis], d[i, y][:, np.newaxis]
    bracket = (p * d).sum(axis=1, keepdims=True) + (np.minimum(p, p_y) - np.minimum(d, d_y))
    bracket[i, y] = -L
    if not hessian:
        return reduced(L, 2 * p * bracket, reduction)
    rest = _of_the_others(p) ** 2 + _of_the_others(p**2)
    return reduced(L, 2 * p * bracket, reduction, 2 * p * ((1 - 2 * p) * bracket + p * rest))
