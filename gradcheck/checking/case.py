"""One judged problem as the findings look at it: scores, labels, value, dS beside the numerical gradient, bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.layout import Arguments
from gradcheck.numerics.verdicts import SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.report import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: More of the scores than this part being multiples of an eighth is no chance.
_ROUND = 0.5


@dataclass(frozen=True, eq=False)
class Case:
    """What was seen of a loss at one problem."""

    S: FloatArray  # N x C float64
    y: Any  # N ints; or, for other kinds of labels, N x C floats; or the `Arguments` of a function of named inputs
    seed: int  # where the problem comes from, as in the report
    scores: str
    value: float  # the loss's value at S
    analytic: FloatArray  # N x C, dS
    numerical: FloatArray  # N x C, the estimates that verdicts were given on
    bounds: FloatArray  # N x C, bounds on the errors of ``numerical``; infinite where there is none
    granted: FloatArray  # N x C, bounds on the rounding of dS itself, and the user's ``atol``
    verdicts: npt.NDArray[np.int8]  # N x C int8, indices into ``report.VERDICTS``
    #: N x C, where left and right derivatives differ, or kinks meet: ``numerical`` is one of many there
    kinked: BoolArray
    #: N x C, by how much the value at S lies below its neighbourhood along an axis, on both sides; else 0
    leaps: FloatArray
    whole_numbers: bool = False  # dS came as an array of integers
    #: the loss returned each row's own value: ``value`` is their sum, and dS has the derivatives of each
    by_rows: bool = False
    #: weight of a row's own value in the batch's, where that is neither 1/N nor 1; else None
    row_weight: float | None = None
    x_eps: float = 0.0  # machine epsilon of the half precision that S is rounded to inside; 0 for none
    judged: bool = True  # entries were judged by themselves; else the value and dS are all that is known
    batch_size: int = 0  # N of a function of named inputs

    @property
    def rows(self) -> int:
        """N."""
        return self.batch_size or len(self.S)

    @property
    def classes(self) -> int:
        """C; 1 for a function of named inputs, which has none."""
        return 1 if isinstance(self.y, Arguments) else int(self.S.shape[1])

    @property
    def arguments(self) -> Arguments:
        """Of a function of named inputs."""
        assert isinstance(self.y, Arguments)
        return self.y

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
