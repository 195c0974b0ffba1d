"""Entries of one problem on their way to their verdicts.

first look at every entry -> a ladder for those in doubt -> the hull where kinks meet -> complex steps
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from gradcheck.checking.judgement import Entries, Judgement, Rungs
from gradcheck.checking.ladder import Ladder, no_rungs, stencil_of, top_step
from gradcheck.checking.precision import Precision
from gradcheck.checking.rows_alone import RowsAlone
from gradcheck.checking.step import above_rounding
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import IndexArray, Plan, RowPlan
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdict
from gradcheck.numerics.differences import relative_error
from gradcheck.numerics.extrapolation import Limit
from gradcheck.report import FloatArray
from gradcheck.settings import Reference

#: The first look may send an entry on without harm, so its bound on noise is tight.
_FIRST_LOOK_SIGMAS = 3.0
#: Rungs that usually settle an entry of a smooth loss.
_SECOND_LOOK = 3
#: Wrong entries that are looked at once more by calls of the whole batch, the worst first.
_CONFIRMED = 3


class Bench:
    """The entries of one problem, all of them or some, on their way to their verdicts.

    Flat arrays of E, those in doubt by index. A plan that takes rows one by one asks for all of the entries.
    """

    def __init__(
        self,
        oracle: Oracle,
        plan: Plan,
        scores: FloatArray,
        at_scores: Answer,
        precision: Precision,
        rng: np.random.Generator,
        rows: IndexArray,
        columns: IndexArray,
    ) -> None:
        self._oracle, self._plan, self._scores, self._at_scores = oracle, plan, scores, at_scores
        self._precision, self._rng = precision, rng
        self._rows_alone: RowsAlone | None = None
        if plan.by_rows:
            self._rows_alone = RowsAlone(oracle, cast(RowPlan, plan), scores, at_scores, precision, rng)
        self._shape, self._rows, self._columns = rows.shape, rows.ravel(), columns.ravel()
        self._kinked, self._leaps = np.zeros(len(self._rows), dtype=bool), np.zeros(len(self._rows))
        self._rungs: Rungs | None = None

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
        step = self._precision.step if self._rows_alone is None else self._rows_alone.step()
        steps = above_rounding(step, self._oracle, self._scores, self._rows, self._columns)
        if self._rows_alone is None:
            above = self._plan.along(self._rows, self._columns, steps)
            below = self._plan.along(self._rows, self._columns, -steps)
            here = self._plan.here(self._rows, self._columns, self._at_scores)
        else:
            below, here, above = self._rows_alone.look(self._rows, self._columns, steps)
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
        if doubtful.size:
            self._entries.noise[doubtful] = granted.of(self._rows[doubtful], self._columns[doubtful])
            self._verdicts[doubtful] = self._entries.only(doubtful).against(limit.only(doubtful), self._scale)
        self._doubtful = doubtful[~self._smooth[doubtful] | (self._verdicts[doubtful] != verdict.OK)]

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
        spacing = self._oracle.spacing(self._scores[rows, columns])
        ladder = Ladder(self._plan, rows, columns, here, noise, granted, top, spacing, no_rungs(len(rows)))
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
        self._rungs = Rungs(self._doubtful, *self._ladder.plain_differences())
        self._judge_limits(np.arange(len(self._doubtful)), self._ladder)

    def look_into_rows(self) -> None:
        """What is wrong only if rows carry no more noise than their share: whether they do is measured now."""
        if self._rows_alone is None or not self._doubtful.size:
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
        measured = self._rows_alone.noise_measured(ladder)
        self._judge_limits(wrong[contested], replace(ladder, value_noise=measured))

    def ask_around(self) -> None:
        """What is wrong so far may yet be a subgradient where kinks meet."""
        suspects = np.flatnonzero(self._verdicts[self._doubtful] == verdict.WRONG)
        if not suspects.size:
            return
        from gradcheck.checking.suspects import Suspects, ask_around  # a right gradient gets here seldom

        which = self._doubtful[suspects]
        asked = Suspects(
            self._rows[which], self._columns[which], self._kinked[which], self._entries.analytic[which],
            self._entries.only(which).allowed(self._numerical[which]),
        )  # fmt: skip
        self._kinked[which], self._verdicts[which] = ask_around(
            self._oracle, self._scores, asked, self._precision.value_noise, self._scale, self._rng
        )

    def confirm(self) -> None:
        """The worst of what is wrong, by calls of the whole batch: do they see what the rows alone showed?"""
        wrong = self._doubtful[self._verdicts[self._doubtful] == verdict.WRONG]
        if self._rows_alone is None or not wrong.size:
            return
        apart = np.abs(self._entries.analytic[wrong] - self._numerical[wrong])
        worst = wrong[np.argsort(-np.nan_to_num(apart, nan=np.inf), kind="stable")[:_CONFIRMED]]
        self._rows_alone.bear_out(self._rows[worst], self._columns[worst], self._above.only(worst))

    def take_complex_steps(self, reference: Reference) -> None:
        """Entries whose central differences are less precise than the tolerances ask for, or all, by complex steps.

        Not at kinks: there a complex step is one of many right answers.
        """
        entries, central = self._entries, Limit(self._numerical, self._bounds)
        self._central, self._by_complex = central.estimate, np.zeros(len(self._bounds), dtype=bool)
        self._unsure = central.bound, entries.noise
        wanted = verdict.in_question(reference, entries.analytic, central, entries.rtol, entries.atol)
        asked = np.flatnonzero(wanted & (self._verdicts != verdict.SUBGRADIENT))
        if not asked.size:
            return
        from gradcheck.checking.complex_reference import sharpen

        self._numerical, self._bounds = central.estimate.copy(), central.bound.copy()
        self._unsure = central.bound.copy(), entries.noise.copy()
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
            kinked=self._kinked.reshape(shape),
            leaps=self._leaps.reshape(shape),
            rungs=self._rungs,
            granted=(verdict.gradient_bound(self._entries.noise) + self._entries.atol).reshape(shape),
        )

    def _judge_limits(self, which: IndexArray, ladder: Ladder) -> None:
        """Verdicts of some of the doubtful by a ladder of theirs."""
        limits = ladder.limits()
        entries = self._doubtful[which]
        self._take(entries, limits.central)
        self._scale = self._gradient_scale()
        self._kinked[entries], self._leaps[entries] = limits.is_kink(), limits.leaps
        self._verdicts[entries] = self._entries.only(entries).at_limits(limits, self._scale)

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
        seen = max(float(np.max(self._oracle.gradient_scale)), verdict.largest(self._numerical))
        return seen or abs(self._at_scores.value) / max(1.0, verdict.largest(self._scores))
