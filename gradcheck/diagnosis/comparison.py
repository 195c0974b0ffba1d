"""Is the value, or dS, that of a known loss? All problems are compared together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.known import Known
from gradcheck.diagnosis.numbers import number_in_words
from gradcheck.numerics.noise import effective_eps
from gradcheck.report import FloatArray

_EPS = float(np.finfo(np.float64).eps)
#: Values are equal if they differ by less than this part: no two known losses come so near at all problems.
_VALUE_RTOL = 1e-9
#: Rounding of a value, in eps times the size of its terms, and of dS, in eps times the largest entry of its row.
_VALUE_UNITS, _GRADIENT_UNITS = 16.0, 64.0
#: A value, or an entry of dS, is significantly different from 0 if it exceeds its rounding by this factor.
_SIGNIFICANT_VALUE, _SIGNIFICANT_ENTRY = 100.0, 10.0
#: Gradients are compared at the user's rtol, but never at a wider one than this; so many entries must be significant.
_WIDEST_RTOL, _FEWEST_ENTRIES = 1e-6, 3
#: A known gradient jumps if it changes by this part of its largest entry at this distance from S.
_JUMP, _NEAR = 1e-3, 1e-7


@dataclass(frozen=True)
class ValueMatch:
    """How a value follows from a known loss: sign times the mean or sum of its rows, plus a constant.

    Attributes:
        known: the loss.
        reduction: of its rows.
        sign: 1 or -1.
        offset: the constant; of a sum, one for each row.
    """

    known: Known
    reduction: Literal["mean", "sum"] = "mean"
    sign: int = 1
    offset: float = 0.0

    def value_of(self, L: FloatArray) -> float:
        """The value, given the losses of N rows."""
        mean = self.sign * float(L.mean()) + self.offset
        return mean if self.reduction == "mean" else len(L) * mean

    def in_words(self) -> str:
        """The value, for example ``softmax's``, ``minus svm's summed over the rows`` or ``the mean of -p_y plus 1``."""
        words = f"{self.known.name}'s{' summed over the rows' if self.reduction == 'sum' else ''}"
        words = words if self.known.name else f"the {self.reduction} of {self.known.formula}"
        return f"{'minus ' if self.sign < 0 else ''}{words}{self.offset_in_words()}"

    def offset_in_words(self) -> str:
        """For example `` plus 1 in each row``; empty for no constant."""
        each = " in each row" if self.reduction == "sum" else ""
        return f" {'plus' if self.offset > 0 else 'minus'} {abs(self.offset):.6g}{each}" if self.offset else ""


class Values:
    """The values of the user's loss at all problems, to be compared with those of known losses.

    Attributes:
        observations: the K problems, at least one.
        own: K floats, the user's value at each; the mean over the rows if the loss returned one value a row.
        rows: K ints, N of each.
    """

    def __init__(self, observations: Sequence[Case], rtol: float = _VALUE_RTOL) -> None:
        """Values that differ by less than ``rtol`` times their size are equal."""
        self.observations, self._rtol = observations, rtol
        self.rows = np.array([seen.rows for seen in observations])
        given = np.array([seen.value for seen in observations])
        self.own = np.where([seen.by_rows for seen in observations], given / self.rows, given)

    def means(self, known: Known) -> FloatArray | None:
        """The means over the rows of a known loss, K floats; None if it cannot be evaluated at all problems."""
        answers = [known.at(seen.S, seen.y) for seen in self.observations]
        found = [float(np.mean(answer[0])) for answer in answers if answer is not None]
        return np.array(found) if len(found) == len(answers) else None

    def are(self, predicted: FloatArray, own: FloatArray | None = None) -> bool:
        """Whether the user's values equal the predicted ones, K floats, and not all of these are 0."""
        own = self.own if own is None else own
        tolerance = self.tolerance(predicted, own)
        significant = np.any(np.abs(predicted) > _SIGNIFICANT_VALUE * tolerance)
        return bool(significant and np.all(np.abs(own - predicted) <= tolerance))

    def tolerance(self, predicted: FloatArray, own: FloatArray) -> FloatArray:
        """K floats: how far the user's values may be from the predicted ones by rounding."""
        size = np.abs(own) + np.abs(predicted) + self._sizes
        return np.asarray(self._rtol * np.abs(predicted) + _VALUE_UNITS * self._eps * size)

    def multiple(self, means: FloatArray) -> float | None:
        """The factor from the means of a known loss to all values; None if there is none."""
        factor = float(np.dot(self.own, means) / max(np.dot(means, means), 1e-300))
        return factor if len(means) > 1 and self.are(factor * means) else None

    def match(self, known: Known) -> ValueMatch | None:
        """How the values follow from a known loss, the mean before the sum; None if they do not."""
        means = self.means(known)
        if means is None:
            return None
        own_means = {"mean": self.own, "sum": self.own / self.rows} if np.any(self.rows > 1) else {"mean": self.own}
        for reduction, own in own_means.items():
            for sign in (1, -1):
                offset = 0.0 if self.are(sign * means, own) else self._offset(sign * means, own)
                if offset is not None:
                    return ValueMatch(known, reduction, sign, offset)  # type: ignore[arg-type]
        return None

    def _offset(self, predicted: FloatArray, own: FloatArray) -> float | None:
        """The constant by which all values exceed the predicted ones; None if there is none."""
        tolerance, offset = self.tolerance(predicted, own), float(np.median(own - predicted))
        widest = float(np.max(tolerance))
        is_significant = min(abs(offset), float(np.ptp(predicted))) > _SIGNIFICANT_VALUE * widest
        if not is_significant or np.any(np.abs(own - predicted - offset) > tolerance):
            return None
        return float(round(offset)) if abs(offset - round(offset)) <= widest else offset

    @cached_property
    def _eps(self) -> float:
        """Of the precision in which the loss computes, as its values and dS show it."""
        some = np.concatenate([seen.analytic.ravel()[:256] for seen in self.observations])
        return max(effective_eps(self.own, _EPS), effective_eps(some, _EPS))

    @cached_property
    def _sizes(self) -> FloatArray:
        """The size of the terms that a row's loss consists of, at each problem."""
        return np.array([seen.classes * np.mean(1 + np.max(np.abs(seen.S), axis=1)) for seen in self.observations])


@dataclass(frozen=True)
class GradientMatch:
    """dS is a multiple of the gradient of the mean, or the sum, over the rows of a known loss.

    Attributes:
        known: the loss.
        factor: of its gradient.
        words: for example ``softmax's gradient times 2 in all 15 entries``; entries at its kinks were not compared.
    """

    known: Known
    factor: float
    words: str


def gradient_match(evidence: Evidence, known: Known) -> GradientMatch | None:
    """How dS follows from the gradient of a known loss.

    Args:
        evidence: of a loss with a wrong entry.
        known: the loss that dS is compared with.

    Returns:
        None if one entry differs, if fewer than three are significant, or if no wrong entry was compared.
    """
    parts = [_compared(seen, known) for seen in evidence.observations]
    if any(part is None for part in parts):
        return None
    own, mean, slack, N, wrong = (np.concatenate(each) for each in zip(*filter(None, parts), strict=True))
    if np.count_nonzero(np.abs(own) > _SIGNIFICANT_ENTRY * slack) < _FEWEST_ENTRIES or not wrong.any():
        return None
    rtol = min(evidence.rtol, _WIDEST_RTOL)
    weights = 1 / (slack + _WIDEST_RTOL * np.abs(own) + 1e-150)
    for its, reduced in ((mean, ""), (N * mean, " summed over the rows")) if np.ptp(N) else ((mean, ""),):
        fitted = float(np.sum(weights**2 * own * its)) / max(float(np.sum((weights * its) ** 2)), 1e-300)
        # A row alone has the direction of another loss's gradient too easily: then the factor must be 1.
        for factor in (1.0, fitted) if np.max(N) > 1 else (1.0,):
            tolerance = slack + rtol * np.maximum(np.abs(own), np.abs(factor * its))
            if np.all(np.abs(own - factor * its) <= tolerance):
                whose = f"{known.name}'s gradient" if known.name else f"the gradient of {known.formula}"
                times = "" if factor == 1 else f" times {number_in_words(factor, 10 * rtol * abs(factor))}"
                return GradientMatch(known, factor, f"{whose}{reduced}{times} in all {len(own)} entries")
    return None


def _compared(seen: Case, known: Known) -> tuple[npt.NDArray[Any], ...] | None:
    """At one problem: dS, a known gradient, the rounding of their difference, N, and whether dS is wrong, one number
    for each entry that is no kink of the known loss. None if that cannot be evaluated."""
    answer = known.at(seen.S, seen.y)
    if answer is None:
        return None
    dL, weight, rng = answer[1], 1 / seen.rows, np.random.default_rng(0)
    smooth = np.ones(seen.S.shape, dtype=bool)
    for _ in range(2):
        step = _NEAR * (1 + np.abs(seen.S)) * rng.normal(size=seen.S.shape)
        for near in (known.at(seen.S + step, seen.y), known.at(seen.S - step, seen.y)):
            smooth &= near is None or np.abs(near[1] - dL) <= _JUMP * np.max(np.abs(dL))
    own, granted = (weight * each if seen.by_rows else each for each in (seen.analytic, seen.granted))
    slack = granted + _GRADIENT_UNITS * _EPS * np.max(np.abs([own, weight * dL]), axis=(0, 2))[:, np.newaxis]
    N = np.full(own.shape, float(seen.rows))
    return tuple(each[smooth] for each in (own, weight * dL, slack, N, seen.wrong))


def distinct(one: float, other: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart.

    Example:
        >>> distinct(0.25, 0.5), distinct(3.28772, 3.287720004)
        (('0.25', '0.5'), ('3.28772', '3.287720004'))
    """
    pairs = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in (6, 10, 17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (str(one), str(other)))
