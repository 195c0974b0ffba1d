"""Twelve ways to break a gradient, each (dS, S, y, rng, loss) -> another dS; and to change one entry of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .registry import Loss


def times(dS, where, factor):
    dS[where] *= factor
    return dS


def factor_of_another_class(dS, S, y, rng, loss):
    j = int(rng.integers(dS.shape[1]))
    return times(dS, (slice(None), j), np.exp(S[:, (j + 1) % dS.shape[1]] / 10))


BREAKS: dict[str, Loss] = {
    "sign": lambda dS, *_: -dS,
    "N": lambda dS, *_: dS * len(dS),
    "1/N": lambda dS, *_: dS / len(dS),
    "one entry": lambda dS, S, y, rng, loss: times(dS, np.unravel_index(rng.integers(dS.size), dS.shape), 1.01),
    "one row": lambda dS, S, y, rng, loss: times(dS, rng.integers(len(dS)), 0.9),
    "one class": lambda dS, S, y, rng, loss: times(dS, (slice(None), rng.integers(dS.shape[1])), 1.1),
    "transposed": lambda dS, *_: np.resize(dS.T, dS.shape),
    "labels rolled": lambda dS, S, y, rng, loss: loss(S, np.roll(y, 1))[1],
    "label's term dropped": lambda dS, S, y, rng, loss: times(dS, (np.arange(len(y)), y), 0),
    "a factor from another class": factor_of_another_class,
    "truncated to integers": lambda dS, *_: dS.astype(int),
    "1 + 1e-9": lambda dS, *_: dS * (1 + 1e-9),
}


def one_entry_off(loss: Loss, S: Any, entry: Any, change: Callable[[float], float]) -> Loss:
    """The loss with one entry of its dS changed, at batches of the size of S."""

    @wraps(loss)
    def wrong(scores: Any, y: Any, *reduction: Any, **options: Any) -> tuple[Any, Any]:
        value, dS = loss(scores, y, *reduction, **options)
        dS = np.array(dS)
        if len(scores) == len(S):
            dS[tuple(entry)] = change(dS[tuple(entry)])
        return value, dS

    return wrong


def broken(loss: Loss, name: str, seed: int) -> Loss:
    """The loss with its dS broken, in the same way at every call."""

    def wrong(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = loss(S, y)
        return value, BREAKS[name](np.array(dS), S, y, np.random.default_rng([seed, *S.shape]), loss)

    return wrong
