"""Right losses in the forms that people give them, of which wrong ones are made by a line or two, see ``slips``."""

# ruff: noqa: F403, F405 (slips use every part)

import inspect
import re

import numpy as np
from edits import edited

from . import parts
from .parts import *
from .registry import WRONG, entering


def mean(S, y):
    """Of this part or, where a slip names it, another one."""
    losses, dS = cross_entropy(S, y)
    value = losses.sum() / len(S)
    dS /= len(S)
    return value, dS


def softmax_of_p(S, y):
    """The row's maximum is subtracted, and the log is taken of the quotient."""
    p = softmax(S)
    dS = p - one_hot(S, y)
    value = -np.log(of_labels(p, y)).mean()
    return value, dS / len(S)


def softmax_in_loops(S, y):
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        e = np.exp(S[i] - np.max(S[i]))
        p = e / np.sum(e)
        loss -= np.log(p[y[i]])
        for j in range(C):
            dS[i, j] = p[j] - (j == y[i])
    return loss / N, dS / N


def svm_of_margins(S, y):
    margins = margins_of(S, y)
    dS = (margins > 0).astype(float)
    dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    return margins.sum() / len(S), dS / len(S)


def svm_in_loops(S, y):
    """Right; 0 at a margin of 0."""
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        margin = S[i, j] - S[i, y[i]] + 1
        if j != y[i] and margin > 0:
            loss += margin
            dS[i, j] += 1
            dS[i, y[i]] -= 1
    return loss / len(S), dS / len(S)


def in_batch_contrastive(S, y):
    """Right; rows compete for each row's class."""
    log_share = log_softmax(S[:, y].T)
    dS = np.zeros_like(S)
    np.add.at(dS, (slice(None), y), np.exp(log_share).T)
    return -np.trace(log_share) / len(S), (dS - one_hot(S, y)) / len(S)


def slips(text, registry=WRONG):
    """Enter losses by their difference from a right one.

    Args:
        text: for each a line ``codes | base | name``, a sentence that says what is wrong, and a diff as in ``edits``.
            The base is a function of this module, or the part of which ``mean`` takes the mean. Of codes with "or"
            any may lead; those with "and" must all be found; "nothing" is to be found of a right loss.
    """
    for head, mistake, diff in re.findall(r"^(\S.+)\n {4}(.+)\n((?: {4}[-+~] .+\n)+)", text, re.MULTILINE):
        codes, base, name = head.split(" | ")
        first, *others = re.split(" or | and ", codes.removeprefix("nothing"))
        is_part = hasattr(parts, base)
        form = mean if is_part else globals()[base]
        source = inspect.getsource(form).replace("cross_entropy", base) if is_part else ""
        loss = edited(form, re.sub(r"\W+", "_", name), (line[4:] for line in diff.splitlines()), source)
        loss.__doc__ = mistake
        entering(registry, name, first, also=others, with_=[first, *others] if " and " in codes else [])(loss)
