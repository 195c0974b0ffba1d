"""Right losses that are a mean or a sum over rows, or couple rows in every way that could fool a plan."""

import numpy as np
from corpora.bases import mean
from corpora.complex_scores import svm
from corpora.parts import cross_entropy as each_row
from corpora.quiet import Softmax
from corpora.right import hidden_float32_softmax


def total(S, y):
    values, p = each_row(S, y)
    return values.sum(), p


def offset(S, y):
    value, dS = mean(S, y)
    return value + 1e3 - 1e3, dS


SEPARABLE = {f.__name__: f for f in (mean, total, svm, offset, hidden_float32_softmax)}


reduced = Softmax()


def summed_by_default(S, y, reduction="sum"):
    return reduced(S, y, reduction)


EACH_ROW = {"a_vector": each_row, "reduced": reduced, "by_sum": summed_by_default}


def centred(S, y):
    """Through a statistic of the batch."""
    value, dS = mean(S - S.mean(axis=0), y)
    return value, dS - dS.mean(axis=0)


def normalised(S, y):
    """Through two statistics of the batch."""
    N, away = len(S), S - S.mean(axis=0)
    deviation = np.sqrt((away**2).mean(axis=0) + 1e-3)
    value, g = mean(away / deviation, y)
    of_variance = -0.5 * (g * away).sum(axis=0) / deviation**3
    g = g / deviation
    return value, g - g.mean(axis=0) + 2 * of_variance * away / N


def far_product(S, y):
    """Only where two rows are both large."""
    value, dS = mean(S, y)
    if len(S) > 1 and (beyond := S[0, 0] + S[1, 0] - 9) > 0:
        value += beyond**2
        dS[0, 0] += 2 * beyond
        dS[1, 0] += 2 * beyond
    return value, dS


def through_the_count(S, y):
    value, dS = mean(S, y)
    return value * (1 + np.log(len(S))), dS * (1 + np.log(len(S)))


def by_class_counts(S, y):
    """Only through the labels: the more a class has, the less each of its rows weighs."""
    values, p = each_row(S, y)
    weights = 1.0 / (1.0 + np.bincount(y, minlength=S.shape[1])[y])
    weights /= weights.sum()
    return weights @ values, weights[:, np.newaxis] * p


def hardest_row(S, y):
    values, p = each_row(S, y)
    dS = np.zeros(S.shape)
    hardest = np.argmax(values)
    dS[hardest] = p[hardest]
    return values[hardest], dS


def one_row_raises(S, y):
    if len(S) == 1:
        raise ValueError("a batch needs two rows")
    return mean(S, y)


def a_vector_centred(S, y):
    values, p = each_row(S - S.mean(axis=0), y)
    return values, p - p.mean(axis=0)


def reduced_centred(S, y, reduction="mean"):
    return a_vector_centred(S, y) if reduction == "none" else centred(S, y)


def reduced_with_a_far_hinge(S, y, reduction="mean"):
    values, p = each_row(S, y)
    if len(S) > 1 and (apart := S[0, 0] - S[-1, 1] - 8) > 0:
        values[0] += apart
        p[0, 0] += 1
        p[-1, 1] -= 1
    return (values, p) if reduction == "none" else (values.mean(), p / len(S))


COUPLED = {
    f.__name__: f
    for f in (
        centred, normalised, far_product, through_the_count, by_class_counts, hardest_row, one_row_raises,
        a_vector_centred, reduced_centred, reduced_with_a_far_hinge,
    )
}  # fmt: skip
