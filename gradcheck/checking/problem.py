"""One function at one problem: contract, verdicts, contract again; a BatchReport, findings and a Case out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case, unjudged
from gradcheck.checking.contract import Inspection, finding_of, inspect, inspect_again
from gradcheck.checking.entries import Tolerance, Verdicts, judge
from gradcheck.checking.joint_subgradients import joint_defect
from gradcheck.checking.precision import Precision, measure, rounding_of_gradient
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.evaluation.evaluators import Evaluator, NotSeparable, WholeBatch
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.separability import RowValues, choose, refused, try_row_values
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.numerics.verdicts import SUBGRADIENT
from gradcheck.report import VERDICTS, BatchReport, Entry, Finding, FloatArray, Projections
from gradcheck.sampling import Problem

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool

#: Calls that a right gradient takes by projections: some 40 of the batch, and three of a row for each of a sample.
_BY_PROJECTIONS = 230


class Checked(NamedTuple):
    """What became of one problem.

    Attributes:
        batch: its report; None where the loss broke its contract before a verdict was reached.
        findings: of the contract.
        case: what diagnosis looks at; None where no entry was judged by itself.
    """

    batch: BatchReport | None
    findings: list[Finding]
    case: Case | None = None


@dataclass(frozen=True, eq=False)
class _Judged:
    """What the numerics made of one problem."""

    plan: str
    why: str
    calls: int
    findings: tuple[Finding, ...]
    verdicts: Verdicts
    precision: Precision
    projections: Projections | None = None
    row_weight: float | None = None


def check_problem(
    loss: Function,
    problem: Problem,
    config: Config,
    inspection: Inspection | None = None,
    settings: Settings = Settings(),
    pool: Pool | None = None,
) -> Checked:
    """Check one loss at one problem.

    Args:
        loss: what is checked.
        problem: where.
        config: which tolerances.
        inspection: what inspecting it there has told; None where that is still to be done.
        settings: how the run goes.
        pool: other processes that share many calls; None for none.

    Raises:
        UsageError: the plan that the config asks for does not suit the loss.
        OutOfTime: the run's time is up; with the contract's findings so far.
    """
    begun = time.perf_counter()
    inspection = inspection or replace(inspect(loss, problem.S, problem.y, None), first=None)
    findings, answer = list(inspection.findings), inspection.evaluation
    if answer is None:
        return Checked(None, findings)
    try:
        judged = _judge(loss, problem, answer, config, settings, pool)
        state = inspect_again(loss, problem.S, problem.y, answer)
    except LossDefect as defect:
        near = LossDefect(defect.code, f"{defect.message}, at scores near these", details=defect.details)
        near.__cause__ = defect.__cause__
        return Checked(None, [finding_of(near), *findings])
    except OutOfTime as end:
        end.found = findings
        raise
    seconds = time.perf_counter() - begun
    evaluations = judged.calls + inspection.calls + 1
    batch = _batch(problem, answer, judged, evaluations, seconds, settings.worst)
    findings += judged.findings
    if answer.parts is not None and batch.wrong:
        findings.append(_NO_MEAN)
    case = _case(problem, answer, judged, batch, settings)
    return Checked(batch, [*([state] if state else []), *findings], case)


_NO_MEAN = Finding(
    "wrong-shape",
    "error",
    "the value is a vector, one number for each row, and dS is not the derivative of those",
    hint="if the batch mean was meant, return that: a single number",
)


def _judge(
    loss: Function, problem: Problem, given_answer: Answer, config: Config, settings: Settings, pool: Pool | None
) -> _Judged:
    """Judge one problem: by projections where it has too many entries to be judged one by one.

    The loss gets the config's dtype; the reference is taken in float64 at the same scores, where the loss allows.
    """
    x = problem.S.astype(np.float64, copy=False).reshape(-1)
    shape = problem.S.shape
    assert len(shape) == 2
    why = _why_projections(len(x), config)
    answer = replace(given_answer, gradient=given_answer.gradient.reshape(-1))
    analytic = answer.gradient
    given = Objective(loss, shape, problem.y, problem.S.dtype, pool=pool)
    objective, reference, beyond = given, answer, None
    if problem.S.dtype != np.float64:
        exact = Objective(loss, shape, problem.y, np.float64, resolution=problem.S.dtype, pool=pool)
        try:
            reference = exact(x)
            beyond = rounding_of_gradient(given, exact, x, answer.gradient_eps)
            objective = exact
        except LossDefect:  # it takes no float64: then the reference is as coarse as what is judged
            reference = answer
    wanted = config.plan
    tried = RowValues(objective, reference, "") if why else try_row_values(objective, x, reference, wanted)
    precision = measure(tried.objective, x, tried.answer, in_short=bool(why))
    noise = replace(precision.gradient_noise, beyond=beyond)
    tolerance = Tolerance(config.rtol, config.atol)
    if why and wanted != "rows":
        wanted = "auto"
    evaluator, reason, row_weight = choose(tried, x, precision.same, wanted, thorough=not why)

    def calls() -> int:
        total = evaluator.objective.calls
        return total if given is objective else total + given.calls

    def run(evaluator: Evaluator, answer: Answer) -> _Judged:
        if loss.budget:
            entrywise = 2 * shape[1] if evaluator.name == "per-sample" else 2 * len(x)
            loss.budget.expect(_BY_PROJECTIONS if why else entrywise)
        if why:
            from gradcheck.checking.directions import Base
            from gradcheck.checking.projections import check_directions

            base = Base(x, answer.value, answer.gradient, analytic)
            told = check_directions(given, evaluator, base, precision, noise, tolerance, problem.y, settings.worst)
            by = "single rows" if evaluator.by_rows else f"the whole batch: {reason}"
            text = f"{why}; entries one by one by calls of {by}"
            return _Judged("projections", text, calls(), told.findings, told.verdicts, precision, told.projections)
        verdicts = judge(evaluator, answer, analytic, precision, tolerance, noise=noise, reference=settings.reference)
        joint = joint_defect(
            objective, x, analytic, answer.value if evaluator.name == "per-sample" else reference.value,
            verdicts.verdicts, verdicts.granted, precision, coupled=not evaluator.by_rows,
        ) if np.count_nonzero(verdicts.verdicts == SUBGRADIENT) > 1 else None  # fmt: skip
        findings = (*tried.findings, *((joint.finding(),) if joint else ()))
        return _Judged(evaluator.name, reason, calls(), findings, verdicts, precision, row_weight=row_weight)

    try:
        return run(evaluator, tried.answer)
    except NotSeparable as evidence:
        if config.plan in ("rows", "per-sample"):
            raise refused(config.plan, evidence) from None
        objective.calls = evaluator.objective.calls
        evaluator, reason = WholeBatch(objective, x, reference), str(evidence)
        return run(evaluator, reference)


def _why_projections(entries: int, config: Config) -> str:
    """Why a problem of so many entries is checked by projections; empty where every entry is judged."""
    if config.plan == "projections":
        return "it was asked for"
    if config.plan == "auto" and entries > config.max_entries:
        return f"it has {entries:,} entries, and max_entries is {config.max_entries:,}"
    return ""


def _batch(
    problem: Problem, answer: Answer, judged: _Judged, evaluations: int, seconds: float, worst: int
) -> BatchReport:
    N, C = problem.S.shape
    verdicts = judged.verdicts

    def shaped(numbers: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        return numbers.reshape(N, C) if judged.projections is None else None

    return BatchReport(
        batch_size=N,
        classes=C,
        scores=problem.scores,
        trial=problem.trial,
        seed=problem.seed,
        value=answer.value,
        plan=judged.plan,
        why=judged.why,
        evaluations=evaluations,
        labels=problem.labels,
        relative_errors=shaped(verdicts.relative_errors),
        verdicts=shaped(verdicts.verdicts),
        negligible=shaped(verdicts.negligible),
        by_complex=shaped(verdicts.by_complex) if verdicts.by_complex.any() else None,
        worst=_worst_entries(problem, verdicts, worst),
        seconds=seconds,
        projections=judged.projections,
    )


def _worst_entries(problem: Problem, judged: Verdicts, most: int) -> tuple[Entry, ...]:
    """At most so many entries: by verdict, then by relative error (negligible entries last), then in reading order."""
    relative = np.fmin(np.where(judged.negligible, 0.0, judged.relative_errors), 2.0)  # it is at most 2, or NaN
    badness = 3.0 * judged.verdicts + relative  # of ``VERDICTS`` the worst is the last
    order = np.argsort(-badness, kind="stable")[:most]
    scores, labels, C = problem.S.reshape(-1), problem.labels, problem.S.shape[1]
    return tuple(
        Entry(
            row=entry // C,
            class_=entry % C,
            label=None if labels is None else int(labels[entry // C]),
            score=float(scores[entry]),
            analytic=float(judged.analytic[e]),
            numerical=float(judged.numerical[e]),
            bound=float(judged.bounds[e]),
            relative_error=float(judged.relative_errors[e]),
            verdict=VERDICTS[judged.verdicts[e]],
            plain=float(judged.plain[e]),
            step=float(judged.steps[e]),
            central=float(judged.central[e]) if judged.by_complex[e] else None,
            tried=judged.tried.get(e, ()),
        )
        for e, entry in zip(order.tolist(), judged.entries[order].tolist(), strict=True)
    )


def _case(problem: Problem, answer: Answer, judged: _Judged, batch: BatchReport, settings: Settings) -> Case | None:
    if judged.projections is not None and settings.like is None:
        return None
    S, dS, by_rows = problem.S.astype(np.float64), answer.gradient, answer.parts is not None
    seen = unjudged(S, problem.y, batch.seed, batch.scores, batch.value, dS, by_rows)
    if judged.projections is not None:
        return seen
    v = judged.verdicts

    def shaped(numbers: FloatArray) -> FloatArray:
        return numbers.reshape(S.shape)

    return replace(
        seen,
        numerical=shaped(v.numerical),
        bounds=shaped(v.bounds),
        granted=shaped(v.granted),
        verdicts=v.verdicts.reshape(S.shape),
        kinked=v.kinked.reshape(S.shape),
        leaps=shaped(v.leaps),
        whole_numbers=answer.whole_numbers,
        row_weight=judged.row_weight,
        evaluations=batch.evaluations,
        judged=True,
    )
