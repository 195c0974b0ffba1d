"""What every plan offers: the loss along the axes of its score matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gradcheck.evaluation.asking import IndexArray as IndexArray
from gradcheck.functions.answer import Answer
from gradcheck.report import FloatArray


class Coupled(Exception):  # noqa: N818  (evidence, and no error of anybody's)
    """A plan that takes rows one by one has met evidence that the loss couples them; says which.

    Attributes:
        row_weight: where the value may be a sum over rows all the same, what one row, of those that were tried, counts
            in it beside its own value; None where that was not seen.
    """

    def __init__(self, evidence: str, row_weight: float | None = None) -> None:
        super().__init__(evidence)
        self.row_weight = row_weight


class Disagreeing(Coupled):
    """What a loss gives as each row's own value does not make up the batch's."""


@dataclass(frozen=True, eq=False)
class Probes:
    """What a plan saw of E entries, each moved by itself.

    Attributes:
        moved: distances really moved, E floats, signed: the nearest that rounding allowed.
        values: the loss's values there, E floats; or what the entry's row adds to them (see ``Plan.by_rows``).
        derivatives: the analytic derivative by the moved entry there, E floats.
    """

    moved: FloatArray
    values: FloatArray
    derivatives: FloatArray

    def only(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Probes:
        """What was seen of some of the entries."""
        return Probes(self.moved[which], self.values[which], self.derivatives[which])


def joined(some: Probes, which: IndexArray, others: Probes, rest: IndexArray) -> Probes:
    """What was seen of all of E entries, from some and the rest of them."""
    return Probes(*(_joined(a, which, b, rest) for a, b in zip(_fields(some), _fields(others), strict=True)))


def _fields(probes: Probes) -> tuple[FloatArray, ...]:
    return probes.moved, probes.values, probes.derivatives


def _joined(some: FloatArray, which: IndexArray, others: FloatArray, rest: IndexArray) -> FloatArray:
    together = np.empty(len(which) + len(rest))
    together[which], together[rest] = some, others
    return together


class Plan(Protocol):
    """Values of the loss at scores that differ from S in one entry.

    Attributes:
        name: as the report and ``--plan`` call it.
        by_rows: values are not the whole batch's, but what the entry's own row adds to it: they differ from it by a
            constant for each row, and carry less rounding.
    """

    name: str
    by_rows: bool

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """Move entry (rows[e], columns[e]) of S, alone, by offsets[e], for each e of E."""
        ...

    def here(self, rows: IndexArray, columns: IndexArray, at_scores: Answer) -> Probes:
        """The same E entries unmoved. ``at_scores`` is what the loss answered at S."""
        ...

    def imaginary(self, rows: IndexArray, columns: IndexArray, step: float) -> FloatArray:
        """Im(value) / step at S with entry e moved by i·step, for each e of E; NaN where it takes no complex scores."""
        ...

    def at(self, scores: FloatArray) -> Plan:
        """The same plan around other scores (N x C float64)."""
        ...


class RowPlan(Plan, Protocol):
    """A plan that knows each row's part of the value."""

    def guess(self, rows: IndexArray, columns: IndexArray, above: Probes, below: Probes, at_scores: Answer) -> Probes:
        """As ``here``, as far as it can be told without a call from probes on both sides of S."""
        ...

    def parts(self, rows: IndexArray, points: FloatArray) -> FloatArray:
        """What rows add to the value, R floats, where their scores are ``points``, R x C, instead of those of S."""
        ...


def along_imaginary_axis(value: Any, step: float) -> float:
    """Im(value) / step of what a loss returned for complex scores; NaN where it is no complex number."""
    if isinstance(value, complex) or (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "c"):
        return complex(value).imag / step
    return float("nan")
