"""How noisy is dS, entry by entry: from lines of gradients around S, worked out for those entries that need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.evaluation.asking import IndexArray
from gradcheck.numerics import noise
from gradcheck.report import FloatArray

#: A kink or jump on a line raises its level and nothing lowers it but chance; this is for the chance.
LEAST_OF_LINES = 2.0
#: Levels of like things on one line differ by chance, but hardly by more than this.
UNUSUAL = 8.0
#: Numbers of each gradient that tell in which precision dS was computed.
_TELLING = 256
#: Standard deviation that dS is always granted, in units of the precision it was computed in and of the largest
#: gradient of its row: what a difference of two such numbers, p - 1 say, leaves.
FLOOR = 2.0


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """Standard deviations of the noise of dS.

    Attributes:
        lines: of gradients around S, each of m that are N x C; none where the least is all that is known.
        least: N floats, the rounding that every entry of a row has at least.
        beyond: N x C, what else dS is granted; None for nothing.
    """

    lines: Sequence[Sequence[FloatArray]]
    least: FloatArray
    beyond: FloatArray | None = None

    def at_least(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """E floats that the noise of E entries is not below."""
        return self.least[rows] if self.beyond is None else np.maximum(self.least[rows], self.beyond[rows, columns])

    def of(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """The noise of E entries, E floats."""
        if not len(rows) or not self.lines:
            return self.at_least(rows, columns)
        which, place = np.unique(rows, return_inverse=True)
        series = np.array([[gradient[which] for gradient in points] for points in zip(*self.lines, strict=True)])
        levels = noise.noise_level(series)  # of each line
        measured = LEAST_OF_LINES * np.min(levels, axis=0)
        # Most errors of a row are of one size; the median, for a few may have met a jump on every line.
        middle = np.sort(measured, axis=1)[:, measured.shape[1] // 2, np.newaxis]
        if len(levels) == 1:  # an entry that met a jump on the only line is taken for one like the others
            measured = np.minimum(measured, UNUSUAL * middle)
        measured = np.maximum(measured, middle)
        return np.asarray(np.maximum(measured[place, columns], self.at_least(rows, columns)))


def gradient_noise(
    lines: Sequence[Sequence[FloatArray]], gradient_eps: float, gradient_scale: FloatArray
) -> GradientNoise:
    """The noise of dS, never below its rounding.

    Args:
        lines: of gradients around S, each of m that are N x C.
        gradient_eps: machine epsilon of the dtype that dS came in.
        gradient_scale: N floats, the largest derivative seen in each row.
    """
    some = np.concatenate([gradient.ravel()[:_TELLING] for line in lines for gradient in line])
    return GradientNoise(lines, FLOOR * noise.effective_eps(some, gradient_eps) * gradient_scale)
