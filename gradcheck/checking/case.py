"""One judged problem as the findings look at it: scores, labels, value, dS beside the numerical gradient, bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.numerics.verdicts import SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.report import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: More of the scores than this part being multiples of an eighth is no chance.
_ROUND = 0.5


@dataclass(frozen=True, eq=False)
class Case:
    """What was seen of a loss at one problem.

    Attributes:
        S: N x C float64.
        y: N ints; or, for other kinds of labels, N x C floats.
        seed, scores: where the problem comes from, as in the report.
        value: the loss's value at S.
        analytic: N x C, dS.
        numerical: N x C, the estimates that verdicts were given on.
        bounds: N x C, bounds on the errors of ``numerical``; infinite where there is none.
        granted: N x C, bounds on the rounding of dS itself, and the user's ``atol``.
        verdicts: N x C int8, indices into ``report.VERDICTS``.
        kinked: N x C, where left and right derivatives differ, or kinks meet: ``numerical`` is one of many there.
        leaps: N x C, by how much the value at S lies below its neighbourhood along an axis, on both sides; else 0.
        whole_numbers: dS came as an array of integers.
        by_rows: the loss returned each row's own value: ``value`` is their sum, and dS has the derivatives of each.
        row_weight: weight of a row's own value in the batch's, where that is neither 1/N nor 1; else None.
        judged: entries were judged by themselves; else the value and dS are all that is known.
    """

    S: FloatArray
    y: npt.NDArray[Any]
    seed: int
    scores: str
    value: float
    analytic: FloatArray
    numerical: FloatArray
    bounds: FloatArray
    granted: FloatArray
    verdicts: npt.NDArray[np.int8]
    kinked: BoolArray
    leaps: FloatArray
    whole_numbers: bool = False
    by_rows: bool = False
    row_weight: float | None = None
    judged: bool = True

    @property
    def rows(self) -> int:
        """N."""
        return len(self.S)

    @property
    def classes(self) -> int:
        """C."""
        return int(self.S.shape[1])

    @cached_property
    def wrong(self) -> BoolArray:
        """N x C, entries judged wrong."""
        return np.asarray(self.verdicts == WRONG)

    @property
    def is_wrong(self) -> bool:
        """Some entry is."""
        return bool(self.wrong.any())

    @cached_property
    def is_round(self) -> bool:
        """Most scores are multiples of an eighth: then ties, kinks and values that agree by chance are likely."""
        return bool(np.mean(np.round(8 * self.S) == 8 * self.S) > _ROUND)

    @cached_property
    def known(self) -> BoolArray:
        """N x C, entries whose derivative is known: no kink, and resolved."""
        undecided = (self.verdicts == UNRESOLVED) | (self.verdicts == SUBGRADIENT) | self.kinked
        return np.asarray(~undecided & np.isfinite(self.bounds))

    @cached_property
    def at_label(self) -> BoolArray | None:
        """N x C, 1{j=y}; None where the labels are not classes."""
        if self.y.ndim != 1 or self.y.dtype.kind not in "iu":
            return None
        return np.asarray(np.arange(self.classes) == self.y[:, np.newaxis])
