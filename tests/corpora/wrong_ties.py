"""Wrong losses that tell the label by its margin of 1, or err at other ties: integers show it, normal scores do not."""

import numpy as np

from .bases import slips
from .parts import of_labels, one_hot
from .registry import wrong


@wrong("logistic regression in its stable form, derived term by term at 0", "smooth-kink")
def logistic_term_by_term(S, y):
    """max(x, 0) and |x| have kinks at 0 that their sum has not: each term's derivative is taken as 0 there."""
    t, e = one_hot(S, y), np.exp(-np.abs(S))
    value = np.maximum(S, 0) - S * t + np.log1p(e)
    return value.sum() / len(S), ((S > 0) - t - np.sign(S) * e / (1 + e)) / len(S)


@wrong("exponential linear units, neither branch at 0", "smooth-kink")
def elu_without_zero(S, y):
    """The masks S > 0 and S < 0 leave out 0, where both branches have the derivative 1."""
    value = np.where(S > 0, S, np.expm1(np.minimum(S, 0)))
    return value.sum() / len(S), ((S > 0) + (S < 0) * np.exp(np.minimum(S, 0))) / len(S)


@wrong("Crammer-Singer, the maximum's derivative to every class that ties for it", "not-a-subgradient")
def crammer_singer_to_each(S, y):
    """margins == their maximum is 1 for each of those that tie, where one of them or shares are meant."""
    margins = S - of_labels(S, y)[:, None] + 1 - one_hot(S, y)
    most = margins.max(axis=1, keepdims=True)
    return most.mean(), ((margins == most) - one_hot(S, y)) / len(S)


@wrong("the span of the scores, to every class that ties for an end", "not-a-subgradient")
def span_to_each(S, y):
    """The largest less the smallest score; both ends take all of those that tie."""
    most, least = S.max(axis=1, keepdims=True), S.min(axis=1, keepdims=True)
    dS = (most == S).astype(float) - (least == S)
    return np.mean(most - least), dS / len(S)


slips("""
removable-jump | svm_in_loops | svm in loops, margins of 1 skipped
    if margin == 1: continue, where j == y[i] is meant.
    - if j != y[i] and margin > 0:
    + if margin != 1 and margin > 0:
removable-jump | squared_hinge | squared hinge, margins of 1 left out of the value
    The value selects by margins != 1; dS goes by the label, and is right.
    ~ value = losses[losses != 1].sum() / len(S)
smooth-kink | svm_of_margins | svm, margins equal to 1 taken for the label's
    The label is told by its margin of 1, and so is every class that ties with it.
    ~ dS = ((margins > 0) & (margins != 1)).astype(float)
    - dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    + dS[np.arange(len(S)), y] = -dS.sum(axis=1)
removable-jump | svm_of_margins | svm, margins of 1 zeroed
    margins == 1 is meant to drop the label, and drops ties from value and dS.
    ~ margins = np.maximum(0, S - of_labels(S, y)[:, np.newaxis] + 1)
    + margins[margins == 1] = 0
not-a-subgradient | svm_of_margins | svm, margins of 0 counted for the class and not for the label
    >= 0 decides for a class and > 0 for the label, so a margin of 0 counts for one of its two scores.
    ~ margins = S - of_labels(S, y)[:, None] + 1 - 2 * one_hot(S, y)
    ~ dS = (margins >= 0).astype(float)
    ~ return np.maximum(margins, 0).sum() / len(S), dS / len(S)
""")
