"""Verdicts for the entries of a gradient.

coarse pass (two calls an entry) -> a finer step, then step sequences for entries in doubt -> nearby gradients where
kinks may meet -> confirmation by the whole batch -> complex steps
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from gradcheck.checking.complex_step import complex_steps, in_question
from gradcheck.checking.precision import Precision, noise_of_parts
from gradcheck.checking.refinement import Limits, Refinement
from gradcheck.checking.steps import wide_enough
from gradcheck.checking.subgradients import Nearby
from gradcheck.config.settings import Reference
from gradcheck.evaluation.evaluators import Evaluator, stencil_of
from gradcheck.evaluation.separability import confirm
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import SIGMAS, Stencil, relative_error
from gradcheck.numerics.richardson import RATIO, Limit
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import BoolArray, FloatArray, IndexArray, VerdictArray

#: The coarse pass may send an entry on without harm, so its bound on noise is tight.
_COARSE_SIGMAS = 3.0
#: Wrong entries that are confirmed by calls of the whole batch, the worst first.
_CONFIRMED = 3
#: Entries in doubt are looked at once more, at a step so many times finer, if its noise is below this part of the
#: gradients, and below what is allowed or another part. Of those that are off by so many bounds, and this part of
#: themselves, ``_MANY`` stand for all.
_FINER, _SHARP, _TINY, _MANY = 16.0, 1e-9, 1e-11, 16
_FAR_BOUNDS, _FAR_PART = 1e3, 1e-3
_LEAST_IN_SPACINGS = 64.0
#: A wide bound is a rough guess; what lies outside it by less than this factor is not called wrong.
_FAR_OUTSIDE = 3.0
#: A bound wider than this part of an entry makes its relative error one of the numerics, not of the loss.
_TELLING = 1e-3


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What the numerics say of E entries; every array has length E."""

    entries: IndexArray  # flat indices
    analytic: FloatArray  # dS
    numerical: FloatArray  # the estimates that the verdicts were given on
    bounds: FloatArray  # bounds on their errors
    relative_errors: FloatArray  # of the analytic against the numerical derivative
    verdicts: VerdictArray  # int8, indices into ``report.VERDICTS``
    negligible: BoolArray  # entries so small that the bound is no small part of them
    plain: FloatArray  # plain central differences, of half-width ``steps``
    steps: FloatArray  # of the coarse pass
    #: the central differences, corrected or extrapolated: where ``by_complex`` is false, ``numerical``
    central: FloatArray
    by_complex: BoolArray  # entries judged by a complex step
    kinked: BoolArray  # entries where left and right derivatives differ, or kinks meet
    granted: FloatArray  # bounds on the rounding of dS itself, with ``atol``
    leaps: FloatArray  # by how much the value at x lies below its neighbourhood along an axis, on both sides; else 0
    #: steps and plain central differences of the entries that took a step sequence, by position
    tried: Mapping[int, tuple[tuple[float, float], ...]]


def judge(
    evaluator: Evaluator,
    answer: Answer,
    analytic: FloatArray,
    precision: Precision,
    tolerance: Tolerance,
    nearby: Nearby | None,
    *,
    entries: IndexArray | None = None,
    reference: Reference = "auto",
) -> Verdicts:
    """Judge all entries of a gradient ``analytic`` (n,), as the user's dtype gave it, or some, by flat indices.

    ``answer`` is what the function, in float64 where it can, returned at x. Several calls may share ``nearby``; with
    None, one-sided derivatives along the axes have the last word at kinks.

    Raises:
        LossDefect: the function raised at moved points, or returned no value and gradient.
        NotSeparable: the evaluator takes rows one by one, and they turned out to be coupled.
    """
    chosen = np.arange(len(analytic)) if entries is None else entries
    work = _Entries(evaluator, answer, analytic[chosen], precision, tolerance, chosen)
    work.coarse_pass(cross_check=entries is None)
    if work.doubtful.size:
        few, others = work.look_again()
        work.refine(nearby)
        if others.size and not work.are_wrong(few):
            work.doubtful = others
            work.refine(nearby)
    return work.verdicts(reference)


def joined_verdicts(parts: list[Verdicts]) -> Verdicts:
    """The verdicts of several sets of entries as those of one."""
    names = [field.name for field in fields(Verdicts) if field.name != "tried"]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    starts = np.cumsum([0, *(len(part.entries) for part in parts)]).tolist()
    tried = {start + at: steps for start, part in zip(starts, parts, strict=False) for at, steps in part.tried.items()}
    return Verdicts(**arrays, tried=tried)


@dataclass(eq=False)
class _Entries:
    """The entries of one problem on their way through the passes: flat arrays of E, those in doubt by position."""

    _evaluator: Evaluator
    _answer: Answer
    _analytic: FloatArray
    _precision: Precision
    _tolerance: Tolerance
    _entries: IndexArray

    def __post_init__(self) -> None:
        self._gradient_noise = self._precision.gradient_noise
        self._noise = self._gradient_noise.at_least(self._entries)
        self._kinked, self._leaps = np.zeros(len(self._entries), dtype=bool), np.zeros(len(self._entries))
        self._tried: dict[int, tuple[tuple[float, float], ...]] = {}

    def coarse_pass(self, cross_check: bool) -> None:
        """Every entry by its corrected central difference: two calls each."""
        evaluator, entries, blocks = self._evaluator, self._entries, self._evaluator.objective.blocks
        steps = self._usual_steps()
        self._above = evaluator.moved(entries, steps)
        if cross_check and evaluator.by_rows:
            # An entry of every row moved at once: the whole batch must change as its rows do one by one.
            stops = np.append(blocks.starts[1:], blocks.n)
            some = np.random.default_rng(len(blocks)).integers(blocks.starts, stops)
            moved, same = self._above.only(some), self._precision.same
            confirm(evaluator, some, moved, same, together=True, value=self._answer.value)
        below = evaluator.moved(entries, -steps)
        here = evaluator.here(entries)
        if evaluator.by_rows:
            self._value_noise = self._precision.of_parts(blocks.of(entries), here.values)
        else:
            self._value_noise = np.full(len(entries), self._precision.value_noise)
        self._coarse = stencil_of(below, here, self._above)
        self._plain = self._coarse.plain()
        limit, self._smooth = self._seen(slice(None), self._coarse)
        self._numerical, self._bounds = limit.estimate, limit.bound
        self._verdicts = self._against(slice(None), limit)
        doubtful = np.flatnonzero(~self._smooth | (self._verdicts != verdict.OK))
        # What dS is granted beyond the least is worked out for those alone that need it.
        if doubtful.size:
            self._noise[doubtful] = self._gradient_noise.of(entries[doubtful])
            self._verdicts[doubtful] = self._against(doubtful, limit.only(doubtful))
        self.doubtful = doubtful[~self._smooth[doubtful] | (self._verdicts[doubtful] != verdict.OK)]

    def look_again(self) -> tuple[IndexArray, IndexArray]:
        """Those in doubt at a finer step: right ones leave. Of those far off a few stay; they stand for the second."""
        which, evaluator = self.doubtful, self._evaluator
        entries, steps = self._entries[which], self._usual_steps()[which] / _FINER
        steps = np.maximum(steps, _LEAST_IN_SPACINGS * evaluator.objective.spacing(evaluator.x[entries]))
        above, below = evaluator.moved(entries, steps), evaluator.moved(entries, -steps)
        limit, smooth = self._seen(which, stencil_of(below, evaluator.here(entries), above))
        smooth &= limit.bound <= _SHARP * self._precision.scale
        sharp = np.maximum(self._allowed(which, limit.estimate), _TINY * self._precision.scale)
        right = smooth & (limit.bound <= sharp) & (self._against(which, limit) == verdict.OK)
        self._take(which[right], limit.only(right))
        self._verdicts[which[right]] = verdict.OK
        # A wrong dS puts both estimates off, through their corrections, and the coarse one 256 times as much.
        bound = limit.bound + np.abs(limit.estimate - self._numerical[which])
        off = np.abs(self._analytic[which] - limit.estimate)
        least = self._allowed(which, limit.estimate) + _FAR_PART * np.abs(limit.estimate)
        is_far = off > _FAR_BOUNDS * (bound + self._granted(which)) + least
        far = np.flatnonzero(smooth & self._smooth[which] & is_far)
        few = np.linspace(0, len(far) - 1, min(_MANY, len(far)), dtype=np.intp)
        stay, gone = far[few], np.delete(far, few)
        self._take(which[gone], Limit(limit.estimate, bound).only(gone))
        self.doubtful = np.delete(which, np.concatenate([np.flatnonzero(right), gone]))
        return which[stay], which[gone]

    def are_wrong(self, which: IndexArray) -> bool:
        """Whether these are, but for what cannot be told, and none lies at a kink."""
        unlike = (self._verdicts[which] == verdict.OK) | (self._verdicts[which] == verdict.SUBGRADIENT)
        return not (unlike | self._kinked[which]).any()

    def refine(self, nearby: Nearby | None) -> None:
        """Entries in doubt by whole step sequences, by gradients nearby, and by calls of the whole batch."""
        which = self.doubtful
        if not which.size:
            return
        self._refinement = Refinement.of(
            self._evaluator, self._entries[which], self._value_noise[which], self._noise[which], self._precision
        )
        self._tried |= zip(which.tolist(), self._refinement.plain_differences(), strict=True)
        self._judge_limits(np.arange(len(which)), self._refinement)
        self._measure_rows()
        wrong = self.doubtful[self._wrong_in_doubt()]
        if nearby and wrong.size:  # they may yet be subgradients where kinks meet
            allowed = self._allowed(wrong, self._numerical[wrong]) + self._granted(wrong)
            self._kinked[wrong], self._verdicts[wrong] = nearby.judge(
                self._entries[wrong], self._analytic[wrong], allowed, self._kinked[wrong]
            )
        wrong = self.doubtful[self._wrong_in_doubt()]
        if self._evaluator.by_rows and wrong.size:  # single rows called them wrong: so must the whole batch, the worst
            apart = np.abs(self._analytic[wrong] - self._numerical[wrong])
            worst = wrong[np.argsort(-np.nan_to_num(apart, nan=np.inf), kind="stable")[:_CONFIRMED]]
            evidence = self._entries[worst], self._above.only(worst), self._precision.same
            confirm(self._evaluator, *evidence, together=False, value=self._answer.value)

    def _measure_rows(self) -> None:
        """Entries that are wrong only if their rows carry no more noise than their share: it is measured now."""
        wrong = self._wrong_in_doubt()
        if not self._evaluator.by_rows or not wrong.size:
            return
        refinement = self._refinement.only(wrong)
        whole = np.full(len(wrong), self._precision.value_noise)
        verdicts = self._at_limits(self.doubtful[wrong], replace(refinement, value_noise=whole).limits())
        contested = np.flatnonzero(verdicts != verdict.WRONG)
        if not contested.size:
            return
        refinement = refinement.only(contested)
        measured = noise_of_parts(self._evaluator, refinement.entries)
        clipped = np.clip(measured, refinement.value_noise, self._precision.value_noise)
        self._judge_limits(wrong[contested], replace(refinement, value_noise=clipped))

    def verdicts(self, reference: Reference) -> Verdicts:
        """What has become of the entries, once complex steps have sharpened what they can."""
        central, by_complex = Limit(self._numerical, self._bounds), np.zeros(len(self._bounds), dtype=bool)
        numerical, bounds = central.estimate.copy(), central.bound.copy()
        unsure = bounds + self._granted(slice(None))
        # Not at kinks: there a complex step is one of many right answers.
        wanted = in_question(reference, self._analytic, central, self._tolerance)
        asked = np.flatnonzero(wanted & (self._verdicts != verdict.SUBGRADIENT))
        if asked.size:
            entries, own = self._entries[asked], central.only(asked)
            arguments = self._evaluator, entries, self._analytic[asked], own, self._precision, self._tolerance
            at, sharp, rounding = complex_steps(*arguments)
            taken = asked[at]
            numerical[taken], bounds[taken], unsure[taken] = sharp.estimate, sharp.bound, rounding
            within = self._allowed(taken, sharp.estimate) + rounding
            differs = np.abs(self._analytic[taken] - sharp.estimate) > within
            self._verdicts[taken] = np.where(differs, verdict.WRONG, verdict.OK)
            by_complex[taken] = True
        return Verdicts(
            entries=self._entries,
            analytic=self._analytic,
            numerical=numerical,
            bounds=bounds,
            relative_errors=relative_error(self._analytic, numerical),
            verdicts=self._verdicts,
            negligible=_TELLING * np.maximum(np.abs(self._analytic), np.abs(numerical)) <= unsure,
            plain=self._plain,
            steps=(self._coarse.above + self._coarse.below) / 2,
            central=central.estimate,
            by_complex=by_complex,
            kinked=self._kinked,
            granted=self._granted(slice(None)) + self._tolerance.atol,
            leaps=self._leaps,
            tried=self._tried,
        )

    def _seen(self, which: IndexArray | slice, stencil: Stencil) -> tuple[Limit, BoolArray]:
        """The corrected differences of some of the entries, and whether they show no kink."""
        correction, x = stencil.correction(), self._evaluator.x[self._entries[which]]
        noise = self._precision.inside.noise(stencil, x, self._value_noise[which])
        limit = Limit(stencil.plain() - correction, stencil.noise_bound(noise, _COARSE_SIGMAS))
        return limit, verdict.is_smooth(stencil, correction, noise, self._precision.scale)

    def _usual_steps(self) -> FloatArray:
        """E steps: the usual one, but wide enough for the spacing of floats at each entry."""
        objective, step = self._evaluator.objective, self._precision.step
        if self._evaluator.by_rows:  # values carry the rounding of one row: a narrower step will do
            N, parts = objective.shape[0], self._answer.parts
            parts = np.full(N, self._answer.value / N) if parts is None else parts
            noise = float(np.max(self._precision.of_parts(np.arange(N), parts)))
            step = min(step, wide_enough(noise, self._precision.scale))
        return np.maximum(step, _LEAST_IN_SPACINGS * objective.spacing(self._evaluator.x[self._entries]))

    def _wrong_in_doubt(self) -> IndexArray:
        return np.flatnonzero(self._verdicts[self.doubtful] == verdict.WRONG)

    def _allowed(self, which: IndexArray | slice, numerical: FloatArray) -> FloatArray:
        return self._tolerance.allows(self._analytic[which], numerical)

    def _granted(self, which: IndexArray | slice) -> FloatArray:
        return SIGMAS * self._noise[which]

    def _against(self, which: IndexArray | slice, limit: Limit) -> VerdictArray:
        """Verdicts on some of the entries by their derivatives."""
        allowed, granted = self._allowed(which, limit.estimate), self._granted(which)
        return verdict.judge_smooth(self._analytic[which], limit, allowed, granted, self._precision.scale)

    def _at_limits(self, which: IndexArray, limits: Limits) -> VerdictArray:
        """Verdicts on some of the entries by step sequences: at a kink, by both sides; none where the value jumps."""
        given = self._allowed(which, limits.central.estimate), self._granted(which), self._precision.scale
        kinks = verdict.judge_kinks(self._analytic[which], limits.left, limits.right, *given)
        verdicts = np.where(limits.is_kink(), kinks, self._against(which, limits.central))
        return np.where(limits.jumps, verdict.UNRESOLVED, verdicts).astype(np.int8)

    def _judge_limits(self, which: IndexArray, refinement: Refinement) -> None:
        """Verdicts of some of the entries in doubt by step sequences of theirs."""
        limits, entries = refinement.limits(), self.doubtful[which]
        self._take(entries, limits.central)
        # A row may carry more noise than its share: what is no leap of the whole value is none.
        is_leap = np.abs(limits.leaps) > 2 * SIGMAS * self._precision.value_noise
        self._kinked[entries], self._leaps[entries] = limits.is_kink(), np.where(is_leap, limits.leaps, 0.0)
        verdicts, analytic = self._at_limits(entries, limits), self._analytic[entries]
        # Where a bound is wide, noise may hide kinks within the steps: what lies not far outside it is not wrong.
        limit, allowed = limits.central, self._allowed(entries, limits.central.estimate)
        bound = limit.bound + self._granted(entries)
        # In half precision steps are so wide that only the next finer one tells their error: within its noise, which
        # is ``RATIO`` times that of the bound.
        is_half = self._precision.inside.is_half
        far = (1 + RATIO if is_half else _FAR_OUTSIDE) * bound + allowed
        near = ~(np.abs(analytic - limit.estimate) > far) & ~limits.is_kink()
        hidden = near & (is_half | ~verdict.is_narrow(bound, allowed, self._precision.scale))
        if is_half:  # nor do they tell a kink beside x from one at x: derivatives on both sides must contradict dS
            sides = limits.left, limits.right, allowed, self._granted(entries), self._precision.scale
            hidden |= verdict.judge_kinks(analytic, *sides) != verdict.WRONG
        verdicts[hidden & (verdicts == verdict.WRONG)] = verdict.UNRESOLVED
        self._verdicts[entries] = verdicts

    def _take(self, which: IndexArray, limit: Limit) -> None:
        """Take estimates where there are any; where there is none, the first stays, with an infinite bound."""
        known = np.isfinite(limit.bound)
        self._numerical[which[known]] = limit.estimate[known]
        self._bounds[which] = limit.bound
