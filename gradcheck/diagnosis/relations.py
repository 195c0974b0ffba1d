"""What dS is in one place, where something simple can be said of it."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.fits import Fit, Where, factor_fit, level_fit, offset_fit
from gradcheck.diagnosis.laws import Law
from gradcheck.report import FloatArray

#: Rows that a number takes which is none of those that people write.
_FREE = 3


def relation(evidence: Evidence, where: Where) -> str:
    """What dS is in some entries of all problems, or else in those of them that are wrong.

    Args:
        evidence: all problems.
        where: the entries.

    Returns:
        For example ``there dS = 0``; empty where nothing simple holds.
    """

    def wrong(seen: Case) -> BoolArray:
        return where(seen) & seen.wrong

    there = _relation(evidence, where)
    if there:
        return f"there {there}"
    there = _relation(evidence, wrong)
    return f"where it is wrong, {there}" if there else ""


def plus(law: Law) -> str:
    """A term to add, in words.

    Example:
        >>> plus(Law(1.5)), plus(Law(-0.5))
        ('plus 1.5', 'minus 0.5')
    """
    return f"minus {str(law).removeprefix('-')}" if law.constant < 0 else f"plus {law}"


def _relation(evidence: Evidence, where: Where) -> str:
    factor = factor_fit(evidence, where)
    if _holds(factor) and not factor.law.is_one:
        return "dS = 0" if factor.law.is_zero else f"dS = {factor.law} times the numerical gradient"
    level = level_fit(evidence, where)
    if _holds(level):
        return f"dS = {level.law}"
    offset = offset_fit(evidence, where)
    if _holds(offset):
        return f"dS is the numerical gradient {plus(offset.law)}"
    undivided = offset_fit(evidence, where, shape=_one_less_one_nth)
    if _holds(undivided) and not undivided.law.rows:
        return f"dS has {undivided.law} where {undivided.law}/N belongs"
    return ""


def _holds(fit: Fit | None) -> TypeGuard[Fit]:
    return fit is not None and (not fit.law.is_free or fit.rows >= _FREE)


def _one_less_one_nth(seen: Case) -> FloatArray:
    """1 - 1/N, by which k is larger than k/N."""
    return np.full(seen.S.shape, 1 - 1 / seen.rows)
