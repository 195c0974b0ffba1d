"""What right losses are tried with: four kinds of scores, and twelve ways to break their gradient, or one entry."""

from functools import wraps

import numpy as np


def times(dS, where, factor):
    dS[where] *= factor
    return dS


def factor_of_another_class(dS, S, y, rng, loss):
    j = int(rng.integers(dS.shape[1]))
    return times(dS, (slice(None), j), np.exp(S[:, (j + 1) % dS.shape[1]] / 10))


#: Each (dS, S, y, rng, loss) -> another dS.
BREAKS = {
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


def one_entry_off(loss, S, entry, change):
    """The loss with one entry of its dS changed, at batches of the size of S."""

    @wraps(loss)
    def wrong(scores, y, *reduction, **options):
        value, dS = loss(scores, y, *reduction, **options)
        dS = np.array(dS)
        if len(scores) == len(S):
            dS[tuple(entry)] = change(dS[tuple(entry)])
        return value, dS

    return wrong


def broken(loss, name, seed):
    """The loss with its dS broken, in the same way at every call."""

    def wrong(S, y):
        value, dS = loss(S, y)
        return value, BREAKS[name](np.array(dS), S, y, np.random.default_rng([seed, *S.shape]), loss)

    return wrong


SCORES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "integer ties": lambda rng, shape: rng.integers(-2, 3, size=shape).astype(float),
    "1e-3": lambda rng, shape: 1e-3 * rng.normal(size=shape),
    "1e3": lambda rng, shape: 1e3 * rng.normal(size=shape),
}
SHAPES = [(1, 3), (3, 5), (8, 4)]


def draw(kind, seed):
    """Scores N x C and labels N of one problem; the shape goes round with the seed."""
    rng = np.random.default_rng([seed, list(SCORES).index(kind)])
    N, C = SHAPES[seed % len(SHAPES)]
    return SCORES[kind](rng, (N, C)), rng.integers(0, C, size=N)
