"""Twelve ways to break a gradient: each takes (loss, rng) and returns a loss with the same value and another dS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Loss = Callable[[Any, Any], tuple[Any, Any]]
Break = Callable[[Any, Any, Any, np.random.Generator, Loss], Any]
BREAKS: dict[str, Break] = {}


def way(name: str) -> Callable[[Break], Break]:
    def register(break_: Break) -> Break:
        BREAKS[name] = break_
        return break_

    return register


def broken(loss: Loss, name: str, seed: int) -> Loss:
    """The loss with its dS broken, in the same way at every call."""

    def wrong(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = loss(S, y)
        return value, BREAKS[name](np.array(dS), S, y, np.random.default_rng([seed, *S.shape]), loss)

    return wrong


@way("sign")
def sign(dS, S, y, rng, loss):
    return -dS


@way("N")
def times_n(dS, S, y, rng, loss):
    return dS * len(S)


@way("1/N")
def over_n(dS, S, y, rng, loss):
    return dS / len(S)


@way("one entry")
def one_entry(dS, S, y, rng, loss):
    dS.flat[rng.integers(dS.size)] *= 1.01
    return dS


@way("one row")
def one_row(dS, S, y, rng, loss):
    dS[rng.integers(len(dS))] *= 0.9
    return dS


@way("one class")
def one_class(dS, S, y, rng, loss):
    dS[:, rng.integers(dS.shape[1])] *= 1.1
    return dS


@way("transposed")
def transposed(dS, S, y, rng, loss):
    return dS.T if dS.shape[0] == dS.shape[1] else np.resize(dS.T, dS.shape)


@way("labels rolled")
def labels_rolled(dS, S, y, rng, loss):
    return loss(S, np.roll(y, 1))[1]


@way("label's term dropped")
def label_term_dropped(dS, S, y, rng, loss):
    dS[np.arange(len(dS)), y] = 0
    return dS


@way("a factor from another class")
def factor_of_another_class(dS, S, y, rng, loss):
    j = int(rng.integers(dS.shape[1]))
    dS[:, j] *= np.exp(S[:, (j + 1) % dS.shape[1]] / 10)
    return dS


@way("truncated to integers")
def truncated(dS, S, y, rng, loss):
    return dS.astype(int)


@way("1 + 1e-9")
def barely_off(dS, S, y, rng, loss):
    return dS * (1 + 1e-9)
