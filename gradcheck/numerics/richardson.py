"""Differences at a sequence of steps, extrapolated to step 0, each with a bound on its error.

Richardson's extrapolation in Neville's tableau; the entry with the least estimated error is taken, as in
C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4, 1982. Beyond Ridders: the noise
of the values is carried through the tableau beside the truncation error, and an estimate from coarse steps counts
only where the finer ones, which are nearer to the limit, do not contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.report import BoolArray, FloatArray, IndexArray

#: Each step of a sequence is the one before it divided by this.
RATIO = 4.0
#: Steps of a sequence: 12 at ratio 4 reach from 0.05 down to 1.2e-8.
STEPS = 12

_COLUMNS = 6  # extrapolating further than this gains nothing and piles up noise


@dataclass(frozen=True, eq=False)
class Limit:
    """A derivative and a bound on its error, for E entries; infinite where nothing could be said."""

    estimate: FloatArray
    bound: FloatArray

    def only(self, which: BoolArray | IndexArray) -> Limit:
        """The limits of some of the entries."""
        return Limit(self.estimate[which], self.bound[which])


def extrapolate(differences: FloatArray, noise: FloatArray, *, first: int, then: int) -> Limit:
    """The limits of K x E differences as the step goes to 0, given bounds on their noise: E estimates and bounds.

    Row k was taken at the step h_0 / RATIO**k; NaN where it could not be. The error is a series in h**first,
    h**(first + then), h**(first + 2 * then), ...: 2 and 2 for central differences, 1 and 1 for one-sided ones, 4 and 2
    for corrected central ones.
    """
    estimates, bounds = np.full(differences.shape, np.nan), np.full(differences.shape, np.inf)
    noises = np.full(differences.shape, np.inf)
    # Column m of the tableau, and the noise in it: its row k is made of the differences k - m to k.
    column, noise_of = differences, noise

    def keep(m: int, candidates: FloatArray, truncation: FloatArray, noise: FloatArray) -> None:
        better = truncation + noise < bounds[m:]  # the least error so far; False for NaN
        for kept, new in ((estimates, candidates), (bounds, truncation + noise), (noises, noise)):
            np.copyto(kept[m:], new, where=better)

    # Without extrapolation: two neighbouring differences, the finer is the better one.
    keep(1, column[1:], np.abs(column[1:] - column[:-1]), noise_of[1:])
    for m in range(1, min(len(differences) - 1, _COLUMNS) + 1):
        gain = RATIO ** (first + then * (m - 1)) - 1
        finer, coarser = column[1:], column[:-1]
        column = finer + (finer - coarser) / gain
        noise_of = noise_of[1:] * (1 + 1 / gain) + noise_of[:-1] / gain
        truncation = np.maximum(np.abs(column - finer), np.abs(column - coarser))
        keep(m, column, truncation, noise_of)
    return _best_uncontradicted(estimates, bounds, noises)


def better_of(trusted: Limit, sharper: Limit) -> Limit:
    """For each entry the limit of lesser bound; the trusted one wherever the two contradict each other."""
    with np.errstate(invalid="ignore"):
        agree = np.abs(trusted.estimate - sharper.estimate) <= trusted.bound + sharper.bound
        take = (sharper.bound < trusted.bound) & (agree | ~np.isfinite(trusted.bound))
    return Limit(np.where(take, sharper.estimate, trusted.estimate), np.where(take, sharper.bound, trusted.bound))


def _best_uncontradicted(estimates: FloatArray, bounds: FloatArray, noises: FloatArray) -> Limit:
    """Of K estimates for each of E entries, the one of least bound that no finer step contradicts beyond its noise.

    Two coarse steps may agree by chance, so an estimate is also no better known than the next finer one says.
    """
    steps, entries = estimates.shape
    bounds[:-1] = np.fmax(bounds[:-1], np.abs(np.diff(estimates, axis=0)))
    usable = np.isfinite(bounds)
    for k in range(steps - 1):
        apart = np.abs(estimates[k + 1 :] - estimates[k]) > noises[k + 1 :] + bounds[k]  # never, where one is infinite
        usable[k] &= ~apart.any(axis=0)
    best = np.argmin(np.where(usable, bounds, np.inf), axis=0)
    index = np.arange(entries)
    some = usable[best, index]
    return Limit(np.where(some, estimates[best, index], np.nan), np.where(some, bounds[best, index], np.inf))
