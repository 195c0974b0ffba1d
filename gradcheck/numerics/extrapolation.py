"""Differences at a ladder of steps, extrapolated to step 0, each with a bound on its error.

Richardson's extrapolation in Neville's tableau; the entry with the least estimated error is taken, as in
C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4, 1982. Beyond Ridders: the noise
of the values is carried through the tableau beside the truncation error, and an estimate from coarse steps counts
only where the finer ones, which are nearer to the limit, do not contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

#: Each step of a ladder is the one before it divided by this.
RATIO = 4.0
#: Steps of a ladder: 12 at ratio 4 reach from 0.05 down to 1.2e-8.
RUNGS = 12

_COLUMNS = 6  # extrapolating further than this gains nothing and piles up noise


@dataclass(frozen=True, eq=False)
class Limit:
    """A derivative and a bound on its error, for E entries; infinite where nothing could be said."""

    estimate: FloatArray
    bound: FloatArray

    def only(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Limit:
        """The limits of some of the entries."""
        return Limit(self.estimate[which], self.bound[which])


def extrapolate(differences: FloatArray, noise: FloatArray, *, first: int, then: int) -> Limit:
    """The limit of differences as the step goes to 0.

    Args:
        differences: K x E; row k was taken at the step h_0 / RATIO**k. NaN where it could not be taken.
        noise: K x E, bounds on the noise of each difference.
        first, then: the error is a series in h**first, h**(first + then), h**(first + 2 * then), ...: 2 and 2 for
            central differences, 1 and 1 for one-sided ones, 4 and 2 for corrected central ones.

    Returns:
        Estimates and bounds of E entries.
    """
    rungs, entries = differences.shape
    estimates = np.full((rungs, entries), np.nan)
    bounds = np.full((rungs, entries), np.inf)
    # Row k of the tableau, from differences 0 to k, and the noise in each of its columns.
    above: list[FloatArray] = []
    noise_above: list[FloatArray] = []
    for k in range(rungs):
        row, noise_row = [differences[k]], [noise[k]]
        if k > 0:
            # Without extrapolation: two neighbouring differences, the finer is the better one.
            _keep(estimates[k], bounds[k], row[0], np.abs(row[0] - above[0]) + noise_row[0])
        for m in range(1, min(k, _COLUMNS) + 1):
            gain = RATIO ** (first + then * (m - 1)) - 1
            finer, coarser = row[m - 1], above[m - 1]
            row.append(finer + (finer - coarser) / gain)
            noise_row.append(noise_row[m - 1] * (1 + 1 / gain) + noise_above[m - 1] / gain)
            truncation = np.maximum(np.abs(row[m] - finer), np.abs(row[m] - coarser))
            _keep(estimates[k], bounds[k], row[m], truncation + noise_row[m])
        above, noise_above = row, noise_row
    return _best_uncontradicted(estimates, bounds)


def better_of(trusted: Limit, sharper: Limit) -> Limit:
    """For each entry the limit of lesser bound; the trusted one wherever the two contradict each other."""
    with np.errstate(invalid="ignore"):
        agree = np.abs(trusted.estimate - sharper.estimate) <= trusted.bound + sharper.bound
        take = (sharper.bound < trusted.bound) & (agree | ~np.isfinite(trusted.bound))
    return Limit(np.where(take, sharper.estimate, trusted.estimate), np.where(take, sharper.bound, trusted.bound))


def _keep(estimate: FloatArray, bound: FloatArray, candidate: FloatArray, error: FloatArray) -> None:
    """Take a candidate, in place, for the entries where its error is the least so far."""
    better = error < bound  # False for NaN
    estimate[better] = candidate[better]
    bound[better] = error[better]


def _best_uncontradicted(estimates: FloatArray, bounds: FloatArray) -> Limit:
    """Of K estimates for each of E entries, the one of least bound whose interval meets those of all finer steps."""
    rungs, entries = estimates.shape
    usable = np.isfinite(bounds)
    for k in range(rungs - 1):
        finer = slice(k + 1, rungs)
        apart = np.abs(estimates[finer] - estimates[k]) > bounds[finer] + bounds[k]
        usable[k] &= ~np.any(apart & np.isfinite(bounds[finer]), axis=0)
    best = np.argmin(np.where(usable, bounds, np.inf), axis=0)
    index = np.arange(entries)
    some = usable[best, index]
    return Limit(np.where(some, estimates[best, index], np.nan), np.where(some, bounds[best, index], np.inf))
