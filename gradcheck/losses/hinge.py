"""Losses on margins, s_m - s_y + 1: how far class m comes within 1 of the label's score."""

import numpy as np

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, reduced


def _margins(S: Scores, i: Labels, y: Labels, own: float) -> Scores:
    """s_m - s_y + 1, N x C, a fresh array with ``own`` at m = y."""
    margins = S - S[i, y][:, np.newaxis] + 1
    margins[i, y] = own
    return margins


def svm(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Multiclass hinge: every wrong class within 1 of the label's score costs.

        L = sum_{m!=y} max(0, s_m - s_y + 1)

    Two-way selection, max(0, x) = 1{x >= 0} x, turns each term into a product. With
    q_{m,y} = 1{s_m - s_y + 1 >= 0}:

        L = sum_{m!=y} q_{m,y} (s_m - s_y + 1)

    q_{m,y} does not change near s unless a margin is 0, so only the brackets are derived:

        d(s_m - s_y + 1)/ds_j = 1{m=j} - 1{j=y}

        dL/ds_j = sum_{m!=y} q_{m,y} (1{m=j} - 1{j=y})
                = sum_{m!=y} q_{m,y} 1{m=j} - 1{j=y} sum_{m!=y} q_{m,y}
                = 1{j!=y} q_{j,y} - 1{j=y} sum_{m!=y} q_{m,y}

    The last step is many-way selection, sum_m q_{m,y} 1{m=j} = q_{j,y}, without m = y.
    At a margin of exactly 0 the hinge has a kink: any slope between 0 and 1 is a
    subgradient. Here it is 1, by the >= above.
    """
    S, i, y = as_batch(S, y)
    margins = _margins(S, i, y, own=-1)  # below 0, so that m = y has no part in either sum
    dS = (margins >= 0).astype(margins.dtype)
    dS[i, y] -= dS.sum(axis=1)
    return reduced(np.maximum(margins, 0).sum(axis=1), dS, reduction)


def squared_hinge(S: Scores, y: Labels, reduction: Reduction = "mean", hessian: bool = False) -> Answer:
    """Squared multiclass hinge: the hinge without its kinks.

        L = sum_{m!=y} max(0, s_m - s_y + 1)^2

    With h_{m,y} = max(0, s_m - s_y + 1), the chain rule, and many-way selection as in the
    hinge:

        dL/ds_j = sum_{m!=y} 2 h_{m,y} (1{m=j} - 1{j=y})
                = 1{j!=y} 2 h_{j,y} - 1{j=y} sum_{m!=y} 2 h_{m,y}

    At a margin of 0 the slope is 0 from both sides, so there is no choice to make. Its own
    slope has a kink there: with q_{m,y} = 1{s_m - s_y + 1 > 0}, ``hessian`` returns

        d2L/ds_j^2 = 1{j!=y} 2 q_{j,y} + 1{j=y} sum_{m!=y} 2 q_{m,y}
    """
    S, i, y = as_batch(S, y)
    h = np.maximum(_margins(S, i, y, own=0), 0)
    L = (h**2).sum(axis=1)
    dS = 2 * h
    dS[i, y] -= dS.sum(axis=1)
    if not hessian:
        return reduced(L, dS, reduction)
    second = 2 * (h > 0).astype(S.dtype)
    second[i, y] = second.sum(axis=1)
    return reduced(L, dS, reduction, second)


def crammer_singer(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Crammer and Singer's hinge (2001): only the class that comes closest costs.

        L = max_k (s_k + 1{k!=y}) - s_y

    With t the first class that attains the maximum, many-way selection writes it as a sum:

        max_k (s_k + 1{k!=y}) = sum_k 1{k=t} (s_k + 1{k!=y})

    t does not change near s unless two candidates tie, so 1{k=t} and 1{k!=y} are constants:

        dL/ds_j = sum_k 1{k=t} ds_k/ds_j - ds_y/ds_j
                = sum_k 1{k=t} 1{k=j} - 1{j=y}
                = 1{j=t} - 1{j=y}

    Where several classes attain the maximum there is a kink; any average of their 1{j=k},
    less 1{j=y}, is a subgradient. Here the first of them takes it all.
    """
    S, i, y = as_batch(S, y)
    # s_y is taken off before the maximum: one subtraction of scores, and the tie with k = y is at exactly 0.
    candidates = _margins(S, i, y, own=0)
    t = candidates.argmax(axis=1)
    dS = np.zeros_like(candidates)
    dS[i, t] += 1
    dS[i, y] -= 1
    return reduced(candidates[i, t], dS, reduction)
