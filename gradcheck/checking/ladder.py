"""The closer look at entries in doubt: a ladder of steps along the axis, on both sides."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.evaluation.plans.plan import IndexArray, Plan, Probes
from gradcheck.numerics.differences import SIGMAS, Stencil, joined
from gradcheck.numerics.extrapolation import RATIO, RUNGS, Limit, better_of, extrapolate
from gradcheck.report import FloatArray

#: The coarsest rung, unless the step of the first look is far from usual: then this many of those.
_TOP = 0.05
_TOP_IN_STEPS = 24.0
#: Where the noise at that rung is worse than this part of the gradients, only wider rungs can help; but not far beyond
#: the step that was found best.
_NOISY = 1e-9
_NOISY_TOP_IN_STEPS = 4.0
_LEAST_IN_SPACINGS = 4.0
#: Rungs between the two whose changes tell a jump: on a slope, the change over the finer is a sixteenth.
_JUMP_RUNGS = 2


@dataclass(frozen=True, eq=False)
class Limits:
    """Derivatives of E entries along their axes, and where there are none since the value itself jumps at S.

    Attributes:
        central, left, right: the derivatives.
        jumps: E truth values, where the value jumps.
        leaps: E floats, by how much it lies below its neighbourhood where that is the same on both sides: a removable
            discontinuity. 0 where it is not so.
    """

    central: Limit
    left: Limit
    right: Limit
    jumps: npt.NDArray[np.bool_]
    leaps: FloatArray

    def is_kink(self) -> npt.NDArray[np.bool_]:
        """Whether the one-sided derivatives differ by more than their bounds can explain."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(self.left.estimate - self.right.estimate)
            return np.asarray(apart > 2 * (self.left.bound + self.right.bound))


def top_step(step: float, value_noise: float, scale: float) -> float:
    """The coarsest rung that suits a loss.

    Args:
        step: the step of the first look.
        value_noise: standard deviation of the noise of a value.
        scale: the largest gradient seen near.
    """
    top = min(_TOP, _TOP_IN_STEPS * step)
    return max(top, _NOISY_TOP_IN_STEPS * step) if value_noise > _NOISY * top * scale else top


def no_rungs(entries: int) -> Stencil:
    """What a ladder of so many entries stands on."""
    return Stencil(*np.empty((len(fields(Stencil)), 0, entries)))


@dataclass(frozen=True, eq=False)
class Ladder:
    """Stencils of E entries on rung after rung.

    Attributes:
        plan: how values are obtained.
        rows, columns: the E entries.
        here: the loss at S, in the plan's coin, and dS of the E entries there.
        value_noise: E floats, standard deviations of the noise of a value, in the plan's coin.
        derivative_noise: E floats, those of dS.
        top: the coarsest step.
        spacing: E floats, the spacing of floats at each score; no rung is finer than a few of them.
        rungs: the stencils so far, K x E, coarsest first; NaN where a rung is too fine for an entry.
    """

    plan: Plan
    rows: IndexArray
    columns: IndexArray
    here: Probes
    value_noise: FloatArray
    derivative_noise: FloatArray
    top: float
    spacing: FloatArray
    rungs: Stencil

    def climbed(self, down_to: int = RUNGS) -> Ladder:
        """This ladder with so many rungs: two calls for each new rung, and entry that it is not too fine for."""
        steps = self.top / RATIO ** np.arange(len(self.rungs.above), down_to)[:, np.newaxis]
        if not len(steps):
            return self
        can = steps >= _LEAST_IN_SPACINGS * self.spacing
        # All of them at once: a plan asks for many entries with less ado than for a few, again and again.
        rung, which = np.nonzero(can)
        new = stencil(self.plan, self.rows[which], self.columns[which], steps[rung, 0], self.here.only(which))
        return replace(self, rungs=joined([self.rungs, new.spread(can)]))

    def only(self, which: IndexArray) -> Ladder:
        """The ladder of some of its entries."""
        return replace(
            self,
            rows=self.rows[which],
            columns=self.columns[which],
            here=self.here.only(which),
            value_noise=self.value_noise[which],
            derivative_noise=self.derivative_noise[which],
            spacing=self.spacing[which],
            rungs=self.rungs.only(which),
        )

    def limits(self) -> Limits:
        """The derivatives, from all rungs so far.

        Left and right ones come from values alone. So does the central one where the corrected differences, which are
        sharper, contradict it: at a kink the correction is no correction.
        """
        entries = np.arange(len(self.rows))
        one = 2 * self._noise()
        with np.errstate(all="ignore"):
            sides = np.concatenate([self.rungs.left(), self.rungs.right()], axis=1)
            limits = extrapolate(sides, np.concatenate([one, one], axis=1), first=1, then=1)
        left, right = limits.only(entries), limits.only(entries + len(entries))
        jumps = self._jumps()
        return Limits(self.central(), left, right, jumps, np.where(jumps, self._leaps(), 0.0))

    def central(self) -> Limit:
        """The central derivatives alone."""
        noise = self._noise()
        with np.errstate(all="ignore"):
            plain = extrapolate(self.rungs.plain(), noise, first=2, then=2)
            sharp = extrapolate(self.rungs.corrected(), noise + SIGMAS * self.derivative_noise, first=4, then=2)
        return better_of(plain, sharp)

    def plain_differences(self) -> tuple[FloatArray, FloatArray]:
        """Half-widths and plain central differences of every rung: two arrays of K x E, NaN where a rung has none."""
        return (self.rungs.above + self.rungs.below) / 2, self.rungs.plain()

    def _noise(self) -> FloatArray:
        """K x E, bounds on the noise of central differences."""
        return self.rungs.noise_bound(self.value_noise)

    def _jumps(self) -> npt.NDArray[np.bool_]:
        """Entries whose value changes as much over their finest rung as over one sixteen times as wide."""
        above, below = self._changes()
        return self._jumps_on(np.abs(above)) | self._jumps_on(np.abs(below))

    def _leaps(self) -> FloatArray:
        """E floats, see ``Limits.leaps``: the change from S to both sides, on the finest rung that there is."""
        above, below = self._changes()
        with np.errstate(invalid="ignore"):
            alike = np.abs(above - below) <= np.minimum(np.abs(above), np.abs(below)) / 8
            leaps = np.where(alike, (above + below) / 2, 0.0)
        return _of_finest(leaps, np.isfinite(above + below))

    def _changes(self) -> tuple[FloatArray, FloatArray]:
        """How the value changes from S to both sides, rung by rung: K x E each."""
        return self.rungs.f_above - self.here.values, self.rungs.f_below - self.here.values

    def _jumps_on(self, changes: FloatArray) -> npt.NDArray[np.bool_]:
        """As ``_jumps``, on one side: K x E sizes of changes of the value, rung by rung."""
        wide, near = changes[:-_JUMP_RUNGS], changes[_JUMP_RUNGS:]
        with np.errstate(invalid="ignore"):
            jumps = (near > 2 * SIGMAS * self.value_noise) & (near > wide / 2)
        return _of_finest(jumps, np.isfinite(near))


def _of_finest(numbers: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Of K x E numbers those of the last of K rows where they are known; 0 where they nowhere are."""
    if not len(known):
        return np.zeros(known.shape[1], dtype=numbers.dtype)
    last = len(known) - 1 - np.argmax(known[::-1], axis=0)
    return np.asarray(np.where(known.any(axis=0), numbers[last, np.arange(known.shape[1])], numbers.dtype.type(0)))


def stencil(plan: Plan, rows: IndexArray, columns: IndexArray, steps: FloatArray, here: Probes) -> Stencil:
    """The stencils of E entries at their steps: two calls each, in the plan's coin."""
    both = plan.along(np.tile(rows, 2), np.tile(columns, 2), np.concatenate([steps, -steps]))
    above, below = np.arange(2 * len(rows)).reshape(2, -1)
    return stencil_of(both.only(below), here, both.only(above))


def stencil_of(below: Probes, here: Probes, above: Probes) -> Stencil:
    """The stencils of E entries from what a plan saw of them."""
    return Stencil(
        below=-below.moved,
        above=above.moved,
        f_below=below.values,
        f_at=here.values,
        f_above=above.values,
        g_below=below.derivatives,
        g_at=here.derivatives,
        g_above=above.derivatives,
    )
