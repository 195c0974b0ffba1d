"""What a few more calls of the loss add to a finding about its contract: a better code, or the line at fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.evidence import Allowance, Spent
from gradcheck.diagnosis import statements
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding
from gradcheck.sampling import Problem

#: By the dtype of the scores, half the width of a central difference and its relative error: far above its rounding,
#: far below what another gradient would differ by.
_STEPS = {"float64": (1e-4, 1e-5), "float32": (1e-2, 1e-3)}
#: S is moved by about this first, away from ties.
_AWAY = 0.1
#: What to look at, by what the line has in it.
_NOT_FINITE = {
    "exp": "subtract the row's maximum before exp: e^{s_j - s_max} does not overflow",
    "log": "log(0) is -inf, and 0 log(0) is nan: take the log of a quotient as a difference, and leave out terms of 0",
    "": "look at what is divided by there, or whose root is taken: it is 0 or negative",
}


def refine(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """The finding to show in place of ``contract``, which was made at the problem ``troubled``; None for the same.

    Args:
        ask: the loss, for a few more calls.
    """
    refinement = _REFINE.get(contract.code)
    try:
        return refinement(contract, troubled, ask) if refinement else None
    except (Spent, LossDefect, OutOfTime):
        return None


def _transposed(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """dS has shape C x N and its transpose is the gradient, along one direction. Two calls, for one row four."""
    S, y, (N, C) = troubled.S, troubled.y, troubled.S.shape
    if N == C or S.dtype.name not in _STEPS or not _is_transposed(ask, S, y):
        return None
    beside, rows = "", 2 if C == 3 else 3
    if N == 1 and _is_transposed(ask, np.repeat(S, rows, axis=0), np.repeat(y, rows, axis=0), times=rows):
        beside = f"; at N = {rows} dS.T is {rows} times the gradient, not divided by N: more than one defect is at work"
    return replace(
        contract,
        code="transposed",
        message=f"dS.T is the gradient, and dS is not: {contract.message}{beside}",
        hint="return dS.T; or create dS with the shape of S, dS[i, j] for row i and class j",
    )


def _is_transposed(ask: Allowance, S: npt.NDArray[Any], y: npt.NDArray[Any], times: int = 1) -> bool:
    """Whether dS.T is so many times the gradient along a random direction near S. Two calls."""
    h, rtol = _STEPS[S.dtype.name]
    middle, direction = np.random.default_rng(S.shape).standard_normal((2, *S.shape))
    points = [(S + _AWAY * middle + step * direction).astype(S.dtype) for step in (h, -h)]
    try:
        (after, dS), (before, dS_before) = (ask.call(point.copy(), y.copy()) for point in points)
        difference, both = times * (float(after) - float(before)), np.array([dS, dS_before], dtype=np.float64)
    except (LossDefect, TypeError, ValueError):  # no number and array
        return False
    if both.shape != (2, *S.T.shape):
        return False
    terms = both.mean(axis=0).T * (points[0].astype(np.float64) - points[1])
    return bool(terms.any() and abs(difference - terms.sum()) <= rtol * np.abs(terms).sum())


def _mutates(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    statement = statements.that_changed(ask, troubled.S, troubled.y)
    return replace(contract, details=statements.shown(statement)) if statement else None


def _not_finite(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    statement = statements.that_is_not_finite(ask, troubled.S, troubled.y)
    hint = next(hint for word, hint in _NOT_FINITE.items() if statement is None or word in (statement.line or ""))
    return replace(contract, hint=hint, details=statements.shown(statement)) if statement else None


_REFINE: dict[str, Callable[[Finding, Problem, Allowance], Finding | None]] = {
    "wrong-shape": _transposed,
    "mutates-input": _mutates,
    "not-finite": _not_finite,
}
