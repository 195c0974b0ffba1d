"""Step sequences: differences at falling steps on both sides, extrapolated to step 0.

For entries in doubt; and of an entry that is asked for, a table of them and the sentence that reads it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.errors import UsageError
from gradcheck.evaluation.evaluators import Evaluator, stencil_of
from gradcheck.layout import Layout
from gradcheck.numerics.differences import SIGMAS, Rounding, Stencil
from gradcheck.numerics.noise import median
from gradcheck.numerics.richardson import RATIO, STEPS, Limit, better_of, extrapolate
from gradcheck.report import Array, BoolArray, Entry, FloatArray, IndexArray, Step, Verdict

#: The widest step, in those of the coarse pass, and in the distance over which the function was seen to be smooth.
_TOP_IN_STEPS, _TOP_IN_REACH = 24.0, 56.0
#: Where the noise at that step is worse than this part of the gradients, only wider steps can help; but not far beyond
#: the step that was found best.
_NOISY = 1e-9
_NOISY_TOP_IN_STEPS = 4.0
_LEAST_IN_SPACINGS = 4.0
#: Steps between the two whose changes tell a jump: on a slope, the change over the finer is a sixteenth.
_JUMP_STEPS = 2
#: Differences are called exact only where rounding hides no more than this part of the largest gradient.
_HIDDEN = 1e-4
#: An observed order is that of a power of h if it is as near to it; a ratio nearer to 1 is shown as a relative error.
_NEAR, _FACTOR = 0.25, 1e-2
_EXACT = "(exact: the function is a polynomial here, or symmetric about this point)"


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


def entries_named(texts: Iterable[str], layout: Layout) -> dict[str, int]:
    """The flat entry that each text as ``W[2,3]``, of scores also ``1,4``, names; without those that are not there."""
    found = {}
    for asked in texts:
        text = re.sub(r"\s", "", f"S[{asked}]" if asked[:1].isdigit() else asked)
        for own in layout.inputs:
            name = re.fullmatch(rf"d?{re.escape(own.name)}(\[\d+(,\d+)*\])?", text)
            index = tuple(map(int, re.findall(r"\d+", name[1] or ""))) if name else (-1,)
            if len(index) == len(own.shape) and all(0 <= i < most for i, most in zip(index, own.shape, strict=True)):
                found[asked] = own.start + (int(np.ravel_multi_index(index, own.shape)) if index else 0)
    return found


def refuse_unknown_entries(texts: Iterable[str], layouts: Sequence[Layout]) -> None:
    """A UsageError for a text that names no entry of any layout; it says which there are."""
    for text in texts:
        if not any(entries_named([text], layout) for layout in layouts):
            largest = max(layouts, key=lambda layout: layout.n)
            last = ", ".join(largest.name(own.start + own.size - 1) for own in largest.inputs)
            raise UsageError(f"there is no entry {text}", hint=f"entries go up to {last}, counted from 0")


def step_evidence(
    evaluator: Evaluator, entry: int, judged: Entry, granted: float, precision: Precision
) -> tuple[Entry, tuple[Step, ...], bool, str]:
    """Differences of one flat entry at falling steps, two calls each, as the parts of a `StepEvidence`.

    ``judged`` has the verdict of the entry, and ``granted`` is the bound on the rounding of dS there.
    """
    at, blocks, noise = np.array([entry]), evaluator.objective.blocks, np.array([precision.value_noise])
    if evaluator.by_rows:
        noise = precision.of_parts(blocks.of(at), evaluator.here(at).values)
    own = precision.of_input(int(blocks.of(at)[0]))
    refinement = Refinement.of(evaluator, at, noise, precision.gradient_noise.of(at), own)
    stencils, limits = refinement.stencils, refinement.limits()
    taken = np.isfinite(stencils.plain()[:, 0])
    if not taken.any():  # every step of the sequence is too fine for it
        only = Step(judged.step, judged.plain, abs(judged.plain - judged.analytic), math.inf, None)
        return judged, (only,), False, _reading(judged, [only], False, limits)
    stencil = Stencil(*(each[taken, 0] for each in stencils))
    rounding = stencil.noise_bound(precision.inside.noise(stencil, evaluator.x[at], noise))
    widths, differences = (stencil.above + stencil.below) / 2, stencil.plain()
    errors = np.abs(differences - judged.analytic)
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = (np.log(errors[:-1] / errors[1:]) / np.log(widths[:-1] / widths[1:])).tolist()
    clear = errors > rounding + granted
    known = [None, *(order if seen else None for order, seen in zip(orders, clear[:-1] & clear[1:], strict=True))]
    columns = (each.tolist() for each in (widths, differences, errors, rounding))
    steps = tuple(Step(*each) for each in zip(*columns, known, strict=True))
    exact = bool(np.all(np.abs(differences - differences[0]) <= rounding + rounding[0]))
    exact &= bool(np.min(rounding) <= _HIDDEN * own.scale) and not limits.is_kink()[0]
    return judged, steps, exact, _reading(judged, steps, exact, limits)


def _reading(judged: Entry, steps: Sequence[Step], exact: bool, limits: Limits) -> str:
    """What the steps say, in a sentence that ends with the verdict."""
    name, dS, n, is_kink = judged.name, judged.analytic, judged.numerical, bool(limits.is_kink()[0])
    entry, sides = f"{name}, {dS:.6g}, is", "kinks meet near here"
    if is_kink:
        left, right = (_shown(float(each.estimate[0]), float(each.bound[0])) for each in (limits.left, limits.right))
        sides = f"left and right differences settle at {left} and {right}: a kink"
    match judged.verdict:
        case Verdict.UNRESOLVED:
            how = f"the differences settle {f'only within {judged.bound:.0e}' if judged.bound < np.inf else 'nowhere'}"
            how = "the value jumps here" if limits.jumps[0] else sides if is_kink else how
            return f"{how}: whether {entry} right cannot be decided"
        case Verdict.SUBGRADIENT:
            return f"{sides}; any value between the derivatives around is right, as {entry}"
        case Verdict.WRONG if is_kink:
            return f"{sides}, and {entry} not between: it is wrong"
        case Verdict.WRONG:
            off = ""
            if abs(n) > judged.bound:
                near = abs(dS / n - 1) < _FACTOR
                off = f" by a relative error of {abs(dS / n - 1):.1g}" if near else f" by the factor {dS / n:.5g}"
            settled = f"{'every difference is' if exact else 'the differences settle at'} {_shown(n, judged.bound, dS)}"
            return f"{settled}{f' {_EXACT}' * exact} while {name} is {_shown(dS, 0.0, n)}: it is wrong{off}"
    return f"{f'every difference equals {name} up to rounding {_EXACT}' if exact else _fall(steps)}: {name} is right"


def _fall(steps: Sequence[Step]) -> str:
    """How the error falls, down to where rounding takes over."""
    best = min(range(len(steps)), key=lambda k: steps[k].error)
    orders = [each.order for each in steps[: best + 1] if each.order is not None]
    if not orders and all(each.error <= each.rounding for each in steps):
        return "every difference is within rounding"
    power = float(median(np.array(orders))) if len(orders) > 1 else math.nan
    falls = f"falls as h^{power:.0f}" if abs(power - round(power, 0)) < _NEAR else f"falls from {steps[0].error:.2g}"
    falls += " (a smooth function's as h^2)" if falls.endswith("h^1") else ""
    grows = any(each.error > steps[best].error for each in steps[best + 1 :])
    after = " and grows below it as rounding does" if grows else ""
    return f"the error {falls} down to {steps[best].error:.2g} at h = {steps[best].step:.2g}{after}"


def _shown(number: float, bound: float, beside: float = math.nan) -> str:
    """A number within its bound, 0 where that hides it, with digits enough to tell it from another."""
    apart = abs(number - beside) / abs(number) if number else math.nan
    digits = min(max(6, 2 - math.floor(math.log10(apart))), 17) if apart > 0 else 6
    return "0" if abs(number) <= bound else f"{number:.{digits}g}"
