"""How noisy are computed values? Difference tables along short lines.

Rounding makes a computed function jump between neighbouring points. Differences of order k of a smooth function
shrink as the spacing to the power k; differences of noise do not. So the smallest level of the table, rescaled,
bounds the noise (J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011).

Departures from that paper, each for functions that it does not treat. The largest differences of a level are left
out, so that one kink or jump on the line does not pass for noise. Since two still would, a level far above rounding has
to stay where it is when the spacing shrinks (``checking/precision.py`` sees to that). And the points are unevenly
spaced: on even ones the rounding of a nearly linear function can be as regular as the function, and its differences 0.
"""

import numpy as np

from gradcheck.report import BoolArray, FloatArray

#: Points on a line. Eight give differences of order up to five with some to leave out: enough for a level of smooth
#: curvature, 1e-4 to the fourth power, to fall below float64's rounding.
POINTS = 8
_HIGHEST_ORDER = 5

#: Where they lie, in spacings: near k, off by up to 0.4, without pattern (squares times the golden ratio).
_OFFSETS = np.arange(POINTS) ** 2 * (np.sqrt(5) - 1) / 2 + 0.5
POSITIONS: FloatArray = np.arange(POINTS) + 0.4 * (2 * (_OFFSETS % 1.0) - 1)

#: A third of the differences of an order, the largest, is left out; of normal ones, the others have this deviation.
_TRIMMED_DEVIATION = 0.53


def noise_level(series: FloatArray) -> FloatArray:
    """Upper estimate of the standard deviation of the noise in values on a line; 0 where they do not change at all.

    The values at ``POSITIONS`` lie along the first axis; any further axes are separate functions, as in the result.

    Source: Moré and Wild 2011, section 3; a divided difference whose weights have norm 1 passes the deviation of
    independent noise on unchanged.
    """
    values = series.reshape(POINTS, -1)
    smallest = np.full(values.shape[1], np.inf)
    for differences in _DIFFERENCES:
        # By einsum, because the threads that a matrix product starts would get in the way of what comes next.
        sizes = np.sort(np.abs(np.einsum("dp,pe->de", differences, values)), axis=0)
        kept = sizes[: len(sizes) - len(sizes) // 3]
        with np.errstate(invalid="ignore", divide="ignore"):
            # Beside the largest: squares of values alone may be too large or too small for a float.
            largest = kept[-1]
            relative = kept / np.where(largest > 0, largest, 1.0)
            smallest = np.minimum(smallest, largest * np.sqrt(np.mean(np.square(relative), axis=0)))
    return np.asarray(smallest / _TRIMMED_DEVIATION).reshape(series.shape[1:])


def _normalised_differences(order: int) -> FloatArray:
    """The matrix that takes values at ``POSITIONS`` to their divided differences of one order, each row of norm 1."""
    rows = np.zeros((POINTS - order, POINTS))
    for first, row in enumerate(rows):
        window = POSITIONS[first : first + order + 1]
        distances = window[:, np.newaxis] - window + np.eye(order + 1)  # of a point from itself: 1, for the product
        row[first : first + order + 1] = 1 / np.prod(distances, axis=1)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


_DIFFERENCES = [_normalised_differences(order) for order in range(1, _HIGHEST_ORDER + 1)]


def is_stair(series: FloatArray) -> BoolArray:
    """Whether neighbouring values on a line are often equal, by the first axis: it is finer than a coarse rounding."""
    return np.asarray(np.mean(np.diff(series, axis=0) == 0, axis=0) >= 0.25)


#: Numbers on lines that have to look rounded before any is taken for that.
_LEAST_ROUNDED = 4


def quantum(series: FloatArray) -> float:
    """The step in which numbers on lines move, as 1e-6 where they were rounded to six decimals; 0 where there is none.

    A number that stands still between some points of a line and moves between others was rounded; one that moves once
    may have met a jump, so several such numbers are asked for. L x m x E: E functions at m points on each of L lines.
    """
    moves = series[:, 1:] != series[:, :-1]
    if np.count_nonzero(moves) > moves.size - _LEAST_ROUNDED:
        return 0.0
    rounded = (np.count_nonzero(moves, axis=1) > 1) & ~moves.all(axis=1)
    if np.count_nonzero(rounded) < _LEAST_ROUNDED:
        return 0.0
    smallest = np.min(np.abs(np.diff(series, axis=1)), axis=1, where=moves, initial=np.inf)[rounded]
    return float(median(smallest))


def median(values: FloatArray) -> FloatArray:
    """Median along the first axis, as ``np.median``, which imports numpy.ma: that takes as long as a small check."""
    ordered, count = np.sort(values, axis=0), len(values)
    return np.asarray((ordered[(count - 1) // 2] + ordered[count // 2]) / 2)


#: Significant bits of bfloat16 and of float16.
HALF_PRECISIONS = (8, 11)


def effective_eps(samples: FloatArray, eps: float, telling: int = 6) -> float:
    """Machine epsilon of the precision that numbers were really computed in.

    A loss that computes in float32 and returns a Python float hides its precision: but all its numbers are
    representable in float32, which float64 results are not but for a few round ones. So many ``telling`` numbers that
    need nearly all of its bits tell of a half precision.

    Returns:
        ``eps``, that of the dtype, or that of bfloat16, float16 or float32, where every sample is such a number and not
        all of them are short binary fractions.
    """
    if samples.size and np.isfinite(first := samples.flat[0]) and np.ldexp(np.frexp(first)[0], 24) % 1:
        return eps  # it is longer than a float32, as nearly always
    finite = samples[np.isfinite(samples)]
    mantissas = np.abs(np.frexp(finite)[0])
    for bits in HALF_PRECISIONS:
        own = np.ldexp(mantissas, bits)
        if np.array_equal(own, np.round(own)) and len(set(own[own % 8 > 0].tolist())) >= telling:
            return max(eps, 2.0 ** (1 - bits))
    with np.errstate(over="ignore", under="ignore"):
        is_single = np.array_equal(finite.astype(np.float32).astype(np.float64), finite)
    is_long = np.any(np.ldexp(mantissas, 16) % 1)  # some have more than 16 bits of mantissa
    return max(eps, float(np.finfo(np.float32).eps)) if is_single and is_long else eps
