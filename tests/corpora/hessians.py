"""Losses with second derivatives, and ten ways to get those wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]
_Answer = tuple[float, _Array, _Array]


def _softmax(S: _Array) -> _Array:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _one_hot(S: _Array, y: _Array) -> _Array:
    return np.asarray(np.eye(S.shape[1], dtype=S.dtype)[y])


def _log_p(S: _Array, y: _Array) -> _Array:
    shifted = S - S.max(axis=1, keepdims=True)
    return np.asarray((shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))[np.arange(len(S)), y])


def softmax_diagonal(S: _Array, y: _Array) -> _Answer:
    p, N = _softmax(S), len(S)
    return float(-_log_p(S, y).mean()), (p - _one_hot(S, y)) / N, p * (1 - p) / N


def softmax_blocks(S: _Array, y: _Array) -> _Answer:
    """A C x C matrix for each row: diag(p) - p p'."""
    value, dS, _ = softmax_diagonal(S, y)
    p = _softmax(S)
    return value, dS, (p[:, :, None] * np.eye(S.shape[1]) - p[:, :, None] * p[:, None, :]) / len(S)


def softmax_whole(S: _Array, y: _Array) -> _Answer:
    """The whole matrix, NC x NC, whose blocks beside the diagonal are 0."""
    value, dS, blocks = softmax_blocks(S, y)
    N, C = S.shape
    whole = np.zeros((N, C, N, C))
    whole[np.arange(N), :, np.arange(N), :] = blocks
    return value, dS, whole.reshape(N * C, N * C)


def logistic(S: _Array, y: _Array) -> _Answer:
    t = 2 * _one_hot(S, y) - 1
    g, N = 1 / (1 + np.exp(-t * S)), len(S)
    return float(np.logaddexp(0, -t * S).sum() / N), -t * (1 - g) / N, g * (1 - g) / N


def squares(S: _Array, y: _Array) -> _Answer:
    r, N = S - _one_hot(S, y), len(S)
    return float((r**2).sum() / (2 * N)), r / N, np.full(S.shape, 1 / N)


def squared_hinge_blocks(S: _Array, y: _Array) -> _Answer:
    """Kinks of dS at margins of 0, several of a row at once."""
    N, C = S.shape
    i = np.arange(N)
    h = np.maximum(0, S - S[i, y][:, None] + 1)
    h[i, y] = 0
    dS = 2 * h
    dS[i, y] = -dS.sum(axis=1)
    on = 2.0 * (h > 0)
    blocks = on[:, :, None] * np.eye(C)
    blocks[i, y, :] -= on
    blocks[i, :, y] -= on
    blocks[i, y, y] = on.sum(axis=1)
    return float((h**2).sum() / N), dS / N, blocks / N


def huber_diagonal(S: _Array, y: _Array) -> _Answer:
    r, N = S - _one_hot(S, y), len(S)
    c = np.clip(r, -1, 1)
    return float((c * (r - c / 2)).sum() / N), c / N, (np.abs(r) <= 1) / N


def poisson(S: _Array, y: _Array) -> _Answer:
    """Counts y, rates exp(s): a sum over rows."""
    e, counts = np.exp(S), y[:, None]
    return float((e - counts * S).sum()), e - counts, e


def coupled(S: _Array, y: _Array) -> _Answer:
    """The variance of all scores: rows are coupled, and the whole matrix is dense."""
    r, n = S - S.mean(), S.size
    return float((r**2).sum() / 2), r, np.eye(n) - 1 / n


def quartic(S: _Array, y: _Array) -> _Answer:
    return float((S**4).sum() / 12), S**3 / 3, S**2


RIGHT: tuple[Callable[[_Array, _Array], _Answer], ...] = (
    softmax_diagonal, softmax_blocks, softmax_whole, logistic, squares, squared_hinge_blocks, huber_diagonal, poisson,
    coupled, quartic,
)  # fmt: skip


def _transposed(H: _Array) -> _Array:
    return np.swapaxes(H, -1, -2).reshape(H.shape) if H.ndim > 2 else H[::-1, ::-1].copy()


#: What may become of a hess, and words that the finding must have; each changes any hess of N > 1 rows that is not 0.
WRONG: dict[str, tuple[Callable[[_Array, int], _Array], str]] = {
    "sign": (lambda H, N: -H, "-"),
    "three times": (lambda H, N: 3 * H, "3 times"),
    "not the mean": (lambda H, N: N * H, "N times"),
    "averaged twice": (lambda H, N: H / N, "1/N"),
    "a part in a million": (lambda H, N: H * (1 + 1e-6), ""),
    "a term more": (lambda H, N: H + 0.01, ""),
    "squared": (lambda H, N: N * H**2 + 0.5 * H, ""),
    "one entry": (lambda H, N: H + 0.25 * (np.arange(H.size).reshape(H.shape) == 0), ""),
    "the last row": (lambda H, N: np.concatenate([H[:-1], 0.5 * H[-1:] + 0.1]), ""),
    "rounded to four decimals": (lambda H, N: np.round(H + 4e-5, 4) + 2e-5, ""),
}
