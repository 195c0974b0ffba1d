"""What every built-in loss does first: take scores and labels, refuse what is none, write to neither."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]
Answer = tuple[np.floating[Any], Scores]


class Batch(NamedTuple):
    """Attributes:
    S: N x C floats; perhaps the caller's own memory, so never written to.
    i: 0, 1, ..., N - 1, so that ``S[i, y]`` is the label's score of each row.
    y: N labels in [0, C).
    """

    S: Scores
    i: Labels
    y: Labels


def as_scores(S: npt.ArrayLike) -> Scores:
    """Scores as an N x C array of floats.

    Args:
        S: N x C; float dtypes stay as they are, integers become float64.

    Returns:
        A C-contiguous array, so that a row is summed in the same order whatever the batch: the gradient of N
        rows is that of each row alone, over N. It is S itself where S is so already.

    Raises:
        ValueError: S is not of two dimensions.
        TypeError: S does not hold real numbers.
    """
    scores = np.asarray(S)
    if scores.ndim != 2:
        raise ValueError(f"the scores have shape {scores.shape}; they must be N x C, one row a sample")
    if scores.dtype.kind not in "fiu":
        # A complex score must not silently lose its imaginary part: a complex step would then find 0.
        raise TypeError(f"the scores have dtype {scores.dtype}; they must be real numbers")
    return np.ascontiguousarray(scores, dtype=scores.dtype if scores.dtype.kind == "f" else np.float64)


def as_batch(S: npt.ArrayLike, y: npt.ArrayLike) -> Batch:
    """Scores and labels, ready to be indexed.

    Args:
        S: N x C, as in ``as_scores``.
        y: N ints in [0, C).

    Raises:
        ValueError: S is not N x C, or y is not N ints in [0, C) (numpy would take -1 for the last class).
        TypeError: S does not hold real numbers, or y no integers.
    """
    scores, labels = as_scores(S), np.asarray(y)
    N, C = scores.shape
    if labels.dtype.kind not in "iu":
        raise TypeError(f"the labels have dtype {labels.dtype}; they must be integers, one class a row")
    if labels.shape != (N,):
        raise ValueError(f"the labels have shape {labels.shape}; {N} rows of scores need shape ({N},)")
    if N and not (labels.min() >= 0 and labels.max() < C):
        raise ValueError(f"the labels run from {labels.min()} to {labels.max()}; {C} classes are 0 to {C - 1}")
    return Batch(scores, np.arange(N), labels)
