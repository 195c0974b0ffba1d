"""What dS may be in every entry, as data: c n + d x, or c n with its entries exchanged; n is the numerical gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

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


def probability_of_label(seen: Case) -> FloatArray | None:
    """N x 1, the softmax's p_y; None where the labels are no classes."""
    labels = labels_of(seen)
    if labels is None:
        return None
    e = np.exp(seen.S - seen.S.max(axis=1, keepdims=True))
    return np.asarray(np.take_along_axis(e, labels[:, np.newaxis], axis=1) / e.sum(axis=1, keepdims=True))


def _probability_of_each(seen: Case) -> FloatArray | None:
    """N x C, the sigmoid's probability of what is true of each class; None where labels are not 0 and 1."""
    labels = labels_of(seen)
    if labels is None and not (seen.y.shape == seen.S.shape and np.all((seen.y == 0) | (seen.y == 1))):
        return None
    is_one = seen.y == 1 if labels is None else np.arange(seen.classes) == labels[:, np.newaxis]
    return np.asarray(np.exp(-np.logaddexp(0, np.where(is_one, -seen.S, seen.S))))


def _guards(
    q: str, probability: Callable[[Case], FloatArray | None], note: str, stable: str, gradient: str
) -> Iterator[Term]:
    """log(q + eps) in the value and log(q) in dS: dS = n + eps n / q. Or the other way round: dS = n - eps dS / q."""

    def over(seen: Case, is_numerical: bool) -> tuple[FloatArray, FloatArray] | None:
        inverse = probability(seen)
        if inverse is None:
            return None
        inverse = 1 / np.where(inverse > _SMALLEST, inverse, np.nan)
        x, error = (seen.numerical, seen.bounds) if is_numerical else (-seen.analytic, seen.granted)
        return x * inverse, error * inverse

    in_value = f"the value takes log({q} + eps) with eps = {{d}}, and dS is the derivative of log({q}){note}"
    mend = f"take eps out of the value: {stable}; or multiply dS by {q}/({q} + eps)"
    yield Term("log-guard", f"numerical/{q}", lambda seen: over(seen, True), (in_value, mend))
    in_ds = f"dS has {q} + eps in place of {q}, with eps = {{d}}, and the value takes log({q}){note}"
    mend = f"take eps out of dS: it is {gradient}, which divides by no probability"
    yield Term("log-guard", f"dS/{q}", lambda seen: over(seen, False), (in_ds, mend))


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
    *_guards(
        "p_y", probability_of_label, "",
        "log(sum_m e^{s_m}) - s_y, of scores less their row's maximum", "p_j - 1{j=y}",
    ),
    *_guards(
        "q_j", _probability_of_each, " (q_j = 1/(1 + e^{-s_j}) where j = y, and 1 less that elsewhere)",
        "log(1 + e^{-t_j s_j}), t_j = 1{j=y} - 1{j!=y}: np.logaddexp(0, -t*S)", "g_j - 1{j=y}",
    ),
)  # fmt: skip

#: Ways to exchange the entries of an N x C array n, which transpose it where N = C: what becomes of n, a hint, the way.
LAYOUTS: tuple[tuple[str, str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]], ...] = (
    (
        "the numerical gradient transposed and reshaped, n.T.reshape(N, C),",
        "reshape does not exchange rows and classes: where dS is C x N, return dS.T",
        lambda n: n.T.reshape(n.shape),
    ),
    (
        'the numerical gradient flattened by rows and folded by columns, n.ravel().reshape((N, C), order="F"),',
        'order="F" on one of the two ways alone exchanges entries: leave it out, or have it on both',
        lambda n: n.ravel().reshape(n.shape, order="F"),
    ),
)
