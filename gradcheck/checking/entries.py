"""Verdicts for the entries of a gradient.

coarse pass (two calls an entry) -> step sequences for entries in doubt -> nearby gradients where kinks may meet
-> confirmation by the whole batch -> complex steps
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gradcheck.checking.complex_step import sharpen
from gradcheck.checking.precision import GradientNoise, Precision, noise_of_parts
from gradcheck.checking.refinement import Limits, Refinement
from gradcheck.checking.steps import wide_enough
from gradcheck.checking.subgradients import Nearby, judge_nonsmooth
from gradcheck.config.settings import Reference
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.evaluators import Evaluator, Moved, stencil_of
from gradcheck.evaluation.separability import confirm
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import relative_error
from gradcheck.numerics.richardson import Limit
from gradcheck.report import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: The coarse pass may send an entry on without harm, so its bound on noise is tight.
_COARSE_SIGMAS = 3.0
#: Steps that usually settle an entry of a smooth function.
_FEW_STEPS = 3
#: Wrong entries that are confirmed by calls of the whole batch, the worst first.
_CONFIRMED = 3
_LEAST_IN_SPACINGS = 64.0
#: A wide bound is a rough guess; what lies outside it by less than this factor is not called wrong.
_FAR_OUTSIDE = 3.0
#: Problems of so many entries are worth a second call of the whole batch as a cross-check.
_MANY = 64


@dataclass(frozen=True)
class Tolerance:
    """The user's tolerances, beyond the measured bounds."""

    rtol: float
    atol: float = 0.0


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What the numerics say of E entries; every array has length E.

    Attributes:
        entries: flat indices.
        analytic: dS.
        numerical: the estimates that the verdicts were given on.
        bounds: bounds on their errors.
        relative_errors: of the analytic against the numerical derivative.
        verdicts: int8, indices into ``report.VERDICTS``.
        negligible: entries so small that the bound is no small part of them.
        plain: plain central differences, of half-width ``steps``.
        steps: of the coarse pass.
        central: the central differences, corrected or extrapolated: where ``by_complex`` is false, ``numerical``.
        by_complex: entries judged by a complex step.
        kinked: entries where left and right derivatives differ, or kinks meet.
        granted: bounds on the rounding of dS itself, with ``atol``.
        leaps: by how much the value at x lies below its neighbourhood along an axis, on both sides; else 0.
        evaluator: name of the evaluator.
        tried: steps and plain central differences of the entries that took a step sequence, by position.
    """

    entries: IndexArray
    analytic: FloatArray
    numerical: FloatArray
    bounds: FloatArray
    relative_errors: FloatArray
    verdicts: npt.NDArray[np.int8]
    negligible: BoolArray
    plain: FloatArray
    steps: FloatArray
    central: FloatArray
    by_complex: BoolArray
    kinked: BoolArray
    granted: FloatArray
    leaps: FloatArray
    evaluator: str
    tried: Mapping[int, tuple[tuple[float, float], ...]]


def judge(
    evaluator: Evaluator,
    answer: Answer,
    analytic: FloatArray,
    precision: Precision,
    tolerance: Tolerance,
    *,
    noise: GradientNoise | None = None,
    entries: IndexArray | None = None,
    reference: Reference = "auto",
    nearby: Nearby | None = None,
) -> Verdicts:
    """Judge all entries of a gradient, or some.

    Args:
        evaluator: how values at moved points are obtained, around x.
        answer: what the function, in float64 where it can, returned at x; its gradient is (n,).
        analytic: (n,), the gradient that is judged, as the user's dtype gave it.
        precision: measured at x.
        tolerance: the user's.
        noise: of ``analytic``; None for that of the precision.
        entries: flat indices; None for all.
        reference: what judges: central differences or complex steps.
        nearby: gradients around x, if several calls are to share them.

    Raises:
        LossDefect: the function raised at moved points, or returned no value and gradient.
        NotSeparable: the evaluator takes rows one by one, and they turned out to be coupled.
    """
    everything = entries is None
    chosen = np.arange(len(analytic)) if entries is None else entries
    work = _Entries(evaluator, answer, analytic[chosen], precision, tolerance, noise, chosen)
    work.coarse_pass(cross_check=everything)
    work.refine_few()
    work.refine_all()
    work.measure_rows()
    work.try_subgradients(nearby or Nearby(evaluator.objective, evaluator.x, precision))
    work.confirm()
    work.take_complex_steps(reference)
    return work.verdicts()


@dataclass(frozen=True, eq=False)
class _Judged:
    """E entries of dS with what is granted to them."""

    analytic: FloatArray
    noise: FloatArray
    tolerance: Tolerance
    scale: FloatArray

    def only(self, which: IndexArray) -> _Judged:
        return _Judged(self.analytic[which], self.noise[which], self.tolerance, self.scale[which])

    @property
    def granted(self) -> FloatArray:
        return verdict.gradient_bound(self.noise)

    def allowed(self, numerical: FloatArray) -> FloatArray:
        t = self.tolerance
        return verdict.allowance(self.analytic, verdict.as_numbers(numerical), t.rtol, t.atol)

    def against(self, limit: Limit) -> npt.NDArray[np.int8]:
        return verdict.judge_smooth(self.analytic, limit, self.allowed(limit.estimate), self.granted, self.scale)

    def in_doubt(self, limits: Limits) -> BoolArray:
        """Entries whose bound is wide, and which lie not far outside it: noise may hide kinks within the steps."""
        limit = limits.central
        bound, allowed = limit.bound + self.granted, self.allowed(limit.estimate)
        near = np.abs(self.analytic - verdict.as_numbers(limit.estimate)) <= _FAR_OUTSIDE * bound + allowed
        return np.asarray(near & ~verdict.is_narrow(bound, allowed, self.scale) & ~limits.is_kink())

    def at_limits(self, limits: Limits) -> npt.NDArray[np.int8]:
        """Verdicts by step sequences: at a kink, by both sides; none where the value jumps."""
        allowed = self.allowed(limits.central.estimate)
        kinks = verdict.judge_kinks(self.analytic, limits.left, limits.right, allowed, self.granted, self.scale)
        verdicts = np.where(limits.is_kink(), kinks, self.against(limits.central))
        return np.where(limits.jumps, verdict.UNRESOLVED, verdicts).astype(np.int8)


class _Entries:
    """The entries of one problem on their way through the passes: flat arrays of E, those in doubt by position."""

    def __init__(
        self,
        evaluator: Evaluator,
        answer: Answer,
        analytic: FloatArray,
        precision: Precision,
        tolerance: Tolerance,
        noise: GradientNoise | None,
        entries: IndexArray,
    ) -> None:
        self._evaluator, self._answer, self._precision, self._entries = evaluator, answer, precision, entries
        self._objective = evaluator.objective
        self._inputs = self._objective.layout.input_of(entries)
        self._noise = noise or precision.gradient_noise
        scale = precision.scales[self._inputs]
        self._judged = _Judged(analytic, self._noise.at_least(entries), tolerance, scale)
        self._kinked, self._leaps = np.zeros(len(entries), dtype=bool), np.zeros(len(entries))
        self._tried: dict[int, tuple[tuple[float, float], ...]] = {}

    def coarse_pass(self, cross_check: bool) -> None:
        """Every entry by its corrected central difference: two calls each."""
        steps = self._usual_steps()
        above = self._evaluator.moved(self._entries, steps)
        self._cross_check(above, cross_check)
        below = self._evaluator.moved(self._entries, -steps)
        self._cross_check(below, cross_check and len(self._entries) >= _MANY)
        self._here = self._evaluator.here(self._entries)
        self._above = above
        self._coarse = stencil_of(below, self._here, above)
        noise = self._value_noise()
        self._numerical = self._coarse.corrected()
        self._bounds = self._coarse.noise_bound(noise, _COARSE_SIGMAS)
        limit = Limit(self._numerical, self._bounds)
        self._verdicts = self._judged.against(limit)
        self._smooth = verdict.is_smooth(self._coarse, noise, self._judged.scale)
        doubtful = np.flatnonzero(~self._smooth | (self._verdicts != verdict.OK))
        # What dS is granted beyond the least is worked out for those alone that need it.
        if doubtful.size:
            self._judged.noise[doubtful] = self._noise.of(self._entries[doubtful])
            self._verdicts[doubtful] = self._judged.only(doubtful).against(limit.only(doubtful))
        self._doubtful = doubtful[~self._smooth[doubtful] | (self._verdicts[doubtful] != verdict.OK)]

    def refine_few(self) -> None:
        """Smooth entries in doubt by three coarse steps, corrected and extrapolated: the sharpest estimate there is.

        Unless a kink lies within their reach; then the bound is wide, and the entry needs finer steps.
        """
        if not self._doubtful.size:
            return
        which = self._doubtful
        noise = self._value_noise()[which]
        granted = self._noise.of(self._entries[which])
        self._refinement = Refinement.of(
            self._evaluator, self._entries[which], self._here.only(which), noise, granted, self._precision
        ).refined(_FEW_STEPS)
        judged, bounds = self._judged.only(which), self._bounds[which]
        sharper = self._refinement.central()
        right = self._smooth[which] & (judged.against(sharper) == verdict.OK)
        right &= sharper.bound <= np.maximum(bounds, judged.allowed(sharper.estimate) + judged.granted)
        self._take(which[right], sharper.only(right))
        self._verdicts[which[right]] = verdict.OK
        self._refinement = self._refinement.only(np.flatnonzero(~right))
        self._doubtful = which[~right]

    def refine_all(self) -> None:
        """What is still in doubt by the whole step sequence, on both sides."""
        if not self._doubtful.size:
            return
        self._refinement = self._refinement.refined()
        self._tried = dict(zip(self._doubtful.tolist(), self._refinement.plain_differences(), strict=True))
        self._judge_limits(np.arange(len(self._doubtful)), self._refinement)

    def measure_rows(self) -> None:
        """Entries that are wrong only if their rows carry no more noise than their share: it is measured now."""
        wrong = self._wrong_in_doubt()
        if not self._evaluator.by_rows or not wrong.size:
            return
        refinement = self._refinement.only(wrong)
        whole = np.full(len(wrong), self._precision.value_noise)
        judged = self._judged.only(self._doubtful[wrong])
        verdicts = judged.at_limits(replace(refinement, value_noise=whole).limits())
        contested = np.flatnonzero(verdicts != verdict.WRONG)
        if not contested.size:
            return
        refinement = refinement.only(contested)
        measured = noise_of_parts(self._evaluator, refinement.entries)
        clipped = np.clip(measured, refinement.value_noise, self._precision.value_noise)
        self._judge_limits(wrong[contested], replace(refinement, value_noise=clipped))

    def try_subgradients(self, nearby: Nearby) -> None:
        """Wrong entries may yet be subgradients where kinks meet."""
        suspects = self._wrong_in_doubt()
        if not suspects.size:
            return
        which = self._doubtful[suspects]
        judged = self._judged.only(which)
        allowed = judged.allowed(self._numerical[which]) + judged.granted
        self._kinked[which], self._verdicts[which] = judge_nonsmooth(
            nearby, self._entries[which], judged.analytic, allowed, self._kinked[which]
        )

    def confirm(self) -> None:
        """The worst wrong entries by calls of the whole batch, where single rows called them wrong.

        Raises:
            NotSeparable: the whole batch does not change as its rows do.
        """
        wrong = self._doubtful[self._wrong_in_doubt()]
        if not self._evaluator.by_rows or not wrong.size:
            return
        apart = np.abs(self._judged.analytic[wrong] - self._numerical[wrong])
        worst = wrong[np.argsort(-np.nan_to_num(apart, nan=np.inf), kind="stable")[:_CONFIRMED]]
        confirm(
            self._evaluator, self._entries[worst], self._above.only(worst), self._precision.same,
            together=False, value=self._answer.value,
        )  # fmt: skip

    def take_complex_steps(self, reference: Reference) -> None:
        """Entries whose central differences are less precise than the tolerances, or all, by complex steps.

        Not at kinks: there a complex step is one of many right answers.
        """
        judged, central = self._judged, Limit(self._numerical, self._bounds)
        self._central, self._by_complex = central.estimate, np.zeros(len(self._bounds), dtype=bool)
        self._unsure = central.bound, judged.noise
        t = judged.tolerance
        wanted = verdict.in_question(reference, judged.analytic, central, t.rtol, t.atol)
        asked = np.flatnonzero(wanted & (self._verdicts != verdict.SUBGRADIENT))
        if not asked.size:
            return
        self._numerical, self._bounds = central.estimate.copy(), central.bound.copy()
        self._unsure = central.bound.copy(), judged.noise.copy()
        entries, analytic = self._entries[asked], judged.analytic[asked]
        sharpened = sharpen(
            self._evaluator, entries, analytic, self._noise.of(entries), central.only(asked), t.rtol, t.atol,
            self._precision.scales_of_entries(self._objective.blocks),
        )  # fmt: skip
        steps, rounding, believed = sharpened.limit, sharpened.rounding, sharpened.by_complex
        verdicts = verdict.judge_by_complex_steps(analytic, steps.estimate, rounding, t.rtol, t.atol)
        taken = asked[believed]
        self._numerical[asked], self._bounds[asked] = steps.estimate, steps.bound
        self._verdicts[taken] = verdicts[believed]
        self._unsure[0][taken], self._unsure[1][taken] = rounding[believed], 0.0
        self._by_complex[taken] = True

    def verdicts(self) -> Verdicts:
        """What has become of the entries."""
        analytic = self._judged.analytic
        size = np.maximum(np.abs(analytic), np.abs(self._numerical))
        return Verdicts(
            entries=self._entries,
            analytic=analytic,
            numerical=self._numerical,
            bounds=self._bounds,
            relative_errors=relative_error(analytic, self._numerical),
            verdicts=self._verdicts,
            negligible=verdict.is_negligible(size, *self._unsure),
            plain=self._coarse.plain(),
            steps=(self._coarse.above + self._coarse.below) / 2,
            central=self._central,
            by_complex=self._by_complex,
            kinked=self._kinked,
            granted=verdict.gradient_bound(self._judged.noise) + self._judged.tolerance.atol,
            leaps=self._leaps,
            evaluator=self._evaluator.name,
            tried=self._tried,
        )

    def _usual_steps(self) -> FloatArray:
        """E steps: that of each input, but wide enough for the spacing of floats at each entry.

        By rows narrower than for the whole, because values carry the rounding of one row.
        """
        steps = self._precision.steps.copy()
        if self._evaluator.by_rows:
            N, parts = self._objective.shape[0], self._answer.parts
            parts = np.full(N, self._answer.value / N) if parts is None else parts
            noise = float(np.max(self._precision.of_parts(np.arange(N), parts)))
            steps = np.minimum(steps, [wide_enough(noise, scale) for scale in self._precision.scales])
        spacing = self._objective.spacing(self._evaluator.x[self._entries])
        return np.asarray(np.maximum(steps[self._inputs], _LEAST_IN_SPACINGS * spacing))

    def _cross_check(self, seen: Moved, wanted: bool) -> None:
        """An entry of every row moved at once: the whole batch must change as its rows do one by one.

        Raises:
            NotSeparable: it does not.
        """
        if not wanted or not self._evaluator.by_rows:
            return
        slices = self._objective.blocks.slices()
        rng = np.random.default_rng(len(slices))
        some = np.array([int(rng.integers(each.start, each.stop)) for each in slices])
        confirm(self._evaluator, some, seen.only(some), self._precision.same, together=True, value=self._answer.value)

    def _value_noise(self) -> FloatArray:
        """E floats, the noise of the values that the evaluator returns."""
        if self._evaluator.by_rows:
            return self._precision.of_parts(self._objective.blocks.of(self._entries), self._here.values)
        return np.full(len(self._entries), self._precision.value_noise)

    def _wrong_in_doubt(self) -> IndexArray:
        return np.flatnonzero(self._verdicts[self._doubtful] == verdict.WRONG)

    def _judge_limits(self, which: IndexArray, refinement: Refinement) -> None:
        """Verdicts of some of the entries in doubt by step sequences of theirs."""
        limits = refinement.limits()
        entries = self._doubtful[which]
        self._take(entries, limits.central)
        self._kinked[entries], self._leaps[entries] = limits.is_kink(), limits.leaps
        judged = self._judged.only(entries)
        verdicts = judged.at_limits(limits)
        verdicts[judged.in_doubt(limits) & (verdicts == verdict.WRONG)] = verdict.UNRESOLVED
        wrong = np.flatnonzero(verdicts == verdict.WRONG)
        stairs = refinement.only(wrong).is_stair(judged.analytic[wrong])
        verdicts[wrong[stairs]] = verdict.UNRESOLVED
        self._verdicts[entries] = verdicts

    def _take(self, which: IndexArray, limit: Limit) -> None:
        """Take estimates where there are any; where there is none, the first stays, with an infinite bound."""
        known = np.isfinite(limit.bound)
        self._numerical[which[known]] = limit.estimate[known]
        self._bounds[which] = limit.bound
