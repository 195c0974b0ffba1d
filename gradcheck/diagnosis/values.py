"""Which known loss is it whose value the user's loss returns? Asked at every observed problem together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.known import Known, rows_of
from gradcheck.numerics.noise import effective_eps
from gradcheck.report import FloatArray

Reduction = Literal["mean", "sum"]

#: Values that are alike to this part are one: no two losses of different formulas are, problem after problem.
_ALIKE = 1e-9
#: And of a loss that is said to be another: a part of it may have been computed in float32.
ROUGHLY_ALIKE = 1e-6
#: What sums of a row's terms lose, in units of the precision they were computed in.
_UNITS = 16.0
#: Problems at which a known loss is looked at before all others.
_FIRST = 3
#: A constant can be told from values that differ by so many times what they are uncertain by.
_TELLING = 100.0


@dataclass(frozen=True)
class ValueMatch:
    """What the value is.

    Attributes:
        known: the loss.
        reduction: how its rows are brought to one value.
        sign: 1 or -1 times that.
        offset: a constant on top; of a sum, on top of each row's.
    """

    known: Known
    reduction: Reduction = "mean"
    sign: int = 1
    offset: float = 0.0

    @property
    def is_exact(self) -> bool:
        """It is the mean of the loss's rows, and nothing else."""
        return self == ValueMatch(self.known)

    def in_words(self) -> str:
        """Whose value it is, for example ``softmax's`` or ``mean(-p_y)``."""
        if self.known.name:
            words = f"{'minus ' if self.sign < 0 else ''}{self.known.name}'s"
            words += " summed over the rows" if self.reduction == "sum" else ""
            each = " in each row" if self.reduction == "sum" else ""
            return (
                f"{words} {'plus' if self.offset > 0 else 'minus'} {abs(self.offset):.6g}{each}"
                if self.offset
                else words
            )
        body = self.known.formula
        negative = body.startswith("-")
        formula = f"{self.reduction}({body.removeprefix('-')})"
        sign = "-" if negative == (self.sign > 0) else ""
        return f"{self.offset:.6g} {sign or '+'} {formula}" if self.offset else f"{sign}{formula}"


class Values:
    """The user's values at every observed problem, and how far they may be from a known loss's.

    Attributes:
        observations: the problems.
        own: the user's value at each; the mean of each row's own, where the loss returned those.
    """

    def __init__(self, observations: Sequence[Case], alike: float = _ALIKE) -> None:
        """
        Args:
            observations: one at least.
            alike: values that differ by this part of them are the same.
        """
        self.observations, self._alike = observations, alike
        self._rows = np.array([seen.rows for seen in observations])
        given = np.array([seen.value for seen in observations])
        # Whoever returns each row's own value has left the reduction to others: the mean, as ever.
        self.own = np.where([seen.by_rows for seen in observations], given / self._rows, given)

    def predicted(self, known: Known, reduction: Reduction) -> FloatArray | None:
        """A known loss's value at each problem; None where it has none at one of them."""
        sums = self._sums(known, len(self.own))
        return None if sums is None else sums * self.weight(reduction)

    def weight(self, reduction: Reduction) -> FloatArray:
        """What a row's value counts in the whole, at each problem."""
        return 1 / self._rows if reduction == "mean" else np.ones(len(self._rows))

    def room(self, predicted: FloatArray, reduction: Reduction = "mean") -> FloatArray:
        """How far the user's values may lie from others by rounding, at each problem."""
        size = np.abs(self.own) + np.abs(predicted) + self.weight(reduction) * self._sizes
        return np.asarray(self._alike * np.abs(predicted) + _UNITS * self._eps * size)

    def are(self, predicted: FloatArray, reduction: Reduction = "mean") -> bool:
        """Whether the user's values are these, and say something: not all of them are 0."""
        room = self.room(predicted, reduction)
        return bool(np.all(np.abs(self.own - predicted) <= room) and np.any(np.abs(predicted) > _TELLING * room))

    def match(self, known: Known) -> ValueMatch | None:
        """How the user's values follow from a known loss; the mean, the simplest, where several ways are possible."""
        if not self._may_match(known):
            return None
        sums = self._sums(known, len(self.own))
        if sums is None:
            return None
        for reduction in self._reductions:
            predicted = sums * self.weight(reduction)
            for sign in (1, -1):
                if self.are(sign * predicted, reduction):
                    return ValueMatch(known, reduction, sign)
            for sign in (1, -1):
                offset = self._offset(sign * predicted, reduction)
                if offset is not None:
                    return ValueMatch(known, reduction, sign, offset)
        return None

    def _may_match(self, known: Known) -> bool:
        """Whether a constant is all that lies between them at the first problems: most known losses end here."""
        sums = self._sums(known, _FIRST)
        if sums is None:
            return False
        first = Values(self.observations[:_FIRST], self._alike) if len(self.own) > _FIRST else self
        for reduction, sign in product(first._reductions, (1, -1)):
            predicted = sign * sums * first.weight(reduction)
            per_row = first._per_row(reduction)
            room = np.max(first.room(predicted, reduction) * per_row)
            if np.ptp((first.own - predicted) * per_row) <= 2 * room:
                return True
        return False

    def _sums(self, known: Known, count: int) -> FloatArray | None:
        """The sum of a known loss's rows at the first problems; None where it has none at one of them."""
        sums = []
        for seen in self.observations[:count]:
            rows = rows_of(known, seen)
            if rows is None:
                return None
            sums.append(float(rows.L.sum()))
        return np.array(sums)

    def _per_row(self, reduction: Reduction) -> FloatArray:
        """What an offset counts in the value, turned over: 1 of a mean, 1/N of a sum."""
        return np.asarray(1 / (self._rows * self.weight(reduction)))

    @property
    def _reductions(self) -> tuple[Reduction, ...]:
        return ("mean", "sum") if np.any(self._rows > 1) else ("mean",)

    def _offset(self, predicted: FloatArray, reduction: Reduction) -> float | None:
        """The one constant that is on top of others at every problem, and that can be told from chance."""
        per_row = self._per_row(reduction)
        room = self.room(predicted, reduction)
        apart = (self.own - predicted) * per_row
        offset = float(np.median(apart))
        widest = float(np.max(room * per_row))
        if len(predicted) == 1:  # no two values to tell a constant by; but 1 is no chance
            return 1.0 if abs(offset - 1) <= widest < 1 / _TELLING and abs(predicted[0]) > _TELLING * widest else None
        if min(abs(offset), float(np.ptp(predicted * per_row))) <= _TELLING * widest:
            return None
        if not np.all(np.abs(apart - offset) <= room * per_row):
            return None
        rounded = round(offset)
        return float(rounded) if abs(offset - rounded) <= widest and rounded else offset

    @cached_property
    def _eps(self) -> float:
        """Of the precision that values were computed in: that of dS, where this shows more."""
        some = np.concatenate([seen.analytic.ravel()[:256] for seen in self.observations])
        eps = float(np.finfo(np.float64).eps)
        return max(effective_eps(self.own, eps), effective_eps(some, eps))

    @cached_property
    def _sizes(self) -> FloatArray:
        """What the numbers of each problem may amount to before they cancel."""
        return np.array([seen.classes * np.sum(1 + np.max(np.abs(seen.S), axis=1)) for seen in self.observations])


def told_apart(own: float, other: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ.

    Example:
        >>> told_apart(0.25, 0.5), told_apart(3.28772, 3.287720004)
        (('0.25', '0.5'), ('3.28772', '3.287720004'))
    """
    for digits in (6, 10, 14):
        words = f"{own:.{digits}g}", f"{other:.{digits}g}"
        if words[0] != words[1]:
            break
    return words
