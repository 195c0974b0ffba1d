"""Evidence as a check would gather it, made without one: a right loss stands in for the numerical gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import gradcheck
from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, Finding, Verdict

LossFunction = Callable[[Any, Any], tuple[Any, Any]]
#: What becomes of dS: of dS, S and y.
Change = Callable[[Any, Any, Any], Any]

SHAPES = tuple((N, 5) for N in (1, 3, 8) for _ in range(2))
RTOL = 1e-7
OK, SUBGRADIENT, WRONG = (VERDICTS.index(each) for each in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.WRONG))


def right(name: str) -> LossFunction:
    return BUILT_INS[name].function


def changed(base: str | LossFunction, change: Change, name: str = "loss") -> LossFunction:
    """A right loss, its dS changed."""
    function = right(base) if isinstance(base, str) else base

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = function(S, y)
        return value, change(np.array(dS), S, y)

    loss.__name__ = loss.__qualname__ = name
    return loss


def bent(a: Any, S: Any) -> Any:
    """Multiples of each entry's own."""
    return a * (1.5 + np.sin(S))


def at(where: Callable[[Any, Any], Any], change: Callable[[Any, Any], Any] = bent) -> Change:
    """dS is changed in some entries alone."""
    return lambda a, S, y: np.where(where(S, y), change(a, S), a)


def is_label(S: Any, y: Any) -> Any:
    return np.arange(S.shape[1]) == y[:, np.newaxis]


def evidence_of(
    base: str | LossFunction,
    change: Change,
    shapes: Iterable[tuple[int, int]] = SHAPES,
    *,
    seed: int = 0,
    bound: float = 1e-12,
    calls: int = 40,
    integers: bool = False,
    labels: Callable[[np.random.Generator, int, int], Any] | None = None,
) -> Evidence:
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
        seen.append(
            Case(
                S=S,
                y=y,
                seed=seed,
                scores="integers" if integers else "normal",
                value=float(value),
                analytic=a,
                numerical=n,
                bounds=np.full(n.shape, bound),
                granted=np.full(n.shape, 1e-15),
                verdicts=np.where(kinked, SUBGRADIENT, np.where(off, WRONG, OK)).astype(np.int8),
                kinked=kinked,
                leaps=np.zeros(n.shape),
            )
        )
    return Evidence(tuple(seen), RTOL, Allowance(loss, calls))


def codes(findings: Iterable[Finding]) -> list[str]:
    return [each.code for each in findings]


def findings(loss: Any, **config: Any) -> tuple[Finding, ...]:
    """What a check says of a loss."""
    return gradcheck.check(loss, **config).losses[0].findings


def leading(loss: Any, **config: Any) -> Finding:
    return findings(loss, **config)[0]
