"""What the numerics make of one problem: verdicts of all of its entries, or of a sample and of projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.checking.case import Line
from gradcheck.checking.judge import judge
from gradcheck.checking.judgement import Judgement
from gradcheck.checking.precision import measure, rounding_of_gradient
from gradcheck.checking.rows_alone import calls_to_bear_out
from gradcheck.checking.worst import worst_entries
from gradcheck.config import Config
from gradcheck.errors import LossDefect
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.choose import Choice, choose, refused, try_each_row
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.evaluation.plans.plan import Coupled, Plan
from gradcheck.evaluation.plans.yardstick import Yardstick
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.numerics.verdict import SUBGRADIENT
from gradcheck.report import Entry, Finding
from gradcheck.sampling import Problem
from gradcheck.settings import Settings

if TYPE_CHECKING:
    from gradcheck.report import Projections

#: Calls beside two for each entry that a smooth loss may cost, less three of the contract, and one at large scores once
#: all problems are checked.
_BESIDE = 60 - 3 - 1
#: What this part of the entries costs is a small matter.
_SHARE = 50
#: Calls that a right gradient takes by projections: some 35 of the batch, and two of a row for each of a sample.
_BY_PROJECTIONS = 165


@dataclass(frozen=True, eq=False)
class Judged:
    """What the numerics made of one problem.

    Attributes:
        plan, why: the plan, and why it was taken.
        calls: of the loss.
        findings: what was noticed meanwhile.
        worst: the worst entries.
        judgement: of every entry; None where they are too many.
        projections: what stands in its place.
        lines: dS along a few lines from S.
        row_weight: as in ``Choice``.
    """

    plan: str
    why: str
    calls: int
    findings: tuple[Finding, ...]
    worst: tuple[Entry, ...]
    judgement: Judgement | None = None
    projections: Projections | None = None
    lines: tuple[Line, ...] = ()
    row_weight: float | None = None


def judge_problem(loss: Function, problem: Problem, at_scores: Answer, config: Config, settings: Settings) -> Judged:
    """Judge one problem: by projections where it is too large for its entries to be judged one by one.

    Args:
        loss: what is checked.
        problem: where.
        at_scores: what it answered there.
        config: which tolerances, and which plan.
        settings: how the run goes.

    Raises:
        LossDefect: the loss raised at perturbed scores, or answered nonsense.
        UsageError: the plan that the config asks for does not suit the loss.
    """
    if why := _why_projections(problem.S.size, config):
        return _by_projections(loss, problem, at_scores, config, settings, why)
    return _by_entries(loss, problem, at_scores, config, settings)


def _by_entries(loss: Function, problem: Problem, at_scores: Answer, config: Config, settings: Settings) -> Judged:
    """The verdicts at one problem.

    The loss gets the config's dtype; the reference is taken in float64 at the same scores, where the loss allows.
    """
    scores = problem.S.astype(np.float64)
    given = Oracle(loss, problem.y, problem.S.dtype)
    exact = Oracle(loss, problem.y, np.float64, resolution=problem.S.dtype)
    oracle, reference, gradient_noise = given, at_scores, None
    if problem.S.dtype != np.float64:
        oracle = exact
        try:
            reference = exact(scores)
            gradient_noise = rounding_of_gradient(given, exact, scores, at_scores)
        except LossDefect:  # it takes no float64: then the reference is as coarse as what is judged
            oracle, reference = given, at_scores
    oracle.remember(at_scores)
    tried = try_each_row(oracle, scores, reference, config.plan)
    answer = tried.answer or reference
    precision = measure(oracle, scores, answer, np.random.default_rng(scores.shape))
    yardstick = Yardstick(precision.value_noise, precision.rounding)
    spent = given.calls + exact.calls + calls_to_bear_out(scores.size)
    spare = max(_BESIDE - spent, scores.size // _SHARE)
    choice = choose(oracle, scores, answer, yardstick, config.plan, tried.why_not, spare)

    def judged(plan: Plan, answer: Answer) -> Judgement:
        if loss.budget:
            loss.budget.expect(2 * scores.shape[1] if plan.name == "per-sample" else 2 * scores.size)
        return judge(
            oracle, plan, scores, at_scores.gradient, answer,
            rtol=config.rtol, atol=config.atol, gradient_noise=gradient_noise, precision=precision,
            reference=settings.reference,
        )  # fmt: skip

    try:
        judgement = judged(choice.plan, answer)
    except Coupled as evidence:
        if config.plan in ("rows", "per-sample"):
            raise refused(config.plan, evidence) from None
        oracle.weight = None
        choice = Choice(FullPlan(oracle, scores), str(evidence))
        judgement = judged(choice.plan, reference)
    findings = list(tried.findings)
    if np.count_nonzero(judgement.verdicts == SUBGRADIENT) > 1:
        from gradcheck.checking.joint_subgradients import apart, as_finding  # few losses have kinks that are met

        value = answer.value if judgement.plan == "per-sample" else reference.value
        found = apart(oracle, scores, at_scores.gradient, value, judgement, precision)
        findings += [as_finding(found)] if found else []
    worst = worst_entries(scores, problem.labels, at_scores.gradient, judgement, settings.worst)
    calls = given.calls + exact.calls
    return Judged(
        judgement.plan, choice.why, calls, tuple(findings), worst, judgement,
        lines=precision.lines, row_weight=choice.row_weight,
    )  # fmt: skip


def _why_projections(entries: int, config: Config) -> str:
    """Why a problem of so many entries is checked by projections; empty where every entry is judged."""
    if config.plan == "projections":
        return "it was asked for"
    if config.plan == "auto" and entries > config.max_entries:
        return f"it has {entries:,} entries, and max_entries is {config.max_entries:,}"
    return ""


def _by_projections(
    loss: Function, problem: Problem, at_scores: Answer, config: Config, settings: Settings, why: str
) -> Judged:
    """What projections tell of one problem."""
    from gradcheck.checking.projected.check import project

    S, labels, most = problem.S, problem.labels, settings.worst
    if loss.budget:
        loss.budget.expect(_BY_PROJECTIONS)
    told = project(loss, S, problem.y, at_scores, config.rtol, config.atol, most)
    worst = tuple(each.as_entry(S, labels) for each in told.entries[:most])
    return Judged("projections", f"{why}; {told.why}", told.calls, told.findings, worst, projections=told.projections)
