"""What is shrunk, and the one order of simplicity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

#: What a score of no simple kind counts, beside its digits.
_ODD = 4.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """Scores and labels at which a loss may fail.

    Attributes:
        S: N x C float64, of values that the dtype which the loss is given can hold.
        y: its labels.
    """

    S: FloatArray
    y: npt.NDArray[Any]

    @property
    def size(self) -> tuple[int, int]:
        """N and C."""
        rows, classes = self.S.shape
        return int(rows), int(classes)


def simplicity(candidate: Candidate) -> tuple[float, ...]:
    """What is simpler sorts first: fewer rows, then fewer classes, then labels 0, then scores that are simple.

    Example:
        >>> zeros, halves = (Candidate(np.full((1, 2), score), np.array([0])) for score in (0.0, 0.5))
        >>> simplicity(zeros) < simplicity(halves)
        True
    """
    labels = np.abs(candidate.y).sum() if candidate.y.dtype.kind in "iuf" else 0.0
    return *candidate.size, float(labels), sum(map(_oddness, candidate.S.ravel().tolist()))


def _oddness(score: float) -> float:
    """0 for zero, then small integers, then halves, then by the number of digits it takes to write."""
    size = abs(score)
    if size <= 9 and (2 * size).is_integer():
        return (size + (score < 0) / 2 + 1) / 10 + (0 if size.is_integer() else 2) if size else 0.0
    return _ODD + len(repr(score)) / 10
