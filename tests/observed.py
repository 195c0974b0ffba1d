"""Evidence as a check would gather it, made without one: a right loss stands in for the numerical gradient."""

import numpy as np

import gradcheck
from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.diagnosis.known import VARIANTS
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, Verdict

SHAPES = tuple((N, 5) for N in (1, 3, 8) for _ in range(2))
RTOL = 1e-7
OK, SUBGRADIENT, WRONG = (VERDICTS.index(each) for each in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.WRONG))


def right(name):
    return BUILT_INS[name].function


def mean_of(formula, sign=1, offset=0.0):
    """A variant as a right loss."""
    variant = next(each for each in VARIANTS if each.formula == formula)

    def loss(S, y):
        L, dL = variant.function(S, y)
        return sign * L.mean() + offset, sign * dL / len(S)

    return loss


def changed(base, change, name="loss"):
    """A right loss, its dS changed by ``change(dS, S, y)``."""
    function = right(base) if isinstance(base, str) else base

    def loss(S, y):
        value, dS = function(S, y)
        return value, change(np.array(dS), S, y)

    loss.__name__ = loss.__qualname__ = name
    return loss


def bent(a, S):
    """Multiples of each entry's own."""
    return a * (1.5 + np.sin(S))


def at(where, change=bent):
    """dS is changed in some entries alone."""
    return lambda a, S, y: np.where(where(S, y), change(a, S), a)


def is_label(S, y):
    return np.arange(S.shape[1]) == y[:, np.newaxis]


def evidence_of(base, change, shapes=SHAPES, *, seed=0, bound=1e-12, calls=40, integers=False, labels=None):
    """Evidence of a right loss whose dS was changed, at problems of these shapes N x C.

    The numerical gradient is off by a part of ``bound``; rules may call the loss ``calls`` times; whole numbers as
    scores make kinks of margins of 0; ``labels`` draws other labels than classes.
    """
    rng = np.random.default_rng(seed)
    function = right(base) if isinstance(base, str) else base
    loss = Function("test", changed(function, change))
    seen = []
    for N, C in shapes:
        S = rng.integers(-2, 3, size=(N, C)).astype(float) if integers else rng.standard_normal((N, C))
        y = rng.integers(0, C, size=N) if labels is None else labels(rng, N, C)
        value, n = function(S, y)
        a = np.asarray(change(np.array(n, dtype=float), S, y), dtype=float)
        n = np.array(n, dtype=float) + bound * rng.uniform(-0.5, 0.5, size=n.shape)
        kinked = np.zeros(n.shape, dtype=bool)
        if integers and y.ndim == 1:
            tied = (S - S[np.arange(N), y][:, np.newaxis] + 1 == 0) & ~is_label(S, y)
            kinked = tied | (is_label(S, y) & tied.any(axis=1, keepdims=True))
        off = np.abs(a - n) > bound + RTOL * np.maximum(np.abs(a), np.abs(n))
        verdicts = np.where(kinked, SUBGRADIENT, np.where(off, WRONG, OK)).astype(np.int8)
        bounds, granted, leaps = np.full(n.shape, bound), np.full(n.shape, 1e-15), np.zeros(n.shape)
        scores = "integers" if integers else "normal"
        seen.append(Case(S, y, seed, scores, float(value), a, n, bounds, granted, verdicts, kinked, leaps))
    return Evidence(tuple(seen), RTOL, Allowance(loss, calls))


def codes(findings):
    return [each.code for each in findings]


def findings(loss, **config):
    """What a check says of a loss."""
    return gradcheck.check(loss, **config).losses[0].findings


def leading(loss, **config):
    return findings(loss, **config)[0]
