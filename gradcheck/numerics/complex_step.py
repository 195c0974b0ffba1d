"""Complex steps: Im f(S + ih e) / h is the derivative with no subtraction, so to the rounding of f's own terms.

W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998. Two
questions remain. How large is that rounding? The complex steps and the analytic derivatives at points near S tell:
where both are right, all that lies between them is rounding, whatever the curvature. And is f analytic? A loss with
abs, conj or real in it answers too, but without the terms in which they stand. On a circle in the complex plane such
terms show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import BoolArray, can_confirm
from gradcheck.report import FloatArray

ComplexArray = npt.NDArray[np.complex128]

#: A power of two, so that dividing by it rounds nothing; its square is nothing beside 1.
STEP = 2.0**-66

_EPS = float(np.finfo(np.float64).eps)

# --- rounding ---------------------------------------------------------------------------------------------

#: How far the points lie: far enough for every number of any size to be rounded anew, at S and in float32.
_NEAR = 2.0**-13
_NEAR_IN_SPACINGS = 64.0
#: A derivative below this part of the numbers that it was made of changes there by less than eight of their spacings.
_FROZEN = 8 * _EPS / _NEAR

#: Standard deviations of a mean that a bound allows for.
_SIGMAS = 5.0
#: Granted beyond: rounding of the last operations, the same at all points.
_LASTING = 2.0 * _EPS
#: The median of a deviation that is estimated from three numbers, beside the true one: sqrt(log 2).
_MEDIAN_OF_THREE = 0.83


@dataclass(frozen=True, eq=False)
class Rounding:
    """What rounding alone may put between E analytic entries and their complex steps.

    Attributes:
        bound: E floats.
        usual: its standard deviation beside the entries' sizes, in the middle of them.
    """

    bound: FloatArray
    usual: float


def near(scores: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Scores a little way off in a random direction: N x C in, N x C out."""
    size = np.maximum(_NEAR, _NEAR_IN_SPACINGS * np.spacing(np.abs(scores)))
    return np.asarray(scores + size * rng.normal(size=scores.shape))


def rounding(slopes: FloatArray, derivatives: FloatArray, usual: float | None = None) -> Rounding:
    """How far apart rounding leaves complex steps and analytic derivatives, from both at S and at points near it.

    A wrong derivative cannot hide in it: what is wrong at S is wrong near it, by nearly the same amount, and only what
    changes from point to point counts.

    Args:
        slopes: K x E, by complex steps, the first at S.
        derivatives: K x E, analytic, at the same points.
        usual: see ``Rounding``, where it is known; else it is taken from these entries, of three points.
    """
    apart = slopes - derivatives
    mean, deviation, size = apart.mean(axis=0), apart.std(axis=0, ddof=1), np.abs(slopes[0])
    if usual is None:
        known = size > 0
        usual = float(np.median(deviation[known] / size[known])) / _MEDIAN_OF_THREE if known.any() else 0.0
    # That of the two numbers at S is seen. What is left in the mean: its chances, and one deviation for what all have.
    left = (1 + _SIGMAS / np.sqrt(len(apart))) * np.maximum(deviation, usual * size)
    return Rounding(np.abs(apart[0] - mean) + left + _LASTING * size, usual)


def is_frozen(derivatives: FloatArray, scale: FloatArray) -> BoolArray:
    """Which derivatives are so small that their rounding may be the same at all points near S.

    Where such a one was added to others, as in the sum of a softmax, theirs may be too.

    Args:
        derivatives: of any shape.
        scale: the numbers that they may have been cancelled from; of a shape that goes with theirs.
    """
    size = np.abs(derivatives)
    return np.asarray((size > 0) & (size < _FROZEN * scale))


# --- whether to believe them ------------------------------------------------------------------------------

#: A central difference may have missed by this many bounds, as one from two calls alone now and then does.
_MISSED = 2.0

#: Points on a circle; those in the upper half plane are enough, for the others have conjugate values.
_POINTS = 32
_ANGLES = 2 * np.pi / _POINTS * np.arange(_POINTS)
_UPPER = _POINTS // 2 + 1
#: Radii that are tried: the wider, the more is seen; but kinks and poles may lie within.
RADII = (2.0**-2, 2.0**-6, 2.0**-10, 2.0**-14)
#: Powers of conj(z) from whose coefficients the noise of all is taken.
_NOISE = range(2, 13)
#: Nobody writes a term into a loss that is smaller than this beside the others.
_NO_TERM = 1e-10


def confirmed(slopes: FloatArray, central: Limit) -> BoolArray:
    """Which of E complex steps agree with central differences that can tell."""
    with np.errstate(invalid="ignore"):
        agree = np.abs(slopes - central.estimate) <= _MISSED * central.bound
    return np.asarray(can_confirm(central) & agree)


@dataclass(frozen=True)
class Circle:
    """A function of one complex variable z, seen on a circle round 0.

    An analytic one has a power series, f(0) + f'(0) z + ..., and no negative powers but for rounding. abs(z)**2, abs,
    conj and real leave one at the power -1, for on the circle conj(z) is radius**2 / z. What a kink within leaves has
    all powers.

    Attributes:
        slope: size of the coefficient of z.
        conjugate: size of that of conj(z): half of what a complex step is off by.
        noise: root mean square of those of its next powers.
    """

    slope: float
    conjugate: float
    noise: float

    @property
    def is_analytic(self) -> bool:
        """Whether nothing of a conjugate shows."""
        return self.conjugate <= self._threshold

    @property
    def hidden(self) -> float:
        """The derivative of a term that would not have shown; 0 where nobody would have written it.

        Twice the coefficient is what a complex step lacks; some more, for entries whose parts in it nearly cancel.
        """
        return 8 * self._threshold if self._threshold > _NO_TERM * self.slope else 0.0

    @property
    def _threshold(self) -> float:
        return _SIGMAS * self.noise + _LASTING * self.slope


def points(radius: float) -> ComplexArray:
    """The points of the circle at which ``seen_on`` wants the function."""
    return np.asarray(radius * np.exp(1j * _ANGLES[:_UPPER]))


def seen_on(radius: float, values: ComplexArray) -> Circle:
    """What the values of a function, real on the real axis, at ``points(radius)`` tell."""
    around = np.concatenate([values, np.conj(values[-2:0:-1])])
    around -= np.mean(around)  # a large value times the rounding of exp would look like noise

    def coefficient(power: int) -> float:
        return float(np.abs(np.mean(around * np.exp(-1j * power * _ANGLES)))) / radius

    noise = float(np.hypot.reduce([coefficient(-power) for power in _NOISE]) / np.sqrt(len(_NOISE)))
    return Circle(slope=coefficient(1), conjugate=coefficient(-1), noise=noise)
