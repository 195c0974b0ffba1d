"""What dS may be in every entry, as data: c n + d x, or c n with its entries exchanged; n is the numerical gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gradcheck.checking.case import Observation
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
        more, less: what it means that d > 0, and that d < 0; empty where it means nothing. ``{d}`` is the size of d,
            ``{term}`` that of d x, ``{integral}`` what d x / c is the derivative of.
        more_hint, less_hint: likewise.
        integral: what x is the derivative of: a factor, and the function as it is written.
        is_measured: d may be any number, and not only one that people write.
    """

    code: str
    symbol: str
    basis: Basis
    more: str = ""
    less: str = ""
    more_hint: str = ""
    less_hint: str = ""
    integral: tuple[Fraction, str] = (Fraction(1), "")
    is_measured: bool = True


def probability_of_label(seen: Observation) -> FloatArray | None:
    """N x 1, the softmax's p_y; None where the labels are no classes."""
    labels = labels_of(seen)
    if labels is None:
        return None
    e = np.exp(seen.S - seen.S.max(axis=1, keepdims=True))
    return np.asarray(np.take_along_axis(e, labels[:, np.newaxis], axis=1) / e.sum(axis=1, keepdims=True))


def _probability_of_each(seen: Observation) -> FloatArray | None:
    """N x C, the sigmoid's probability of what is true of each class; None where labels are not 0 and 1."""
    labels = labels_of(seen)
    if labels is None and not (seen.y.shape == seen.S.shape and np.all((seen.y == 0) | (seen.y == 1))):
        return None
    is_one = seen.y == 1 if labels is None else np.arange(seen.classes) == labels[:, np.newaxis]
    return np.asarray(np.exp(-np.logaddexp(0, np.where(is_one, -seen.S, seen.S))))


def _over(probability: Callable[[Observation], FloatArray | None], gradient: str) -> Basis:
    """The numerical gradient over a probability, or -dS over it."""

    def basis(seen: Observation) -> tuple[FloatArray, FloatArray] | None:
        q = probability(seen)
        if q is None:
            return None
        q = np.where(q > _SMALLEST, q, np.nan)
        is_numerical = gradient == "numerical"
        return (seen.numerical / q, seen.bounds / q) if is_numerical else (-seen.analytic / q, seen.granted / q)

    return basis


def _guards() -> Iterator[Term]:
    of_sigmoid = " (q_j = 1/(1 + e^{-s_j}) where j = y, and 1 less that elsewhere)"
    log_softmax = "log(sum_m e^{s_m}) - s_y, of scores less their row's maximum"
    log_sigmoid = "log(1 + e^{-t_j s_j}), t_j = 1{j=y} - 1{j!=y}: np.logaddexp(0, -t*S)"
    for q, probability, note, stable, gradient in (
        ("p_y", probability_of_label, "", log_softmax, "p_j - 1{j=y}"),
        ("q_j", _probability_of_each, of_sigmoid, log_sigmoid, "g_j - 1{j=y}"),
    ):
        yield Term(
            "log-guard",
            f"numerical/{q}",
            _over(probability, "numerical"),
            more=f"the value takes log({q} + eps) with eps = {{d}}, and dS is the derivative of log({q}){note}",
            more_hint=f"take eps out of the value: {stable}; or multiply dS by {q}/({q} + eps)",
        )
        yield Term(
            "log-guard",
            f"dS/{q}",
            _over(probability, "analytic"),
            more=f"dS has {q} + eps in place of {q}, with eps = {{d}}, and the value takes log({q}){note}",
            more_hint=f"take eps out of dS: it is {gradient}, which divides by no probability",
        )


def _penalty(symbol: str, integral: tuple[Fraction, str], slope: Callable[[FloatArray], FloatArray]) -> Term:
    return Term(
        "missing-regularizer",
        symbol,
        lambda seen: (slope(seen.S), np.zeros(seen.S.shape)),
        more="dS has the gradient of a term that the value lacks, {integral}",
        less="the value has a term that dS lacks, {integral}",
        more_hint="add {integral} to the value, or take {term} out of dS",
        less_hint="add {term} to dS, or take {integral} out of the value",
        integral=integral,
    )


def _at_label(seen: Observation) -> tuple[FloatArray, FloatArray] | None:
    return None if seen.at_label is None else (seen.at_label.astype(np.float64), np.zeros(seen.S.shape))


#: The terms, in the order in which they are tried.
TERMS: tuple[Term, ...] = (
    Term(
        "missing-label-term",
        "1{j=y}",
        _at_label,
        more="the label's term -{term} is missing",
        less="the label's term -{term} is counted twice",
        more_hint="look at what is subtracted from dS[i, y[i]]: once in each row, from dS itself, before the division "
        "by N",
        less_hint="look at what is subtracted from dS[i, y[i]]: once in each row, from dS itself, before the division "
        "by N",
        is_measured=False,
    ),
    _penalty("S", (Fraction(1, 2), "sum S^2"), lambda S: S),
    _penalty("sign(S)", (Fraction(1), "sum |S|"), lambda S: np.asarray(np.sign(S))),
    *_guards(),
)


@dataclass(frozen=True)
class Layout:
    """A way to exchange the entries of an N x C array n, another one than transposing it where N != C.

    Attributes:
        words: what becomes of n.
        hint: what to look at.
        order: in which n is flattened; it is folded in the other one.
    """

    words: str
    hint: str
    order: str


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "the numerical gradient transposed and reshaped, n.T.reshape(N, C),",
        "reshape does not exchange rows and classes: where dS is C x N, return dS.T",
        "F",
    ),
    Layout(
        'the numerical gradient flattened by rows and folded by columns, n.ravel().reshape((N, C), order="F"),',
        'order="F" on one of the two ways alone exchanges entries: leave it out, or have it on both',
        "C",
    ),
)
