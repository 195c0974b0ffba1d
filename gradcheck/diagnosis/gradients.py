"""Which known loss is it whose gradient the user's loss returns as dS? Asked at every observed problem together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.fractions_ import number_in_words
from gradcheck.diagnosis.known import Known, kinks_of, rows_of
from gradcheck.report import FloatArray

#: dS that is computed in another order than the known gradient differs by so many units of its row's largest entry.
_UNITS = 64.0
#: Nothing is called the same by a tolerance of the user's that is wider than this.
_WIDEST = 1e-6
#: An entry says something where it is so many times what it is uncertain by.
_TELLING = 10.0
#: More of these than there is to choose from: a loss, and a scale.
_FEWEST = 3


@dataclass(frozen=True)
class Scale:
    """What dS is times the gradient of the mean over the rows.

    Attributes:
        words: after the name of a gradient, for example ``, times N``; empty for 1.
        of: N and C to the factor.
    """

    words: str
    of: Callable[[int, int], float]

    @property
    def is_sum(self) -> bool:
        """dS is the gradient of the sum over the rows."""
        return self.of(7, 5) == 7


_SCALES = tuple(
    Scale(f"{minus}{words}", lambda N, C, sign=sign, of=of: sign * of(N, C))  # type: ignore[misc]
    for sign, minus in ((1, ""), (-1, ", times -1"))
    for words, of in (
        ("", lambda N, C: 1.0),
        (", times N (it is not divided by N)", lambda N, C: float(N)),
        (", over N (it is divided by N twice)", lambda N, C: 1.0 / N),
        (", over C (it is divided by the number of entries)", lambda N, C: 1.0 / C),
    )
)


@dataclass(frozen=True)
class GradientMatch:
    """What dS is.

    Attributes:
        known: the loss whose gradient it is.
        scale: how the two are scaled.
        is_free: the scale is a constant that was measured; or may be one, for N was the same throughout.
        entries: how many of them were compared; the others are at kinks of the known loss.
    """

    known: Known
    scale: Scale
    is_free: bool
    entries: int

    def in_words(self, summed: bool = False) -> str:
        """Whose gradient it is, and where, for example ``softmax's gradient in all 15 entries``.

        Args:
            summed: the value is a sum over the rows as well, and no mean.
        """
        name = self.known.name
        whose = f"{name}'s gradient" if name else f"the gradient of {self.known.formula}"
        scale = ", summed over the rows," if summed and self.scale.is_sum else self.scale.words
        return f"{whose}{scale} in all {self.entries} entries"


@dataclass(frozen=True, eq=False)
class _Beside:
    """dS beside a known gradient at one problem, without the entries at the latter's kinks.

    Attributes:
        seen: the problem.
        own: N x C, dS; of rows that stand by themselves, of their mean.
        known: N x C, the gradient of the mean.
        counted: N x C, where they are compared.
        slack: N x C, what rounding and tolerance leave between them, whatever the scale.
        rtol: and that beside their size.
    """

    seen: Case
    own: FloatArray
    known: FloatArray
    counted: BoolArray
    slack: FloatArray
    rtol: float

    def is_scaled(self, factor: float) -> bool:
        """dS is so many times the known gradient."""
        there = factor * self.known
        size = np.maximum(np.abs(self.own), np.abs(there))
        same = np.abs(self.own - there) <= self.slack + self.rtol * size
        return bool(np.all(same | ~self.counted))

    @property
    def factor(self) -> float:
        """The one that suits best; 0 where the known gradient is 0."""
        own, known = self.own[self.counted], self.known[self.counted]
        square = float(known @ known)
        return float(own @ known) / square if square > 0 else 0.0

    @property
    def telling(self) -> BoolArray:
        """N x C, entries of dS that are not 0 by rounding."""
        return np.asarray(self.counted & (np.abs(self.own) > _TELLING * self.slack))


def gradient_match(evidence: Evidence, known: Known) -> GradientMatch | None:
    """How dS follows from the gradient of a known loss.

    Args:
        evidence: some of it wrong.
        known: the loss.

    Returns:
        None where it does not, in every entry of every problem, or where too few entries say so: a wrong one must be
        among them, and for a factor that is no law of N and C, more than one row.
    """
    beside = []
    for each in _beside(evidence, known):
        if each is None or not each.is_scaled(each.factor):
            return None
        beside.append(each)
    telling = [each.telling for each in beside]
    if sum(int(each.sum()) for each in telling) < _FEWEST:
        return None
    if not any(np.any(each.seen.wrong & each.counted) for each in beside):
        return None
    entries = sum(int(each.counted.sum()) for each in beside)
    for scale in _SCALES:
        if all(each.is_scaled(scale.of(each.seen.rows, each.seen.classes)) for each in beside):
            return GradientMatch(known, *_seen_at_one_N(scale, beside), entries)
    if sum(int(said.any(axis=1).sum()) for said in telling) < 2:
        return None
    factor = _common_factor(beside)
    if not all(each.is_scaled(factor) for each in beside):
        return None
    words = number_in_words(factor, 10 * evidence.rtol * abs(factor))
    return GradientMatch(known, Scale(f", times {words}", lambda N, C: factor), True, entries)


def _seen_at_one_N(scale: Scale, beside: Sequence[_Beside]) -> tuple[Scale, bool]:  # noqa: N802
    """A law of N, and whether it may be a constant: as which it is then told."""
    sizes = {each.seen.rows for each in beside}
    factor = scale.of(min(sizes), 1)
    if len(sizes) > 1 or abs(factor) == 1 or scale.of(1, 1) == scale.of(7, 1):
        return scale, False
    return replace(scale, words=f", times {number_in_words(factor)} (N = {min(sizes)} throughout)"), True


def _common_factor(beside: Sequence[_Beside]) -> float:
    """The factor that suits all problems best, each entry beside what it is uncertain by."""
    product = square = 0.0
    for each in beside:
        weights = np.where(each.counted, 1 / (each.slack + _WIDEST * np.abs(each.own) + 1e-150), 0.0)
        product += float(np.sum(weights**2 * each.own * each.known))
        square += float(np.sum(weights**2 * each.known**2))
    return product / square if square > 0 else 0.0


def _beside(evidence: Evidence, known: Known) -> Iterator[_Beside | None]:
    rtol = min(evidence.rtol, _WIDEST)
    for seen in evidence.observations:
        rows = rows_of(known, seen)
        if rows is None:
            yield None
            return
        weight = 1 / seen.rows
        own = weight * seen.analytic if seen.by_rows else seen.analytic
        granted = weight * seen.granted if seen.by_rows else seen.granted
        gradient = weight * rows.derivatives
        largest = np.max(np.maximum(np.abs(own), np.abs(gradient)), axis=1, keepdims=True)
        slack = granted + _UNITS * np.finfo(np.float64).eps * largest
        yield _Beside(seen, own, gradient, ~kinks_of(known, seen, rows), slack, rtol)
