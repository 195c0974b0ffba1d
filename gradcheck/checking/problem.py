"""One function at one problem: contract, verdicts, contract again; a BatchReport, findings and a Case out."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradcheck.checking.contract import Inspection, finding_of, inspect, inspect_again
from gradcheck.checking.entries import Verdicts, joined_verdicts, judge
from gradcheck.checking.evidence import Case
from gradcheck.checking.joint_subgradients import joint_defect
from gradcheck.checking.precision import GradientNoise, Precision, measure, rounding_of_gradient
from gradcheck.checking.projections import Base, check_directions
from gradcheck.checking.refinement import entries_named, step_evidence
from gradcheck.checking.subgradients import Nearby
from gradcheck.config import Config
from gradcheck.config.settings import DEFAULTS, Reference, Settings
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.evaluation.evaluators import Evaluator, NotSeparable
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.separability import RowValues, choose, refused, try_row_values
from gradcheck.functions.answer import Answer
from gradcheck.functions.binding import OfRows
from gradcheck.functions.function import Function
from gradcheck.layout import Input, Layout
from gradcheck.numerics.verdicts import UNRESOLVED, Tolerance
from gradcheck.report import VERDICTS, Array, BatchReport, Entry, Finding, FloatArray, Projections, StepEvidence
from gradcheck.sampling import Problem

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool

#: Calls that a right gradient takes by projections: some 40 of the batch, and three of a row for each of a sample.
_BY_PROJECTIONS = 230
#: Of an input of fewer entries the evidence about its rows costs more calls than it can save.
_LEAST = 200
#: What a `Case` has of entries, and what stands there of those that were not judged one by one.
_UNKNOWN: dict[str, Any] = {
    "numerical": np.nan, "bounds": np.inf, "granted": np.inf, "verdicts": np.int8(UNRESOLVED), "kinked": np.False_,
    "leaps": 0.0,
}  # fmt: skip


class Checked(NamedTuple):
    """What became of one problem."""

    batches: tuple[BatchReport, ...]  # none where the loss broke its contract before a verdict was reached
    findings: list[Finding]  # of the contract
    case: Case | None = None  # what diagnosis looks at; None where projections agree and nothing is compared with them
    cases: tuple[Case, ...] = ()  # of second derivatives, one for each array of them
    steps: tuple[StepEvidence, ...] = ()  # of the entries that the settings ask for
    by_rows: bool = False  # entries were moved in single rows, or by the value of each


@dataclass(frozen=True, eq=False)
class Judged:
    """What the numerics made of one problem."""

    plan: str
    why: str
    calls: int
    findings: tuple[Finding, ...]
    verdicts: Verdicts
    x_eps: float
    projections: Projections | None = None
    row_weight: float | None = None
    steps: tuple[StepEvidence, ...] = ()
    by_rows: bool = False  # single rows, or the value of each, stand for the batch


def check_problem(
    loss: Function,
    problem: Problem,
    config: Config,
    inspection: Inspection | None = None,
    settings: Settings = DEFAULTS,
    pool: Pool | None = None,
) -> Checked:
    """Check one loss at one problem, with what inspecting it there has told, and processes that share many calls.

    Raises:
        UsageError: the plan that the config asks for does not suit the loss.
        OutOfTime: the run's time is up; with the contract's findings so far.
    """
    begun = time.perf_counter()
    inspection = inspection or replace(inspect(loss, problem.S, problem.y, None), first=None)
    findings, answer = list(inspection.findings), inspection.evaluation
    if answer is None:
        return Checked((), findings)
    try:
        judged = _judge(loss, problem, answer, config, settings, pool)
        state = inspect_again(loss, problem.S, problem.y, answer)
    except LossDefect as defect:
        found = finding_of(defect)
        return Checked((), [replace(found, message=f"{found.message}, at scores near these"), *findings])
    except OutOfTime as end:
        end.found = findings
        raise
    evaluations, seconds = judged.calls + inspection.calls + 1, time.perf_counter() - begun
    batches = batches_of(problem, answer, judged, evaluations, seconds, settings.worst)
    findings += judged.findings
    if answer.parts is not None and any(batch.wrong for batch in batches):
        what = "the value is a vector, one number for each row, and dS is not the derivative of those"
        hint = "if the batch mean was meant, return that: a single number"
        findings.append(Finding("wrong-shape", "error", what, hint))
    # Of a right one by projections the value alone is known: it counts where another loss is to be compared with.
    seen = judged.projections
    is_evidence = seen is None or not seen.agree or seen.wrong or settings.like is not None
    case = case_of(problem, answer, judged) if is_evidence else None
    return Checked(batches, [*([state] if state else []), *findings], case, steps=judged.steps, by_rows=judged.by_rows)


def _judge(
    loss: Function, problem: Problem, given_answer: Answer, config: Config, settings: Settings, pool: Pool | None
) -> Judged:
    """Judge one problem; the reference is taken in float64 at the same scores, where the loss allows."""
    N, C = shape = problem.S.shape[0], problem.S.shape[1]
    x = problem.S.astype(np.float64, copy=False).reshape(-1)
    why = "it was asked for" if config.plan == "projections" else ""  # projections; empty for every entry by itself
    if config.plan == "auto" and len(x) > config.max_entries:
        why = f"it has {len(x):,} entries, and max_entries is {config.max_entries:,}"
    wanted = "auto" if why else config.plan
    reference = replace(given_answer, gradient=given_answer.gradient.reshape(-1))
    analytic, beyond = reference.gradient, None
    given = objective = Objective(loss, shape, problem.y, problem.S.dtype, pool=pool)
    if problem.S.dtype != np.float64:
        exact = replace(given, dtype=np.float64, resolution=problem.S.dtype)
        with suppress(LossDefect):  # if it takes no float64, the reference is as coarse as what is judged
            at_x, beyond = exact(x), rounding_of_gradient(given, exact, x, reference.gradient_eps)
            objective, reference = exact, at_x
    tried = RowValues(objective, reference, "") if why else try_row_values(objective, x, reference, wanted)
    precision = measure(tried.objective, x, tried.answer, in_short=bool(why))
    precision = replace(precision, gradient_noise=replace(precision.gradient_noise, beyond=beyond))
    objective.rounding = tried.objective.rounding = precision.rounding
    tolerance = Tolerance(config.rtol, config.atol)
    evaluator, reason, row_weight = choose(tried, x, precision.same, wanted, thorough=not why)

    asked = entries_named(settings.entry, problem.layout or Layout.of({"S": problem.S.shape}))
    if problem.layout:
        reason = "each entry is moved alone"

    def run(evaluator: Evaluator, reason: str, answer: Answer) -> Judged:
        per_row = evaluator.name == "per-sample"
        loss.budget.expect(_BY_PROJECTIONS if why else 2 * C if per_row else 2 * N * C)
        projections = None
        if why:
            base, also = Base(x, replace(answer, parts=None), analytic), [*asked.values()]
            reached = check_directions(given, evaluator, base, precision, tolerance, settings.worst, also)
            projections, verdicts, findings = reached
            by = "single rows" if evaluator.by_rows else f"the whole batch: {reason}"
            plan, reason = "projections", f"{why}; entries one by one by calls of {by}"
        else:
            nearby = Nearby(evaluator.objective, x, precision, evaluator.coupled)
            given_to = evaluator, answer, analytic, precision, tolerance, nearby
            if problem.layout:
                verdicts, names = _judge_inputs(*given_to, settings.reference, rows=config.plan != "full")
                reason += f", those of {', '.join(names)} in single rows" if names else ""
            else:
                verdicts = judge(*given_to, reference=settings.reference)
            joint = joint_defect(nearby, answer.value, verdicts)
            plan, findings = evaluator.name, (*tried.findings, *((joint,) if joint else ()))
        steps = []
        for text, entry in asked.items():
            e = int(np.flatnonzero(verdicts.entries == entry)[0])
            seen = step_evidence(evaluator, entry, _entry(problem, verdicts, e), verdicts.granted[e], precision)
            steps.append(StepEvidence(text, problem.where, *seen))
        reason = "; ".join(filter(None, (reason, evaluator.objective.batched.words)))
        calls = evaluator.objective.calls + (0 if given is objective else given.calls)
        x_eps = precision.inside.of_x
        arguments = plan, reason, calls, findings, verdicts, x_eps, projections, row_weight, tuple(steps)
        return Judged(*arguments, by_rows=evaluator.by_rows)

    try:
        return run(evaluator, reason, tried.answer)
    except NotSeparable as evidence:
        if config.plan in ("rows", "per-sample"):
            raise refused(config.plan, evidence) from None
        objective.calls = evaluator.objective.calls
        return run(Evaluator(objective, x, reference), str(evidence), reference)


def _judge_inputs(
    evaluator: Evaluator,
    answer: Answer,
    analytic: FloatArray,
    precision: Precision,
    tolerance: Tolerance,
    nearby: Nearby,
    reference: Reference,
    *,
    rows: bool,
) -> tuple[Verdicts, list[str]]:
    """As ``judge``, each input with its own step and scale; and which were moved in single rows, if ``rows`` may be."""
    whole, noise = evaluator.objective, precision.gradient_noise
    parts, names = [], []

    def by_rows(number: int, own: Input, of_input: Precision) -> Verdicts | None:
        N, entries = own.shape[0], own.entries
        loss = replace(whole.loss, function=OfRows(whole.loss.function, whole.labels, own))
        objective = replace(whole, loss=loss, shape=(N, own.size // N), labels=np.arange(N), calls=0)
        here = replace(answer, gradient=answer.gradient[entries])
        of_rows = replace(
            of_input,
            smallest_part=of_input.smallest_part / N,
            block_scales=np.full(N, of_input.block_scales[number]),
            gradient_noise=GradientNoise(
                noise.series[:, :, entries], None, objective.blocks, np.full(N, noise.least[number]),
                None if noise.beyond is None else noise.beyond[entries],
            ),
        )  # fmt: skip
        try:
            chosen, _, _ = choose(RowValues(objective, here), evaluator.x[entries], precision.same, "auto")
            if not chosen.by_rows:
                return None
            around = Nearby(objective, chosen.x, of_rows, [own.shape])
            found = judge(chosen, here, analytic[entries], of_rows, tolerance, around, reference=reference)
            return replace(found, entries=found.entries + own.start)
        except NotSeparable:
            return None
        finally:
            whole.calls += objective.calls

    for number, own in enumerate(whole.labels.layout.inputs):
        of_input, entries = precision.of_input(number), np.arange(own.start, own.start + own.size)
        is_batch = rows and own.name in whole.labels.batched and own.shape[0] > 1
        is_batch &= own.size >= _LEAST and noise.watched is None
        if is_batch:  # unless the whole batch is as cheap
            x = evaluator.x.astype(whole.dtype).reshape(1, -1)
            is_batch = not whole.batched.suits("whole", x, entries, x[0, entries] + 2.0**-9)
        found = by_rows(number, own, of_input) if is_batch else None
        names += [own.name] if found else []
        arguments = evaluator, answer, analytic, of_input, tolerance, nearby
        parts.append(found or judge(*arguments, entries=entries, reference=reference))
    return joined_verdicts(parts), names


def batches_of(
    problem: Problem, answer: Answer, judged: Judged, evaluations: int, seconds: float, worst: int
) -> tuple[BatchReport, ...]:
    """The problem's report, or one for each input of a function of named inputs; calls and time are the first one's."""
    layout = problem.layout or Layout.of({"": problem.S.shape})
    inputs = layout.inputs
    if judged.projections is not None and len(inputs) > 1:
        inputs = (Input(", ".join(layout.names), (layout.n,), 0),)
    batches = [_batch(problem, answer, judged, own, worst) for own in inputs]
    return replace(batches[0], evaluations=evaluations, seconds=seconds), *batches[1:]


def _batch(problem: Problem, answer: Answer, judged: Judged, own: Input, worst: int) -> BatchReport:
    verdicts, C = judged.verdicts, own.shape[-1] if own.shape else 1

    def shaped(numbers: Array) -> Array | None:
        return numbers[own.entries].reshape(-1, C) if judged.projections is None else None

    return BatchReport(
        batch_size=problem.batch_size or len(problem.S), classes=C, scores=problem.scores, trial=problem.trial,
        seed=problem.seed, labels=problem.labels, value=answer.value, plan=judged.plan, why=judged.why,
        evaluations=0, seconds=0.0,
        relative_errors=shaped(verdicts.relative_errors),
        verdicts=shaped(verdicts.verdicts),
        negligible=shaped(verdicts.negligible),
        by_complex=shaped(verdicts.by_complex) if verdicts.by_complex.any() else None,
        worst=_worst_entries(problem, verdicts, own, worst),
        projections=judged.projections,
        input=own.name,
        shape=own.shape if own.name else (),
    )  # fmt: skip


def _worst_entries(problem: Problem, judged: Verdicts, own: Input, most: int) -> tuple[Entry, ...]:
    """At most so many entries: by verdict, then by relative error (negligible entries last), then in reading order."""
    here = np.flatnonzero((judged.entries >= own.start) & (judged.entries < own.start + own.size))
    relative = np.fmin(np.where(judged.negligible, 0.0, judged.relative_errors), 2.0)[here]  # it is at most 2, or NaN
    badness = 3.0 * judged.verdicts[here] + relative  # of ``VERDICTS`` the worst is the last
    least = np.partition(badness, -most)[-most] if most < len(badness) else -np.inf
    worst = np.flatnonzero(badness >= least)  # not all of many entries are sorted
    order = here[worst[np.argsort(-badness[worst], kind="stable")[:most]]]
    return tuple(_entry(problem, judged, e) for e in order.tolist())


def _entry(problem: Problem, judged: Verdicts, e: int) -> Entry:
    """The entry at a position of the verdicts."""
    entry, layout, labels = int(judged.entries[e]), problem.layout, problem.labels
    name, index = layout.index(entry) if layout else ("", ())
    own = next(each for each in layout.inputs if each.name == name) if layout else Input("", problem.S.shape, 0)
    row, column = divmod(entry - own.start, own.shape[-1] if own.shape else 1)
    return Entry(
        row=row,
        class_=column,
        label=None if labels is None else int(labels[row]),
        score=float(problem.S.reshape(-1)[entry]),
        analytic=float(judged.analytic[e]),
        numerical=float(judged.numerical[e]),
        bound=float(judged.bounds[e]),
        relative_error=float(judged.relative_errors[e]),
        verdict=VERDICTS[judged.verdicts[e]],
        plain=float(judged.plain[e]),
        step=float(judged.steps[e]),
        central=float(judged.central[e]) if judged.by_complex[e] else None,
        tried=judged.tried.get(e, ()),
        input=name,
        index=index,
    )


def case_of(problem: Problem, answer: Answer, judged: Judged) -> Case:
    """The problem as evidence for the rules that look for a cause."""
    S, each, verdicts = problem.S.astype(np.float64), judged.projections is None, judged.verdicts
    arrays: dict[str, Any] = {name: np.full(S.size, unknown) for name, unknown in _UNKNOWN.items()}
    for name, array in arrays.items():
        array[verdicts.entries] = getattr(verdicts, name)
    arrays = {name: array.reshape(S.shape) for name, array in arrays.items()}
    return Case(
        S, problem.y, problem.seed, problem.scores, answer.value, answer.gradient, **arrays,
        whole_numbers=answer.whole_numbers, by_rows=answer.parts is not None, row_weight=judged.row_weight,
        x_eps=judged.x_eps, judged=each, batch_size=problem.batch_size,
    )  # fmt: skip
