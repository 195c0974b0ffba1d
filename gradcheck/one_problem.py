"""One loss at one problem: contract, reference, precision, plan, verdicts; a BatchReport and findings out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from gradcheck.answers import Evaluation
from gradcheck.config import Config
from gradcheck.contract import Inspection, finding_of, inspect, inspect_again
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.judge import judge
from gradcheck.judgement import Judgement
from gradcheck.loss import Loss
from gradcheck.memory import keep_at_hand
from gradcheck.observation import Line, Observation, unjudged
from gradcheck.oracle import Oracle
from gradcheck.plans.choose import Choice, choose, refused, try_each_row
from gradcheck.plans.full import FullPlan
from gradcheck.plans.plan import Coupled, Plan
from gradcheck.plans.yardstick import Yardstick
from gradcheck.precision import measure, rounding_of_gradient
from gradcheck.report import BatchReport, Entry, Finding
from gradcheck.sampling import Problem
from gradcheck.settings import Settings
from gradcheck.worst import worst_entries

if TYPE_CHECKING:
    from gradcheck.projections import Projections


class Checked(NamedTuple):
    """What became of one problem.

    Attributes:
        batch: its report; None where the loss broke its contract before a verdict was reached.
        findings: of the contract.
        observation: what the rules of findings are to look at; None where no entry was judged by itself.
    """

    batch: BatchReport | None
    findings: list[Finding]
    observation: Observation | None = None


def check_problem(
    loss: Loss,
    problem: Problem,
    config: Config,
    inspection: Inspection | None = None,
    settings: Settings = Settings(),
) -> Checked:
    """Check one loss at one problem.

    Args:
        loss: what is checked.
        problem: where.
        config: which tolerances.
        inspection: what inspecting it there has told; None where that is still to be done.
        settings: how the run goes.

    Raises:
        UsageError: the plan that the config asks for does not suit the loss.
        OutOfTime: the run's time is up; with the contract's findings so far.
    """
    begun = time.perf_counter()
    keep_at_hand(8 * problem.S.size)
    inspection = inspection or replace(inspect(loss, problem.S, problem.y, None), first=None)
    findings, at_scores = list(inspection.findings), inspection.evaluation
    if at_scores is None:
        return Checked(None, findings)
    try:
        if why := _why_projections(problem.S.size, config):
            judged = _projected(loss, problem, at_scores, config, settings, why)
        else:
            judged = _judged(loss, problem, at_scores, config, settings)
        state = inspect_again(loss, problem.S, problem.y, at_scores)
    except LossDefect as defect:
        near = LossDefect(defect.code, f"{defect.message}, at scores near these", details=defect.details)
        near.__cause__ = defect.__cause__
        return Checked(None, [finding_of(near), *findings])
    except OutOfTime as end:
        end.found = findings
        raise
    seconds = time.perf_counter() - begun
    batch = _batch(problem, at_scores, judged, judged.calls + inspection.calls + 1, seconds)
    findings += judged.findings
    if at_scores.parts is not None and batch.wrong:
        findings.append(_NO_MEAN)
    observation = _observation(problem, at_scores, judged, batch, settings)
    return Checked(batch, [*([state] if state else []), *findings], observation)


#: Calls beside two for each entry that a smooth loss may cost, less those of the contract, two to bear rows out and one
#: at large scores once all problems are checked.
_BESIDE = 60 - 6
#: What this part of the entries costs is a small matter.
_SHARE = 50

_NO_MEAN = Finding(
    "wrong-shape",
    "error",
    "the value is a vector, each row's own, and dS is not the derivative of those",
    hint="if the batch mean was meant, return that: a single number",
)


@dataclass(frozen=True, eq=False)
class _Judged:
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


def _judged(loss: Loss, problem: Problem, at_scores: Evaluation, config: Config, settings: Settings) -> _Judged:
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
    spare = max(_BESIDE - given.calls - exact.calls, scores.size // _SHARE)
    choice = choose(oracle, scores, answer, yardstick, config.plan, tried.why_not, spare)

    def judged(plan: Plan, answer: Evaluation) -> Judgement:
        if loss.watch:
            loss.watch.expect(2 * scores.shape[1] if plan.name == "per-sample" else 2 * scores.size)
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
    worst = worst_entries(scores, _labels(problem), at_scores.gradient, judgement, settings.worst)
    calls = given.calls + exact.calls
    return _Judged(
        judgement.plan, choice.why, calls, tried.findings, worst, judgement,
        lines=precision.lines, row_weight=choice.row_weight,
    )  # fmt: skip


#: Calls that a right gradient takes by projections: some 35 of the batch, and two of a row for each of a sample.
_BY_PROJECTIONS = 165


def _why_projections(entries: int, config: Config) -> str:
    """Why a problem of so many entries is checked by projections; empty where every entry is judged."""
    if config.plan == "projections":
        return "it was asked for"
    if config.plan == "auto" and entries > config.max_entries:
        return f"it has {entries:,} entries, and max_entries is {config.max_entries:,}"
    return ""


def _projected(
    loss: Loss, problem: Problem, at_scores: Evaluation, config: Config, settings: Settings, why: str
) -> _Judged:
    """What projections tell of one problem."""
    from gradcheck.projected.check import project

    S, most = problem.S, settings.worst
    if loss.watch:
        loss.watch.expect(_BY_PROJECTIONS)
    told = project(loss, S, problem.y, at_scores, config.rtol, config.atol, most)
    worst = tuple(each.as_entry(S, _labels(problem)) for each in told.entries[:most])
    return _Judged("projections", f"{why}; {told.why}", told.calls, told.findings, worst, projections=told.projections)


def _labels(problem: Problem) -> npt.NDArray[np.int64] | None:
    return problem.y.astype(np.int64) if problem.y.ndim == 1 and problem.y.dtype.kind in "iu" else None


def _batch(problem: Problem, at_scores: Evaluation, judged: _Judged, evaluations: int, seconds: float) -> BatchReport:
    judgement = judged.judgement
    N, C = problem.S.shape
    return BatchReport(
        batch_size=N,
        classes=C,
        scores=problem.scores,
        trial=problem.trial,
        seed=problem.seed,
        value=at_scores.value,
        plan=judged.plan,
        why=judged.why,
        evaluations=evaluations,
        labels=_labels(problem),
        relative_errors=judgement.relative_errors if judgement else None,
        verdicts=judgement.verdicts if judgement else None,
        negligible=judgement.negligible if judgement else None,
        by_complex=judgement.by_complex if judgement and judgement.by_complex.any() else None,
        worst=judged.worst,
        seconds=seconds,
        projections=judged.projections,
    )


def _observation(
    problem: Problem, at_scores: Evaluation, judged: _Judged, batch: BatchReport, settings: Settings
) -> Observation | None:
    judgement, S, by_rows = judged.judgement, problem.S.astype(np.float64), at_scores.parts is not None
    if judgement is None:
        if settings.like is None:
            return None
        value = at_scores.value, at_scores.gradient
        return unjudged(S, problem.y, problem.seed, problem.scores, *value, by_rows)
    return Observation(
        S=S,
        y=problem.y,
        seed=problem.seed,
        scores=problem.scores,
        value=at_scores.value,
        analytic=at_scores.gradient,
        numerical=judgement.numerical,
        bounds=judgement.bounds,
        granted=judgement.granted,
        verdicts=judgement.verdicts,
        kinked=judgement.kinked,
        leaps=judgement.leaps,
        whole_numbers=at_scores.whole_numbers,
        by_rows=by_rows,
        row_weight=judged.row_weight,
        evaluations=batch.evaluations,
        lines=judged.lines if batch.wrong else (),
    )
