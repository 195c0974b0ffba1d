"""One problem judged: from the loss and its answer at S to a verdict for every entry.

first look at every entry -> a ladder for those in doubt -> the hull where kinks meet
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from gradcheck import neighbourhood
from gradcheck.hull import judge_hull
from gradcheck.judgement import Entries, Judgement
from gradcheck.ladder import Ladder, stencil_of, top_step
from gradcheck.loss import Evaluation
from gradcheck.numerics import verdict
from gradcheck.numerics.differences import relative_error
from gradcheck.numerics.extrapolation import Limit
from gradcheck.oracle import Oracle
from gradcheck.plans.full import FullPlan
from gradcheck.plans.plan import IndexArray, Plan, Probes, RowPlan, joined
from gradcheck.plans.separability import Yardstick, verify, verify_entries
from gradcheck.precision import Precision, measure, measure_parts
from gradcheck.report import FloatArray
from gradcheck.settings import Reference
from gradcheck.step import wide_enough

_LEAST_STEP_IN_SPACINGS = 64.0
#: The first look may send an entry on without harm, so its bound on noise is tight.
_FIRST_LOOK_SIGMAS = 3.0
#: Rungs that usually settle an entry of a smooth loss.
_SECOND_LOOK = 3
#: Entries of a problem from which on a second call of the whole batch to bear the rows out is a small matter.
_MANY = 64
#: Entries of a matrix of which some fifty are held to search for the hull of derivatives around it.
_MOST_HELD = 2**18
#: Wrong entries that are looked at once more by calls of the whole batch, the worst first.
_CONFIRMED = 3


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
    precision: Precision | None = None,
    reference: Reference = "auto",
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
        precision: of the loss here; None to have it measured.
        reference: what judges: central differences or complex steps.

    Raises:
        LossDefect: the loss raised at perturbed scores, or answered nonsense.
        Coupled: the plan takes rows one by one, and they turned out to be coupled.
    """
    rng = np.random.default_rng(scores.shape)  # the same problem is always judged in the same way
    precision = precision or measure(oracle, scores, at_scores, rng)
    noise = replace(precision.gradient_noise, beyond=gradient_noise)
    index = np.indices(scores.shape)
    bench = _Bench(oracle, plan, scores, at_scores, replace(precision, gradient_noise=noise), rng, index[0], index[1])
    return bench.judgement(analytic, rtol, atol, reference)


def judge_entries(
    oracle: Oracle,
    scores: FloatArray,
    rows: IndexArray,
    columns: IndexArray,
    analytic: FloatArray,
    at_scores: Evaluation,
    *,
    rtol: float,
    atol: float,
    precision: Precision,
) -> Judgement:
    """Judge E entries of dS, by calls of the whole batch and central differences.

    Args:
        rows, columns: the entries.
        analytic: E floats, dS there.
        precision: of the loss here; with it, what else dS is granted.
        oracle, scores, at_scores, rtol, atol: as for ``judge``.

    Returns:
        A judgement whose arrays hold E.
    """
    rng = np.random.default_rng(scores.shape)
    bench = _Bench(oracle, FullPlan(oracle, scores), scores, at_scores, precision, rng, rows, columns)
    return bench.judgement(analytic, rtol, atol, "central")


class _Bench:
    """The entries of one problem, all of them or some, on their way to their verdicts.

    Flat arrays of E, those in doubt by index. A plan that takes rows one by one asks for all of the entries.
    """

    def __init__(
        self,
        oracle: Oracle,
        plan: Plan,
        scores: FloatArray,
        at_scores: Evaluation,
        precision: Precision,
        rng: np.random.Generator,
        rows: IndexArray,
        columns: IndexArray,
    ) -> None:
        self._oracle, self._plan, self._scores, self._at_scores = oracle, plan, scores, at_scores
        self._precision, self._rng = precision, rng
        self._yardstick = Yardstick(precision.value_noise, precision.rounding)
        self._shape, self._rows, self._columns = rows.shape, rows.ravel(), columns.ravel()
        self._spacing = oracle.spacing(scores[self._rows, self._columns])

    def judgement(self, analytic: FloatArray, rtol: float, atol: float, reference: Reference) -> Judgement:
        """The verdicts, and what they were given on, in arrays of the shape of the indices."""
        self.first_look(analytic, rtol, atol)
        self.second_look()
        self.climb_the_ladder()
        self.look_into_rows()
        self.ask_around()
        self.confirm()
        self.take_complex_steps(reference)
        return self._in_shape()

    def first_look(self, analytic: FloatArray, rtol: float, atol: float) -> None:
        """Every entry by its corrected central difference: two calls each."""
        below, above = self._probes_on_both_sides()
        here = self._plan.guess(self._rows, self._columns, above, below, self._at_scores)
        if self._plan.by_rows and not self._adds_up(here.values[:: self._scores.shape[1]], float(np.max(above.moved))):
            here = self._plan.here(self._rows, self._columns, self._at_scores)
        self._above = above
        self._first = stencil_of(below, here, above)
        noise = self._value_noise(self._rows, here.values)
        self._numerical = self._first.corrected()
        self._bounds = self._first.noise_bound(noise, _FIRST_LOOK_SIGMAS)
        self._scale = self._gradient_scale()
        limit = Limit(self._numerical, self._bounds)
        granted = self._precision.gradient_noise
        self._entries = Entries(analytic.ravel(), granted.at_least(self._rows, self._columns), rtol, atol)
        self._verdicts = self._entries.against(limit, self._scale)
        self._smooth = verdict.is_smooth(self._first, noise, self._scale)
        doubtful = np.flatnonzero(~self._smooth | (self._verdicts != verdict.OK))
        # What dS is granted beyond the least is worked out for those alone that need it.
        self._entries.noise[doubtful] = granted.of(self._rows[doubtful], self._columns[doubtful])
        self._verdicts[doubtful] = self._entries.only(doubtful).against(limit.only(doubtful), self._scale)
        self._doubtful = doubtful[~self._smooth[doubtful] | (self._verdicts[doubtful] != verdict.OK)]

    def _probes_on_both_sides(self) -> tuple[Probes, Probes]:
        """Below and above every entry; where rows are taken one by one, not before the whole batch bears a few out."""
        steps = np.maximum(self._step(), _LEAST_STEP_IN_SPACINGS * self._spacing)
        if not self._plan.by_rows:
            above = self._plan.along(self._rows, self._columns, steps)
            return self._plan.along(self._rows, self._columns, -steps), above
        first = self._one_of_each_row()
        others = np.ones(len(steps), dtype=bool)
        others[first] = False
        rest = np.flatnonzero(others)
        ahead = self._plan.along(self._rows[first], self._columns[first], steps[first])
        verify(self._oracle, self._scores, (self._rows[first], self._columns[first]), ahead, self._yardstick)
        above = joined(ahead, first, self._plan.along(self._rows[rest], self._columns[rest], steps[rest]), rest)
        below = self._plan.along(self._rows, self._columns, -steps)
        if len(steps) >= _MANY:
            last = self._one_of_each_row()
            entries = self._rows[last], self._columns[last]
            verify(self._oracle, self._scores, entries, below.only(last), self._yardstick)
        return below, above

    def _step(self) -> float:
        """The step of the first look: narrower where values carry the rounding of single rows alone."""
        if not self._plan.by_rows:
            return self._precision.step
        N, parts = len(self._scores), self._at_scores.parts
        parts = np.full(N, self._at_scores.value / N) if parts is None else parts
        noise = self._precision.of_parts(np.arange(N), parts)
        assert self._oracle.gradient_scale is not None  # it has been called
        scale = float(np.max(self._oracle.gradient_scale))
        return min(self._precision.step, wide_enough(float(np.max(noise)), scale))

    def _one_of_each_row(self) -> IndexArray:
        rows, columns = self._scores.shape
        return np.asarray(np.arange(rows) * columns + self._rng.integers(columns, size=rows))

    def second_look(self) -> None:
        """Smooth entries in doubt by three coarse rungs, corrected and extrapolated: the sharpest look there is.

        Unless something lies within the rungs' reach; then the bound is wide, and the entry has to climb further down.
        """
        if not self._doubtful.size:
            return
        rows, columns = self._rows[self._doubtful], self._columns[self._doubtful]
        here = self._plan.here(rows, columns, self._at_scores)
        noise = self._value_noise(rows, here.values)
        top = top_step(self._precision.step, float(np.max(noise)), self._scale)
        granted = self._precision.gradient_noise.of(rows, columns)
        ladder = Ladder(self._plan, rows, columns, here, noise, granted, top, self._spacing[self._doubtful])
        self._ladder = ladder.climbed(_SECOND_LOOK)
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
        self._ladder = self._ladder.climbed()
        self._kinks = np.zeros(len(self._doubtful), dtype=bool)
        self._judge_limits(np.arange(len(self._doubtful)), self._ladder)

    def look_into_rows(self) -> None:
        """What is wrong only if rows carry no more noise than their share: whether they do is measured now."""
        if not self._plan.by_rows or not self._doubtful.size:
            return
        wrong = np.flatnonzero(self._verdicts[self._doubtful] == verdict.WRONG)
        if not wrong.size:
            return
        ladder = self._ladder.only(wrong)
        whole = np.full(len(wrong), self._precision.value_noise)
        limits = replace(ladder, value_noise=whole).limits()
        entries = self._entries.only(self._doubtful[wrong])
        contested = np.flatnonzero(entries.at_limits(limits, self._gradient_scale()) != verdict.WRONG)
        if not contested.size:
            return
        ladder = ladder.only(contested)
        rows, first, row_of_entry = np.unique(ladder.rows, return_index=True, return_inverse=True)
        measured = measure_parts(_of_rows(self._plan), self._scores, rows, ladder.here.values[first], self._rng)
        noise = np.clip(measured[row_of_entry], ladder.value_noise, self._precision.value_noise)
        self._judge_limits(wrong[contested], replace(ladder, value_noise=noise))

    def ask_around(self) -> None:
        """What is wrong so far may yet be a subgradient where kinks meet."""
        suspects = np.flatnonzero(self._verdicts[self._doubtful] == verdict.WRONG)
        if not suspects.size:
            return
        if self._scores.size > _MOST_HELD:
            self._leave_open(suspects)
            return
        noise, whole = self._precision.value_noise, FullPlan(self._oracle, self._scores)
        around = neighbourhood.sample(self._oracle, self._scores, noise, self._scale, self._rng)
        for e, kink in zip(self._doubtful[suspects].tolist(), self._kinks[suspects].tolist(), strict=True):
            entry = int(self._rows[e]), int(self._columns[e])
            if not (kink or around.kinked(entry) or around.is_one_of_many(self._scores, entry)):
                continue
            analytic, allowed = self._entries.analytic[e], self._entries.allowed(self._numerical)[e]
            self._verdicts[e] = judge_hull(
                self._oracle,
                whole,
                self._scores,
                around,
                entry,
                lowest=analytic - allowed,
                highest=analytic + allowed,
                value_noise=noise,
                widest=verdict.TOO_WIDE * self._scale + allowed,
            )

    def _leave_open(self, suspects: IndexArray) -> None:
        """Of a matrix too large for a search around it: an entry near kinks might be a subgradient or wrong."""
        entries = self._doubtful[suspects]
        kinked = self._kinks[suspects] | neighbourhood.kinked_entries(
            self._oracle, self._scores, self._rows[entries], self._columns[entries],
            self._precision.value_noise, self._scale, self._rng,
        )  # fmt: skip
        self._verdicts[entries[kinked]] = verdict.UNRESOLVED

    def confirm(self) -> None:
        """The worst of what is wrong, by calls of the whole batch: do they see what the rows alone showed?"""
        wrong = self._doubtful[self._verdicts[self._doubtful] == verdict.WRONG]
        if not self._plan.by_rows or not wrong.size:
            return
        apart = np.abs(self._entries.analytic[wrong] - self._numerical[wrong])
        worst = wrong[np.argsort(-np.nan_to_num(apart, nan=np.inf), kind="stable")[:_CONFIRMED]]
        rows, columns = self._rows[worst], self._columns[worst]
        changes = self._above.values[worst] - self._plan.here(rows, columns, self._at_scores).values
        value, offsets = self._at_scores.value, self._above.moved[worst]
        verify_entries(self._oracle, self._scores, (rows, columns), offsets, changes, value, self._yardstick)

    def take_complex_steps(self, reference: Reference) -> None:
        """Entries whose central differences are less precise than the tolerances ask for, or all, by complex steps.

        Not at kinks: there a complex step is one of many right answers.
        """
        entries, central = self._entries, Limit(self._numerical.copy(), self._bounds.copy())
        self._central, self._by_complex = central.estimate, np.zeros(len(self._bounds), dtype=bool)
        self._unsure = self._bounds.copy(), entries.noise.copy()
        wanted = verdict.in_question(reference, entries.analytic, central, entries.rtol, entries.atol)
        asked = np.flatnonzero(wanted & (self._verdicts != verdict.SUBGRADIENT))
        if not asked.size:
            return
        from gradcheck.complex_reference import sharpen

        rows, columns = self._rows[asked], self._columns[asked]
        noise = self._precision.gradient_noise.of(rows, columns)
        some, analytic = central.only(asked), entries.analytic[asked]
        sharpened = sharpen(
            self._oracle, self._plan, self._scores, rows, columns, analytic, noise, some,
            rtol=entries.rtol, atol=entries.atol,
        )  # fmt: skip
        steps, rounding = sharpened.limit, sharpened.rounding
        verdicts = verdict.judge_by_complex_steps(analytic, steps.estimate, rounding, entries.rtol, entries.atol)
        taken = asked[sharpened.by_complex]
        self._numerical[asked], self._bounds[asked] = steps.estimate, steps.bound
        self._verdicts[taken] = verdicts[sharpened.by_complex]
        self._unsure[0][taken], self._unsure[1][taken] = rounding[sharpened.by_complex], 0.0
        self._by_complex[taken] = True

    def _in_shape(self) -> Judgement:
        analytic, shape = self._entries.analytic, self._shape
        size = np.maximum(np.abs(analytic), np.abs(self._numerical))
        return Judgement(
            numerical=self._numerical.reshape(shape),
            bounds=self._bounds.reshape(shape),
            relative_errors=relative_error(analytic, self._numerical).reshape(shape),
            verdicts=self._verdicts.reshape(shape),
            negligible=verdict.is_negligible(size, *self._unsure).reshape(shape),
            plain=self._first.plain().reshape(shape),
            steps=((self._first.above + self._first.below) / 2).reshape(shape),
            plan=self._plan.name,
            central=self._central.reshape(shape),
            by_complex=self._by_complex.reshape(shape),
        )

    def _judge_limits(self, which: IndexArray, ladder: Ladder) -> None:
        """Verdicts of some of the doubtful by a ladder of theirs."""
        limits = ladder.limits()
        entries = self._doubtful[which]
        self._take(entries, limits.central)
        self._scale = self._gradient_scale()
        self._kinks[which] = limits.is_kink()
        self._verdicts[entries] = self._entries.only(entries).at_limits(limits, self._scale)

    def _adds_up(self, parts: FloatArray, step: float) -> bool:
        """Whether guessed parts make up the value, but for what is no sign of a kink: all of a row's may have one."""
        assert self._oracle.gradient_scale is not None  # it has been called
        ordinary = verdict.SMALL * float(np.max(self._oracle.gradient_scale)) * step / 2
        total, value = float(np.sum(parts)), self._at_scores.value
        return abs(total - value) <= ordinary or self._yardstick.same(total, value)

    def _value_noise(self, rows: IndexArray, values: FloatArray) -> FloatArray:
        """E floats, the noise of values in the plan's coin."""
        if self._plan.by_rows:
            return self._precision.of_parts(rows, values)
        return np.full(len(rows), self._precision.value_noise)

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


def _of_rows(plan: Plan) -> RowPlan:
    """A plan that takes rows one by one, as such."""
    assert plan.by_rows
    return cast(RowPlan, plan)
