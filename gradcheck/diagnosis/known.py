"""Is the value, or dS, that of a known loss: a built-in, or a variant with one mistake, such as softmax without log?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Literal

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.numbers import Law, count, factor_fit
from gradcheck.losses import BUILT_INS
from gradcheck.numerics.differences import EPS
from gradcheck.numerics.noise import effective_eps, median
from gradcheck.report import Array, FloatArray, IntArray
from gradcheck.sampling import classes_of

#: Values are equal if they differ by less than this part: no two known losses come so near at all problems.
_VALUE_RTOL = 1e-9
#: Rounding of a value, in eps times the size of its terms, and of dS, in eps times the largest entry of its row.
_VALUE_UNITS, _GRADIENT_UNITS = 16.0, 64.0
#: A value is significantly different from 0 if it exceeds its rounding by this factor.
_SIGNIFICANT = 100.0
#: Gradients are compared at the user's rtol, but never at a wider one than this; so many entries must be significant.
_WIDEST_RTOL, _FEWEST_ENTRIES = 1e-6, 3


@dataclass(frozen=True)
class Known:
    """A built-in loss, or a variant of it."""

    built_in: str
    formula: str  #: L of one row, in one line
    function: Callable[[FloatArray, IntArray], tuple[FloatArray, Any]]  #: (S, y) to (L, dL), of N and of N x C floats
    mistake: str = ""  #: what turns the built-in into this variant; empty for the built-in itself

    def at(self, S: FloatArray, y: Array) -> tuple[FloatArray, FloatArray] | None:
        """N values and N x C derivatives; None for labels that the loss does not take, or if one is not finite."""
        labels = classes_of(y, S.shape)
        if labels is None and self.mistake:
            return None
        try:
            with np.errstate(all="ignore"):
                L, dL = self.function(S, y if labels is None else labels)
        except (ValueError, TypeError):
            return None
        return (L, dL) if np.isfinite(L).all() and np.isfinite(dL).all() else None


def labels_of(seen: Case) -> IntArray | None:
    """The class of each row of a problem, as ``classes_of``."""
    return classes_of(seen.y, seen.S.shape)


def built_in(name: str) -> Known:
    """A built-in loss by its name, of any kind of labels."""
    return Known(name, BUILT_INS[name].formula, partial(BUILT_INS[name].function, reduction="none"))


@cache
def known_losses() -> tuple[Known, ...]:
    """The built-in losses (but two that equal others with classes), in the order of `list`, and variants."""
    names = [name for name in BUILT_INS if name not in ("soft-cross-entropy", "binary-cross-entropy")]
    return (*map(built_in, names), *VARIANTS)


#: L and dL of a variant from those of the built-in, scores S and one-hot labels t, N x C each.
_Change = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def _variant(name: str, formula: str, mistake: str, change: _Change) -> Known:
    def function(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        return change(*built_in(name).function(S, y), S, np.eye(S.shape[1])[y])

    return Known(name, formula, function, mistake)


VARIANTS = (
    _variant("softmax", "-p_y", "the log is missing",
             lambda L, dL, S, t: (-np.exp(-L), np.exp(-L)[:, np.newaxis] * dL)),
    _variant("softmax", "log(sum_m e^{s_m})", "-s_y is missing",
             lambda L, dL, S, t: (L + (S * t).sum(axis=1), dL + t)),
    _variant("svm", "sum_{m!=y} (s_m - s_y + 1)", "max(0, .) is missing",
             lambda L, dL, S, t: ((S - (S * t).sum(axis=1, keepdims=True) + 1 - t).sum(axis=1), 1 - t.shape[1] * t)),
    _variant("svm", "sum_{m!=y} max(0, s_m - s_y)", "the 1 of the margin s_m - s_y + 1 is missing",
             lambda L, dL, S, t: built_in("svm").function(S + t, t.argmax(axis=1))),
)  # fmt: skip


@dataclass(frozen=True)
class ValueMatch:
    """The value is sign times the mean or sum of a known loss's rows, plus a constant; of a sum, one in each row."""

    known: Known
    reduction: Literal["mean", "sum"] = "mean"
    sign: int = 1
    offset: float = 0.0

    def value_of(self, L: FloatArray) -> float:
        """The value, given the losses of N rows."""
        mean = self.sign * float(L.mean()) + self.offset
        return mean if self.reduction == "mean" else len(L) * mean

    def in_words(self) -> str:
        """The value, for example ``minus svm's summed over the rows`` or ``the mean of -p_y plus 1``."""
        words = f"{self.known.built_in}'s{' summed over the rows' if self.reduction == 'sum' else ''}"
        words = f"the {self.reduction} of {self.known.formula}" if self.known.mistake else words
        return f"{'minus ' if self.sign < 0 else ''}{words}{self.offset_in_words()}"

    def offset_in_words(self) -> str:
        each = " in each row" if self.reduction == "sum" else ""
        return f" {'plus' if self.offset > 0 else 'minus'} {abs(self.offset):.6g}{each}" if self.offset else ""


class Values:
    """The user's values at all K problems, those of rows as their mean; equal to others that differ by ``rtol``."""

    def __init__(self, observations: Sequence[Case], rtol: float = _VALUE_RTOL) -> None:
        self._observations, self._rtol = observations, rtol
        self.rows = np.array([seen.rows for seen in observations])
        self.own = np.array([seen.value / (seen.rows if seen.by_rows else 1) for seen in observations])
        # The precision in which the loss computes, and the size of the terms that a row's loss consists of.
        some = [seen.analytic.ravel()[:256] for seen in observations]
        self._eps = max(effective_eps(each, EPS) for each in (self.own, np.concatenate([*some, self.own[:0]])))
        self._sizes = np.array([seen.classes * np.mean(1 + np.max(np.abs(seen.S), axis=1)) for seen in observations])

    def means(self, known: Known) -> FloatArray | None:
        """The means over the rows of a known loss, K floats; None if it cannot be evaluated at all problems."""
        answers = [known.at(seen.S, seen.y) for seen in self._observations]
        found = [float(np.mean(answer[0])) for answer in answers if answer is not None]
        return np.array(found) if len(found) == len(answers) else None

    def tolerance(self, predicted: FloatArray, own: FloatArray) -> FloatArray:
        """K floats: how far the user's values may be from the predicted ones by rounding."""
        size = np.abs(own) + np.abs(predicted) + self._sizes
        return np.asarray(self._rtol * np.abs(predicted) + _VALUE_UNITS * self._eps * size)

    def multiple(self, means: FloatArray) -> float | None:
        """The factor from the means of a known loss to all values; None if there is none."""
        factor = float(np.dot(self.own, means) / max(np.dot(means, means), 1e-300))
        return factor if len(means) > 1 and self._are(factor * means, self.own) else None

    def match(self, known: Known) -> ValueMatch | None:
        """How the values follow from a known loss, the mean before the sum; None if they do not."""
        means = self.means(known)
        if means is None:
            return None
        for reduction, own in (("mean", self.own), ("sum", self.own / self.rows)):
            for sign in (1, -1):
                offset = 0.0 if self._are(sign * means, own) else self._offset(sign * means, own)
                if offset is not None:
                    return ValueMatch(known, reduction, sign, offset)  # type: ignore[arg-type]
        return None

    def _are(self, predicted: FloatArray, own: FloatArray) -> bool:
        """Whether the user's values equal the predicted ones, K floats, and not all of these are 0."""
        tolerance = self.tolerance(predicted, own)
        is_significant = np.any(np.abs(predicted) > _SIGNIFICANT * tolerance)
        return bool(is_significant and np.all(np.abs(own - predicted) <= tolerance))

    def _offset(self, predicted: FloatArray, own: FloatArray) -> float | None:
        """The constant by which all values exceed the predicted ones; None if there is none, or one value alone."""
        if len(own) < 2:
            return None
        tolerance, offset = self.tolerance(predicted, own), float(median(own - predicted))
        widest = float(np.max(tolerance))
        is_significant = min(abs(offset), float(np.ptp(predicted))) > _SIGNIFICANT * widest
        if not is_significant or np.any(np.abs(own - predicted - offset) > tolerance):
            return None
        return float(round(offset)) if abs(offset - round(offset)) <= widest else offset


def recognised(evidence: Evidence) -> Iterator[ValueMatch]:
    """The built-ins whose value it is at all problems, up to sign, sum or mean, and a constant."""
    values = Values(evidence.observations)
    return filter(None, (values.match(known) for known in known_losses() if not known.mistake))


@dataclass(frozen=True)
class GradientMatch:
    """dS is a multiple of the gradient of a known loss's mean: ``softmax's gradient times 2 in all 15 entries``."""

    known: Known
    law: Law
    words: str
    entries: int


def gradient_match(evidence: Evidence, known: Known) -> GradientMatch | None:
    """How dS follows from a known loss's gradient; None if an entry differs, few are significant, or no wrong one."""
    compared = []
    for seen in evidence.observations:
        answer = known.at(seen.S, seen.y)
        if answer is None:
            return None
        n = answer[1] if seen.by_rows else answer[1] / seen.rows
        largest = np.maximum(np.abs(n), np.abs(seen.analytic)).max(axis=1, keepdims=True)
        bounds = np.broadcast_to(_GRADIENT_UNITS * EPS * largest, n.shape)
        compared.append(replace(seen, numerical=n, bounds=bounds, verdicts=np.zeros_like(seen.verdicts)))
    rtol = min(evidence.rtol, _WIDEST_RTOL)
    fit = factor_fit(replace(evidence, observations=tuple(compared), rtol=rtol))
    if fit is None or fit.law.k == 0 or count(fit.significant) < _FEWEST_ENTRIES:
        return None
    if not any(np.any(seen.wrong & each.known) for seen, each in zip(evidence.observations, compared, strict=True)):
        return None
    whose, law = f"the gradient of {known.formula}" if known.mistake else f"{known.built_in}'s gradient", fit.law
    if law.rows == 1:
        whose, law = f"{whose} summed over the rows", replace(law, rows=0)
    times = "" if law.is_one else f" times {law}"
    return GradientMatch(known, fit.law, f"{whose}{times} in all {fit.entries} entries", fit.entries)
