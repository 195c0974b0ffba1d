"""Step sequences for entries in doubt: differences at falling steps on both sides, extrapolated to step 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.evaluation.evaluators import Evaluator, stencil_of
from gradcheck.numerics.differences import SIGMAS, Rounding, Stencil
from gradcheck.numerics.richardson import RATIO, STEPS, Limit, better_of, extrapolate
from gradcheck.report import Array, BoolArray, FloatArray, IndexArray

#: The widest step, in those of the coarse pass, and in the distance over which the function was seen to be smooth.
_TOP_IN_STEPS, _TOP_IN_REACH = 24.0, 56.0
#: Where the noise at that step is worse than this part of the gradients, only wider steps can help; but not far beyond
#: the step that was found best.
_NOISY = 1e-9
_NOISY_TOP_IN_STEPS = 4.0
_LEAST_IN_SPACINGS = 4.0
#: Steps between the two whose changes tell a jump: on a slope, the change over the finer is a sixteenth.
_JUMP_STEPS = 2


@dataclass(frozen=True, eq=False)
class Limits:
    """Derivatives of E entries along their axes, and where there are none because the value itself jumps at x."""

    central: Limit
    left: Limit
    right: Limit
    jumps: BoolArray  # where the value jumps
    leaps: FloatArray  # by how much it lies below both sides alike, at a removable discontinuity; else 0

    def is_kink(self) -> BoolArray:
        """Whether the one-sided derivatives differ by more than their bounds can explain."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(self.left.estimate - self.right.estimate)
            return np.asarray(apart > 2 * (self.left.bound + self.right.bound))


@dataclass(frozen=True, eq=False)
class Refinement:
    """Stencils of E entries at steps that fall."""

    evaluator: Evaluator  # how values are obtained
    entries: IndexArray  # E flat indices
    value_noise: FloatArray  # E standard deviations of the noise of a value, as the evaluator returns it
    derivative_noise: FloatArray  # E standard deviations of the noise of dS
    inside: Rounding  # what values carry beside their noise at x
    stencils: Stencil  # K x E, the widest steps first; NaN where a step is too fine for an entry

    @classmethod
    def of(
        cls,
        evaluator: Evaluator,
        entries: IndexArray,
        value_noise: FloatArray,
        derivative_noise: FloatArray,
        precision: Precision,
    ) -> Refinement:
        """The whole sequence: two calls for each step and entry that it is not too fine for; see the attributes."""
        top = min(_TOP_IN_STEPS * precision.step, _TOP_IN_REACH * precision.reach)
        if np.max(value_noise, initial=0.0) > _NOISY * top * precision.scale:
            top = _NOISY_TOP_IN_STEPS * precision.step
        steps = top / RATIO ** np.arange(STEPS)[:, np.newaxis]
        fits = steps >= _LEAST_IN_SPACINGS * evaluator.objective.spacing(evaluator.x[entries])
        step, which = np.nonzero(fits)
        offsets = steps[step, 0]
        both = evaluator.moved(np.tile(entries[which], 2), np.concatenate([offsets, -offsets]))
        above, below = np.arange(2 * len(which)).reshape(2, -1)
        taken = stencil_of(both.only(below), evaluator.here(entries[which]), both.only(above))
        stencils = taken.spread(fits)
        return cls(evaluator, entries, value_noise, derivative_noise, precision.inside, stencils)

    def only(self, which: IndexArray) -> Refinement:
        """The sequences of some of the entries."""
        arrays = {name: getattr(self, name)[which] for name in ("entries", "value_noise", "derivative_noise")}
        return replace(self, **arrays, stencils=self.stencils.only(which))

    def limits(self) -> Limits:
        """The derivatives, from all steps so far.

        Left and right ones come from values alone. So does the central one where the corrected differences, which are
        sharper, contradict it: at a kink the correction is no correction.
        """
        noise = self.inside.noise(self.stencils, self.evaluator.x[self.entries], self.value_noise)
        one = 2 * self.stencils.noise_bound(noise)
        with np.errstate(all="ignore"):
            left = extrapolate(self.stencils.left(), one, first=1, then=1)
            right = extrapolate(self.stencils.right(), one, first=1, then=1)
            above, below = self.stencils.f_above - self.stencils.f_at, self.stencils.f_below - self.stencils.f_at
            jumps = self._jumps_on(np.abs(above)) | self._jumps_on(np.abs(below))
            alike = np.abs(above - below) <= np.minimum(np.abs(above), np.abs(below)) / 8
            leaps = _of_finest(np.where(alike, (above + below) / 2, 0.0), np.isfinite(above + below))
            plain = extrapolate(self.stencils.plain(), one / 2, first=2, then=2)
            sharp = extrapolate(self.stencils.corrected(), one / 2 + SIGMAS * self.derivative_noise, first=4, then=2)
        return Limits(better_of(plain, sharp), left, right, jumps, np.where(jumps, leaps, 0.0))

    def plain_differences(self) -> list[tuple[tuple[float, float], ...]]:
        """For each of E entries, half-widths and plain central differences of its steps, the widest first."""
        widths, plain = (self.stencils.above + self.stencils.below) / 2, self.stencils.plain()
        taken = np.isfinite(widths) & np.isfinite(plain)
        columns = zip(widths.T, plain.T, taken.T, strict=True)
        return [tuple(zip(w[t].tolist(), p[t].tolist(), strict=True)) for w, p, t in columns]

    def _jumps_on(self, changes: FloatArray) -> BoolArray:
        """Whether K x E changes, on one side, are as large over the finest step as over one 16 times as wide."""
        wide, near = changes[:-_JUMP_STEPS], changes[_JUMP_STEPS:]
        return _of_finest((near > 2 * SIGMAS * self.value_noise) & (near > wide / 2), np.isfinite(near))


def _of_finest(numbers: Array, known: BoolArray) -> Array:
    """Of K x E numbers those of the last of K rows where they are known; 0 where they nowhere are."""
    last = len(known) - 1 - np.argmax(known[::-1], axis=0)
    return np.asarray(np.where(known.any(axis=0), numbers[last, np.arange(known.shape[1])], numbers.dtype.type(0)))
