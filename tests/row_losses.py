"""Losses that are a mean or a sum over rows, and losses that couple rows in every way that could fool a plan.

All are right: dS is the gradient of the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Answer = tuple[Any, Array]
LossFunction = Callable[..., Answer]


def each_row(S: Array, y: Array) -> tuple[Array, Array]:
    """Softmax cross-entropy of each row, and its derivatives: N and N x C."""
    i = np.arange(len(S))
    z = S - S.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    p[i, y] -= 1
    return -log_p[i, y], p


def mean(S: Array, y: Array) -> Answer:
    values, p = each_row(S, y)
    return values.mean(), p / len(S)


def total(S: Array, y: Array) -> Answer:
    values, p = each_row(S, y)
    return values.sum(), p


def hinges(S: Array, y: Array) -> Answer:
    i = np.arange(len(S))
    margins = S - S[i, y][:, np.newaxis] + 1
    dS = (margins > 0).astype(float)
    margins[i, y] = dS[i, y] = 0
    dS[i, y] = -dS.sum(axis=1)
    return np.maximum(margins, 0).sum() / len(S), dS / len(S)


def offset(S: Array, y: Array) -> Answer:
    value, dS = mean(S, y)
    return value + 1e3 - 1e3, dS


def in_float32(S: Array, y: Array) -> Answer:
    value, dS = mean(S.astype(np.float32), y)
    return float(value), dS.astype(float)


SEPARABLE: dict[str, LossFunction] = {f.__name__: f for f in (mean, total, hinges, offset, in_float32)}


def a_vector(S: Array, y: Array) -> Answer:
    return each_row(S, y)


def reduced(S: Array, y: Array, reduction: str = "mean") -> Answer:
    values, p = each_row(S, y)
    return {"none": (values, p), "sum": (values.sum(), p), "mean": (values.mean(), p / len(S))}[reduction]


def summed_by_default(S: Array, y: Array, reduction: str = "sum") -> Answer:
    return reduced(S, y, reduction)


EACH_ROW: dict[str, LossFunction] = {f.__name__: f for f in (a_vector, reduced, summed_by_default)}


def centred(S: Array, y: Array) -> Answer:
    """Through a statistic of the batch."""
    value, dS = mean(S - S.mean(axis=0), y)
    return value, dS - dS.mean(axis=0)


def normalised(S: Array, y: Array) -> Answer:
    """Through two statistics of the batch."""
    N, away = len(S), S - S.mean(axis=0)
    deviation = np.sqrt((away**2).mean(axis=0) + 1e-3)
    value, g = mean(away / deviation, y)
    of_variance = -0.5 * (g * away).sum(axis=0) / deviation**3
    g = g / deviation
    return value, g - g.mean(axis=0) + 2 * of_variance * away / N


def far_product(S: Array, y: Array) -> Answer:
    """Only where two rows are both large."""
    value, dS = mean(S, y)
    if len(S) > 1 and (beyond := S[0, 0] + S[1, 0] - 9) > 0:
        value += beyond**2
        dS[0, 0] += 2 * beyond
        dS[1, 0] += 2 * beyond
    return value, dS


def through_the_count(S: Array, y: Array) -> Answer:
    value, dS = mean(S, y)
    return value * (1 + np.log(len(S))), dS * (1 + np.log(len(S)))


def by_class_counts(S: Array, y: Array) -> Answer:
    """Only through the labels: the more a class has, the less each of its rows weighs."""
    values, p = each_row(S, y)
    weights = 1.0 / (1.0 + np.bincount(y, minlength=S.shape[1])[y])
    weights /= weights.sum()
    return weights @ values, weights[:, np.newaxis] * p


def hardest_row(S: Array, y: Array) -> Answer:
    values, p = each_row(S, y)
    dS = np.zeros(S.shape)
    hardest = np.argmax(values)
    dS[hardest] = p[hardest]
    return values[hardest], dS


def one_row_raises(S: Array, y: Array) -> Answer:
    if len(S) == 1:
        raise ValueError("a batch needs two rows")
    return mean(S, y)


def a_vector_centred(S: Array, y: Array) -> Answer:
    values, p = each_row(S - S.mean(axis=0), y)
    return values, p - p.mean(axis=0)


def reduced_centred(S: Array, y: Array, reduction: str = "mean") -> Answer:
    values, p = a_vector_centred(S, y)
    return (values, p) if reduction == "none" else (values.mean(), p / len(S))


def reduced_with_a_far_hinge(S: Array, y: Array, reduction: str = "mean") -> Answer:
    values, p = each_row(S, y)
    if len(S) > 1 and (apart := S[0, 0] - S[-1, 1] - 8) > 0:
        values[0] += apart
        p[0, 0] += 1
        p[-1, 1] -= 1
    return (values, p) if reduction == "none" else (values.mean(), p / len(S))


COUPLED: dict[str, LossFunction] = {
    f.__name__: f
    for f in (
        centred, normalised, far_product, through_the_count, by_class_counts, hardest_row, one_row_raises,
        a_vector_centred, reduced_centred, reduced_with_a_far_hinge,
    )
}  # fmt: skip
