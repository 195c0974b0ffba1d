"""What a single step tells of a derivative: cheaply, and so with more doubt than a check leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.numerics.differences import Stencil
from gradcheck.report import FloatArray

#: Steps: as fine as a precise loss allows, and coarse enough for one that is float32 inside.
_FINEST, _COARSEST = 2.0**-14, 2.0**-4
#: The step that the check itself takes for a precise loss.
_OF_THE_CHECK = 2.0**-9
#: Second differences of the values from this part of step and slope on may be a kink's, or the error of dS.
_BENT = 0.1


@dataclass(frozen=True)
class Sharpness:
    """How well the loss's derivatives can be told.

    Attributes:
        bound: on the error of a numerical derivative of a row's own value.
        scale: of derivatives of a row's own value.
        step: for differences.
    """

    bound: float
    scale: float
    step: float

    @staticmethod
    def of(bounds: FloatArray, slopes: FloatArray, rows: int) -> Sharpness:
        """As a check has told.

        Args:
            bounds, slopes: numerical derivatives and the bounds on their errors, of any shape.
            rows: of the batch that they are of.
        """
        finite = bounds[np.isfinite(bounds)]
        bound = float(np.median(finite)) if finite.size else 0.0
        scale = float(np.max(np.abs(slopes), initial=0.0)) or 1.0
        # The check's bound is of corrected differences, which err by O(h^4). Here dS may be wrong, and the correction
        # with it: so the step is one at which plain differences, which err by O(h^2), do best.
        taken = max((bound / scale) ** (1 / 4), _OF_THE_CHECK)
        step = float(np.clip((bound / scale * taken) ** (1 / 3), _FINEST, _COARSEST))
        return Sharpness(bound * rows * max(taken / step, 1.0), scale * rows, step)


@dataclass(frozen=True, eq=False)
class Told:
    """What a stencil tells of E derivatives.

    Attributes:
        numerical: the numerical derivative; at a kink, the nearest to dS of those that are right.
        gap: how far dS lies from what may be right.
        jump: by how much the derivative differs from one side to the other, where that is more than curvature's doing.
        kinked: that is a kink's.
        leaps: by how much the value at the point lies below its neighbours on both sides; 0 where that is a kink's.
    """

    numerical: FloatArray
    gap: FloatArray
    jump: FloatArray
    kinked: npt.NDArray[np.bool_]
    leaps: FloatArray


def told(stencil: Stencil, analytic: FloatArray, usual: float) -> Told:
    """What differences at one step tell of dS.

    Args:
        stencil: of E entries, or directions.
        analytic: E floats, dS there.
        usual: the size of derivatives.
    """
    left, right, corrected = stencil.left(), stencil.right(), stencil.corrected()
    scale = np.max(np.abs([stencil.plain(), stencil.g_below, stencil.g_above, analytic]), initial=usual)
    bend, root = np.abs(right - left), np.sqrt(stencil.above)
    leaps = bend > scale / root  # no kink bends by so much: it is the value at the point alone that is off
    kinked = (bend > root * scale) & ~leaps  # no curvature bends by so much
    nearest = np.clip(analytic, np.minimum(left, right), np.maximum(left, right))
    smooth_gap = np.abs(analytic - corrected) - np.abs(
        stencil.correction()
    )  # dS may err around here, and not just here
    bent = (np.abs(stencil.kink()) > _BENT * stencil.above * scale) & ~leaps
    return Told(
        numerical=np.where(kinked, nearest, corrected),
        gap=np.where(bent, np.abs(analytic - nearest), np.maximum(smooth_gap, 0.0)),
        jump=np.where(bent, bend, 0.0),
        kinked=kinked,
        leaps=np.where(leaps, (stencil.f_above + stencil.f_below) / 2 - stencil.f_at, 0.0),
    )
