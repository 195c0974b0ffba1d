"""Central differences, corrected by the gradients that came with the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gradcheck.report import BoolArray, FloatArray, IndexArray

#: Machine epsilon of float64.
EPS = float(np.finfo(np.float64).eps)

#: Noise is bounded by this many standard deviations.
SIGMAS = 5.0
#: The machine epsilon of half precisions is larger, and that of float32 is smaller.
_FINER_THAN_HALF = 2.0**-16


class Stencil(NamedTuple):
    """A function of one variable at a - , a and a + : E entries at once, at one step each or at K of them."""

    below: FloatArray  # distances to the neighbours as really taken, E floats or K x E, positive
    above: FloatArray
    f_below: FloatArray  # values of the loss, of the same shape
    f_at: FloatArray
    f_above: FloatArray
    g_below: FloatArray  # the analytic derivative, of the same shape
    g_at: FloatArray
    g_above: FloatArray

    def only(self, which: IndexArray) -> Stencil:
        """The stencils of some of the entries."""
        return Stencil(*(numbers[..., which] for numbers in self))

    def spread(self, which: BoolArray) -> Stencil:
        """These stencils where an array of any shape is true, row by row; NaN elsewhere."""
        wide = np.full((len(self), *which.shape), np.nan)
        wide[:, which] = self
        return Stencil(*wide)

    def left(self) -> FloatArray:
        """The left difference (f(s) - f(s-h)) / h."""
        return (self.f_at - self.f_below) / self.below

    def right(self) -> FloatArray:
        """The right difference (f(s+h) - f(s)) / h."""
        return (self.f_above - self.f_at) / self.above

    def plain(self) -> FloatArray:
        """The plain central difference (f(s+h) - f(s-h)) / 2h, over the distance really taken."""
        return (self.f_above - self.f_below) / (self.above + self.below)

    def correction(self) -> FloatArray:
        """What the plain difference has too much: its truncation error to fourth order in h.

        Simpson's rule on the derivative g: f(s+h) - f(s-h) = h/3 (g(s-h) + 4 g(s) + g(s+h)) - h^5/90 f'''''; so the
        plain difference exceeds g(s) by (g(s+h) - 2 g(s) + g(s-h)) / 6. Where rounding made the two distances
        unequal, it does so by (above - below)/2 g'(s) more, of which the second difference holds a third already.
        """
        second_difference = self.g_above - 2 * self.g_at + self.g_below
        slope = (self.g_above - self.g_below) / (self.above + self.below)
        return second_difference / 6 + (self.above - self.below) / 3 * slope

    def corrected(self) -> FloatArray:
        """The corrected central difference: its error is O(h^4).

        A wrong g cannot hide in it, for g enters only by its second difference, which is O(h^2).
        """
        return self.plain() - self.correction()

    def kink(self) -> FloatArray:
        """Half the jump of the derivative where there is a kink at the point itself; O(h^3) where f is smooth.

        The second difference of the values, (f(s+h) - 2 f(s) + f(s-h)) / h, is the whole jump; half the difference
        of the derivatives, (g(s+h) - g(s-h)) / 2, is half of it; on a smooth f both are h f''.
        """
        return self.right() - self.left() - (self.g_above - self.g_below) / 2

    def noise_bound(self, value_noise: float | FloatArray, sigmas: float = SIGMAS) -> FloatArray:
        """Bound on what noise of the values, one standard deviation or E of them, does to ``plain``."""
        return np.asarray(sigmas * np.sqrt(2.0) * value_noise / (self.above + self.below))


@dataclass(frozen=True)
class Rounding:
    """How a function rounds numbers to nearest: the distance of neighbours, as a part of them."""

    of_values: float  # of its values: machine epsilon
    of_x: float  # of x, where it is rounded to half precision; numbers below 1 count as 1

    @property
    def is_half(self) -> bool:
        """Whether a half precision is involved."""
        return max(self.of_values, self.of_x) > _FINER_THAN_HALF

    def noise(self, stencil: Stencil, x: FloatArray, least: float | FloatArray) -> FloatArray:
        """The noise of the values of stencils at E numbers x, standard deviations of the stencils' shape.

        Over a wide step values, and x itself, may be much larger than at the point, where noise is ``least``.
        """
        spacings = self.of_values * np.maximum(np.abs(stencil.f_below), np.abs(stencil.f_above))
        if self.of_x:
            size = np.maximum(1.0, np.abs(x) + np.maximum(stencil.below, stencil.above))
            slopes = np.abs([stencil.plain(), stencil.g_below, stencil.g_above])
            spacings = np.maximum(spacings, self.of_x * size * np.max(slopes, axis=0))
        return np.asarray(np.maximum(least, spacings / np.sqrt(12)))


def relative_error(analytic: FloatArray, numerical: FloatArray) -> FloatArray:
    """abs(a - n) / max(abs(a), abs(n)), and 0 where both are 0. Arrays of one shape in, that shape out."""
    larger = np.maximum(np.abs(analytic), np.abs(numerical))
    difference = np.abs(analytic - numerical)
    with np.errstate(invalid="ignore"):
        return np.divide(difference, larger, out=np.zeros_like(larger), where=larger != 0)
