"""p_j = e^{s_j} / sum_m e^{s_m} and what is made of it, to the relative precision that s_j - s_m has.

log(p) at p near 1 and p_y - 1 lose digits, so neither is computed here. With t the row's largest score,

    -log p_j = (s_t - s_j) + log(1 + sum_{m!=t} e^{s_m - s_t})
     p_y - 1 = -sum_{m!=y} p_m

and all terms on a right side have one sign: a row that is right by 40 has a value and a gradient of 4e-18.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradcheck.losses.batch import Batch, Scores


class SoftmaxTerms(NamedTuple):
    """Attributes:
    p: N x C, p_j.
    surprisal: N x C, -log p_j, at least 0.
    residual: N x C, p_j - 1{j=y}.
    below_top: N x C, s_j - s_t, at most 0: how far each score is below the row's largest.
    """

    p: Scores
    surprisal: Scores
    residual: Scores
    below_top: Scores


def softmax_terms(batch: Batch) -> SoftmaxTerms:
    """The terms of each row, fresh arrays in the dtype of the scores."""
    S, i, y = batch
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
    return SoftmaxTerms(p, surprisal, residual, below_top)


def _log1p(x: Scores) -> Scores:
    """log(1 + x), also of complex x near 0, where NumPy's own loses the digits of the real part."""
    if x.dtype.kind != "c":
        return np.log1p(x)
    size = np.log1p(x.real * (2 + x.real) + x.imag**2) / 2  # of |1 + x|^2 = 1 + 2 Re x + |x|^2
    return np.asarray(size + 1j * np.arctan2(x.imag, 1 + x.real))
