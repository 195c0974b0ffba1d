"""One problem judged: from the loss and its answer at S to a verdict for every entry.

measure the precision -> first look at every entry -> a ladder for those in doubt -> the hull where kinks meet
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck import neighbourhood
from gradcheck.ladder import Ladder, Limits, stencil, top_step
from gradcheck.loss import Evaluation
from gradcheck.numerics import verdict
from gradcheck.numerics.differences import relative_error
from gradcheck.numerics.extrapolation import Limit
from gradcheck.oracle import Oracle
from gradcheck.plans.plan import IndexArray, Plan
from gradcheck.precision import Precision, measure
from gradcheck.report import FloatArray

_LEAST_STEP_IN_SPACINGS = 64.0
#: The first look may send an entry on without harm, so its bound on noise is tight.
_FIRST_LOOK_SIGMAS = 3.0
#: Rungs that usually settle an entry of a smooth loss.
_SECOND_LOOK = 3


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the numerics say of one problem; every array is N x C.

    Attributes:
        numerical: the estimates that the verdicts were given on.
        bounds: bounds on their errors.
        relative_errors: of the analytic against the numerical gradient.
        verdicts: int8, indices into ``report.VERDICTS``.
        negligible: whether an entry is so small that the bound is no small part of it.
        plain: plain central differences, of half-width ``steps``.
        plan: the name of the plan.
    """

    numerical: FloatArray
    bounds: FloatArray
    relative_errors: FloatArray
    verdicts: npt.NDArray[np.int8]
    negligible: npt.NDArray[np.bool_]
    plain: FloatArray
    steps: FloatArray
    plan: str


def judge(
    oracle: Oracle,
    plan: Plan,
    scores: FloatArray,
    analytic: FloatArray,
    at_scores: Evaluation,
    *,
    rtol: float,
    atol: float,
    gradient_noise: FloatArray | None = None,
) -> Judgement:
    """Judge every entry of dS.

    Args:
        oracle: the loss at this problem.
        plan: how values at perturbed scores are obtained.
        scores: N x C float64, finite.
        analytic: dS at S, as the user's dtype gave it; N x C, finite.
        at_scores: what the reference (the loss in float64, where it can) answered at S.
        rtol, atol: the user's tolerances; atol comes on top of the measured bound.
        gradient_noise: N x C, noise that ``analytic`` has beyond that of the reference's dS; None for none.

    Raises:
        LossDefect: the loss raised at perturbed scores, or answered nonsense.
    """
    rng = np.random.default_rng(scores.shape)  # the same problem is always judged in the same way
    precision = measure(oracle, scores, at_scores, rng)
    noise = precision.gradient_noise if gradient_noise is None else np.maximum(precision.gradient_noise, gradient_noise)
    entries = _Entries(analytic.ravel(), noise.ravel(), rtol, atol)
    bench = _Bench(oracle, plan, scores, at_scores, precision, entries)
    bench.first_look()
    bench.second_look()
    bench.climb_the_ladder()
    bench.ask_around(rng)
    return bench.judgement()


@dataclass(frozen=True, eq=False)
class _Entries:
    """E entries of dS, the noise of each, and the user's tolerances."""

    analytic: FloatArray
    noise: FloatArray
    rtol: float
    atol: float

    def only(self, which: IndexArray) -> _Entries:
        return _Entries(self.analytic[which], self.noise[which], self.rtol, self.atol)

    def allowed(self, numerical: FloatArray) -> FloatArray:
        user = verdict.allowance(self.analytic, np.nan_to_num(numerical), self.rtol, self.atol)
        return user + verdict.gradient_bound(self.noise)

    def against(self, limit: Limit, scale: float) -> npt.NDArray[np.int8]:
        return verdict.judge_smooth(self.analytic, limit, self.allowed(limit.estimate), scale)

    def at_kinks(self, limits: Limits, scale: float) -> npt.NDArray[np.int8]:
        allowed = self.allowed(limits.central.estimate)
        return verdict.judge_kinks(self.analytic, limits.left, limits.right, allowed, scale)


class _Bench:
    """The entries of one problem on their way to their verdicts. Flat arrays of E = N·C, those in doubt by index."""

    def __init__(
        self,
        oracle: Oracle,
        plan: Plan,
        scores: FloatArray,
        at_scores: Evaluation,
        precision: Precision,
        entries: _Entries,
    ) -> None:
        self._oracle, self._plan, self._scores, self._at_scores = oracle, plan, scores, at_scores
        self._precision, self._entries = precision, entries
        self._rows, self._columns = (index.ravel() for index in np.indices(scores.shape))
        self._spacing = oracle.spacing(scores.ravel())

    def first_look(self) -> None:
        """Every entry by its corrected central difference: two calls each."""
        noise = self._precision.value_noise
        steps = np.maximum(self._precision.step, _LEAST_STEP_IN_SPACINGS * self._spacing)
        at = self._at_scores
        self._first = stencil(self._plan, self._rows, self._columns, steps, at.value, at.gradient.ravel())
        self._numerical = self._first.corrected()
        self._bounds = self._first.noise_bound(noise, _FIRST_LOOK_SIGMAS)
        self._scale = self._gradient_scale()
        self._verdicts = self._entries.against(Limit(self._numerical, self._bounds), self._scale)
        self._smooth = verdict.is_smooth(self._first, noise, self._scale)
        self._doubtful = np.flatnonzero(~self._smooth | (self._verdicts != verdict.OK))

    def second_look(self) -> None:
        """Smooth entries in doubt by three coarse rungs, corrected and extrapolated: the sharpest look there is.

        Unless something lies within the rungs' reach; then the bound is wide, and the entry has to climb further down.
        """
        noise = self._precision
        self._ladder = Ladder(
            self._plan,
            self._rows,
            self._columns,
            self._at_scores.value,
            self._at_scores.gradient.ravel(),
            noise.value_noise,
            noise.gradient_noise.ravel(),
            top_step(noise.step, noise.value_noise, self._scale),
            self._spacing,
        )
        self._ladder = self._ladder.only(self._doubtful).climbed(_SECOND_LOOK if self._doubtful.size else 0)
        if not self._doubtful.size:
            return
        entries, bounds = self._entries.only(self._doubtful), self._bounds[self._doubtful]
        sharper = self._ladder.central()
        right = self._smooth[self._doubtful] & (entries.against(sharper, self._scale) == verdict.OK)
        right &= sharper.bound <= np.maximum(bounds, entries.allowed(sharper.estimate))
        self._take(self._doubtful[right], sharper.only(right))
        self._verdicts[self._doubtful[right]] = verdict.OK
        self._ladder = self._ladder.only(np.flatnonzero(~right))
        self._doubtful = self._doubtful[~right]

    def climb_the_ladder(self) -> None:
        """What is still in doubt by the whole ladder, on both sides."""
        if not self._doubtful.size:
            return
        limits = self._ladder.climbed().limits()
        self._take(self._doubtful, limits.central)
        self._scale = self._gradient_scale()
        entries = self._entries.only(self._doubtful)
        self._kinks = limits.is_kink()
        self._verdicts[self._doubtful] = np.where(
            self._kinks,
            entries.at_kinks(limits, self._scale),
            entries.against(limits.central, self._scale),
        )
        self._verdicts[self._doubtful[limits.jumps]] = verdict.UNRESOLVED  # no derivative to compare with

    def ask_around(self, rng: np.random.Generator) -> None:
        """What is wrong so far may yet be a subgradient where kinks meet."""
        suspects = np.flatnonzero(self._verdicts[self._doubtful] == verdict.WRONG)
        if not suspects.size:
            return
        noise = self._precision.value_noise
        around = neighbourhood.sample(self._oracle, self._scores, noise, self._scale, rng)
        for e, kink in zip(self._doubtful[suspects].tolist(), self._kinks[suspects].tolist(), strict=True):
            entry = int(self._rows[e]), int(self._columns[e])
            if not (kink or around.kinked(entry)):
                continue
            analytic, allowed = self._entries.analytic[e], self._entries.allowed(self._numerical)[e]
            self._verdicts[e] = neighbourhood.judge_hull(
                self._oracle,
                self._plan,
                self._scores,
                around,
                entry,
                lowest=analytic - allowed,
                highest=analytic + allowed,
                value_noise=noise,
                widest=verdict.TOO_WIDE * self._scale + allowed,
            )

    def judgement(self) -> Judgement:
        """The verdicts, and what they were given on."""
        analytic, shape = self._entries.analytic, self._scores.shape
        size = np.maximum(np.abs(analytic), np.abs(self._numerical))
        return Judgement(
            numerical=self._numerical.reshape(shape),
            bounds=self._bounds.reshape(shape),
            relative_errors=relative_error(analytic, self._numerical).reshape(shape),
            verdicts=self._verdicts.reshape(shape),
            negligible=verdict.is_negligible(size, self._bounds, self._entries.noise).reshape(shape),
            plain=self._first.plain().reshape(shape),
            steps=((self._first.above + self._first.below) / 2).reshape(shape),
            plan=self._plan.name,
        )

    def _take(self, which: IndexArray, limit: Limit) -> None:
        """Take estimates where there are any; where there is none, the first stays, with a bound that says nothing."""
        known = np.isfinite(limit.bound)
        self._numerical[which[known]] = limit.estimate[known]
        self._bounds[which] = limit.bound

    def _gradient_scale(self) -> float:
        """The largest gradient seen near, analytic or numerical; where all are 0, the value beside the scores."""
        assert self._oracle.gradient_scale is not None  # it has been called
        finite = self._numerical[np.isfinite(self._numerical)]
        seen = max(float(np.max(self._oracle.gradient_scale)), float(np.max(np.abs(finite), initial=0.0)))
        reach = max(1.0, float(np.max(np.abs(self._scores), initial=0.0)))
        return seen or abs(self._at_scores.value) / reach
