"""What every plan offers: the loss along the axes of its score matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Probes:
    """What a plan saw of E entries, each moved by itself.

    Attributes:
        moved: distances really moved, E floats, signed: the nearest that rounding allowed.
        values: the loss's values there, E floats.
        derivatives: the analytic derivative by the moved entry there, E floats.
    """

    moved: FloatArray
    values: FloatArray
    derivatives: FloatArray


class Plan(Protocol):
    """Values of the loss at scores that differ from S in one entry."""

    name: str

    def along(self, rows: IndexArray, columns: IndexArray, offsets: FloatArray) -> Probes:
        """Move entry (rows[e], columns[e]) of S, alone, by offsets[e], for each e of E."""
        ...

    def at(self, scores: FloatArray) -> Plan:
        """The same plan around other scores (N x C float64)."""
        ...
