"""What can be said in place of a finding of the contract, once the loss is called a few times more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.diagnosis import statements
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding, FloatArray
from gradcheck.sampling import Problem

#: Half of a central difference's width, by the dtype of the scores, and what it may be off by beside the size of what
#: it is made of: far above its own errors, far below what another gradient would be off by.
_STEPS = {"float64": (1e-4, 1e-5), "float32": (1e-2, 1e-3)}
#: How far S is moved before, away from ties and what they are: to where the loss is smooth.
_AWAY = 0.1

_Refine = Callable[[Finding, Problem, Allowance], Finding | None]


def refine(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """More to the point than the contract could be, which knows no more than two calls.

    Args:
        contract: a finding of the contract.
        troubled: where it was made.
        ask: the loss, for a few calls more.

    Returns:
        What to say instead; None for the same.
    """
    refine_this = _REFINE.get(contract.code)
    if refine_this is None:
        return None
    try:
        return refine_this(contract, troubled, ask)
    except (Spent, LossDefect, OutOfTime):
        return None


def _transposed(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    """dS of shape C x N: whether its transpose is the gradient, along one direction. Two calls; and two more with the
    row repeated, where a batch of one row hides what there is to say of the mean."""
    N, C = troubled.S.shape
    if N == C or troubled.S.dtype.name not in _STEPS or not _agrees(*_seen_along(ask, troubled.S, troubled.y)):
        return None
    return replace(
        contract,
        code="transposed",
        message=f"dS.T is the gradient, and dS is not: {contract.message}{_beside(troubled, ask) if N == 1 else ''}",
        hint="return dS.T; or make dS with the shape of S, dS[i, j] for row i and class j",
    )


def _beside(troubled: Problem, ask: Allowance) -> str:
    """What is wrong beside the transpose, which a single row does not show, and copies of it do. Two calls."""
    rows = 2 if troubled.S.shape[1] == 3 else 3
    S, y = (np.repeat(each, rows, axis=0) for each in (troubled.S, troubled.y))
    try:
        change, predicted, off = _seen_along(ask, S, y)
    except LossDefect:
        return ""
    if not _agrees(rows * change, predicted, rows * off):
        return ""
    return f"; at N = {rows} dS.T is {rows} times the gradient, not divided by N: more than one defect is at work"


def _agrees(change: float, predicted: float, off: float) -> bool:
    return off > 0 and abs(change - predicted) <= off


def _seen_along(ask: Allowance, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[float, float, float]:
    """Between two points near S: how much the value changes, by how much dS.T says it does, and how far these may
    differ. Two calls.

    Raises:
        LossDefect: the loss does not return a number and C x N numbers.
    """
    step, off = _STEPS[scores.dtype.name]
    rng = np.random.default_rng(scores.shape)
    middle = scores.astype(np.float64) + _AWAY * rng.standard_normal(scores.shape)
    direction = rng.standard_normal(scores.shape)
    points = [(middle + way * step * direction).astype(scores.dtype) for way in (1, -1)]
    (above, dS_above), (below, dS_below) = (_value_and_transpose(ask, point, labels) for point in points)
    moved = points[0].astype(np.float64) - points[1].astype(np.float64)
    dS = (dS_above + dS_below) / 2
    return above - below, float(np.sum(dS * moved)), off * float(np.abs(dS).ravel() @ np.abs(moved).ravel())


def _value_and_transpose(
    ask: Allowance, scores: npt.NDArray[np.floating], labels: npt.NDArray[Any]
) -> tuple[float, FloatArray]:
    """What the loss returns where it returns a number and numbers that are C x N.

    Raises:
        LossDefect: it does not.
    """
    answer = ask.call(scores.copy(), labels.copy())
    try:
        value, dS = answer
        value, dS = float(value), np.asarray(dS, dtype=np.float64)
    except (TypeError, ValueError):
        raise LossDefect("wrong-shape", "no number and array") from None
    if dS.shape != scores.shape[::-1] or not (np.isfinite(value) and np.isfinite(dS).all()):
        raise LossDefect("wrong-shape", "no finite C x N array")
    return value, dS.T


def _with_statement(contract: Finding, statement: statements.Statement | None) -> Finding | None:
    return None if statement is None else replace(contract, details=statement.shown())


def _changing(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    return _with_statement(contract, statements.that_changed(ask, troubled.S, troubled.y))


def _not_finite(contract: Finding, troubled: Problem, ask: Allowance) -> Finding | None:
    statement = statements.that_is_not_finite(ask, troubled.S, troubled.y)
    if statement is None:
        return None
    hint = next((hint for word, hint in _NOT_FINITE.items() if word in statement.text), _BEYOND)
    return replace(contract, hint=hint, details=statement.shown())


#: What to look at, by what the statement has in it.
_NOT_FINITE = {
    "exp": "subtract the row's maximum before exp: e^{s_j - s_max} overflows nowhere",
    "log": "log(0) is -inf, and 0 log(0) is nan: take the log of a quotient as a difference, and leave out terms of 0",
}
_BEYOND = "look at what is divided by there, or whose root is taken: it is 0, or below"


_REFINE: dict[str, _Refine] = {"wrong-shape": _transposed, "mutates-input": _changing, "not-finite": _not_finite}
