"""One loss at one problem: contract, verdicts, contract again; a BatchReport, findings and an Observation out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradcheck.checking.case import Observation, unjudged
from gradcheck.checking.contract import Inspection, finding_of, inspect, inspect_again
from gradcheck.checking.memory import keep_at_hand
from gradcheck.checking.problem_verdicts import Judged, judge_problem
from gradcheck.config import Config
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.report import BatchReport, Finding
from gradcheck.sampling import Problem
from gradcheck.settings import Settings


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
    loss: Function,
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
        judged = judge_problem(loss, problem, at_scores, config, settings)
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


_NO_MEAN = Finding(
    "wrong-shape",
    "error",
    "the value is a vector, each row's own, and dS is not the derivative of those",
    hint="if the batch mean was meant, return that: a single number",
)


def _batch(problem: Problem, at_scores: Answer, judged: Judged, evaluations: int, seconds: float) -> BatchReport:
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
        labels=problem.labels,
        relative_errors=judgement.relative_errors if judgement else None,
        verdicts=judgement.verdicts if judgement else None,
        negligible=judgement.negligible if judgement else None,
        by_complex=judgement.by_complex if judgement and judgement.by_complex.any() else None,
        worst=judged.worst,
        seconds=seconds,
        projections=judged.projections,
    )


def _observation(
    problem: Problem, at_scores: Answer, judged: Judged, batch: BatchReport, settings: Settings
) -> Observation | None:
    judgement = judged.judgement
    if judgement is None and settings.like is None:
        return None
    S, dS, by_rows = problem.S.astype(np.float64), at_scores.gradient, at_scores.parts is not None
    seen = unjudged(S, problem.y, batch.seed, batch.scores, batch.value, dS, by_rows)
    if judgement is None:
        return seen
    return replace(
        seen,
        numerical=judgement.numerical,
        bounds=judgement.bounds,
        granted=judgement.granted,
        verdicts=judgement.verdicts,
        kinked=judgement.kinked,
        leaps=judgement.leaps,
        whole_numbers=at_scores.whole_numbers,
        row_weight=judged.row_weight,
        evaluations=batch.evaluations,
        lines=judged.lines if batch.wrong else (),
        judged=True,
    )
