"""What dS may be in every entry, as data: c n + d x, where n is the numerical gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.fits import Basis
from gradcheck.diagnosis.known import labels_of
from gradcheck.report import FloatArray

#: Probabilities below this have no inverse that is a float.
_SMALLEST = 1e-300


@dataclass(frozen=True)
class Term:
    """A term x that dS lacks or has too much of: dS = c n + d x, with one law each for c and d.

    Attributes:
        code: of the finding.
        symbol: x as it is written.
        basis: x and its error.
        more, less: what it means that d > 0, and that d < 0, and what to look at; empty where it means nothing.
            ``{d}`` is the size of d, ``{term}`` that of d x, ``{integral}`` what d x / c is the derivative of.
        integral: what x is the derivative of: a factor, and the function as it is written.
        is_measured: d may be any number, and not only one that people write.
    """

    code: str
    symbol: str
    basis: Basis
    more: tuple[str, str]
    less: tuple[str, str] = ("", "")
    integral: tuple[Fraction, str] = (Fraction(1), "")
    is_measured: bool = True


def _probability_of_label(seen: Case) -> FloatArray | None:
    """N x 1, the softmax's p_y; None where the labels are no classes."""
    labels = labels_of(seen)
    if labels is None:
        return None
    e = np.exp(seen.S - seen.S.max(axis=1, keepdims=True))
    return np.asarray(np.take_along_axis(e, labels[:, np.newaxis], axis=1) / e.sum(axis=1, keepdims=True))


def _over(seen: Case, is_numerical: bool) -> tuple[FloatArray, FloatArray] | None:
    """n / p_y, or -dS / p_y, and its error."""
    p_y = _probability_of_label(seen)
    if p_y is None:
        return None
    inverse = 1 / np.where(p_y > _SMALLEST, p_y, np.nan)
    x, error = (seen.numerical, seen.bounds) if is_numerical else (-seen.analytic, seen.granted)
    return x * inverse, error * inverse


def _penalty(symbol: str, integral: tuple[Fraction, str], slope: Callable[[FloatArray], FloatArray]) -> Term:
    return Term(
        "missing-regularizer",
        symbol,
        lambda seen: (slope(seen.S), np.zeros(seen.S.shape)),
        ("dS has the gradient of a term that the value lacks, {integral}",
         "add {integral} to the value, or take {term} out of dS"),
        ("the value has a term that dS lacks, {integral}", "add {term} to dS, or take {integral} out of the value"),
        integral,
    )  # fmt: skip


def _at_label(seen: Case) -> tuple[FloatArray, FloatArray] | None:
    return None if seen.at_label is None else (seen.at_label.astype(np.float64), np.zeros(seen.S.shape))


_LABEL_HINT = "look at what is subtracted from dS[i, y[i]]: once in each row, from dS itself, before the division by N"
#: The terms, in the order in which they are tried.
TERMS: tuple[Term, ...] = (
    Term(
        "missing-label-term", "1{j=y}", _at_label,
        ("the label's term -{term} is missing", _LABEL_HINT),
        ("the label's term -{term} is counted twice", _LABEL_HINT),
        is_measured=False,
    ),
    _penalty("S", (Fraction(1, 2), "sum S^2"), lambda S: S),
    _penalty("sign(S)", (Fraction(1), "sum |S|"), lambda S: np.asarray(np.sign(S))),
    # log(p_y + eps) in the value and log(p_y) in dS: dS = n + eps n / p_y. Or the other way round: n - eps dS / p_y.
    Term(
        "log-guard", "numerical/p_y", lambda seen: _over(seen, is_numerical=True),
        ("the value takes log(p_y + eps) with eps = {d}, and dS is the derivative of log(p_y)",
         "take eps out of the value: log(sum_m e^{s_m}) - s_y, of scores less their row's maximum; or multiply dS by "
         "p_y/(p_y + eps)"),
    ),
    Term(
        "log-guard", "dS/p_y", lambda seen: _over(seen, is_numerical=False),
        ("dS has p_y + eps in place of p_y, with eps = {d}, and the value takes log(p_y)",
         "take eps out of dS: it is p_j - 1{j=y}, which divides by no probability"),
    ),
)  # fmt: skip
