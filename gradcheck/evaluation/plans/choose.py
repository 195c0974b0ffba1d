"""Which plan suits a loss here: the cheapest that the evidence allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.evaluation.plans.per_sample import PerSamplePlan
from gradcheck.evaluation.plans.plan import Coupled, Disagreeing, Plan
from gradcheck.evaluation.plans.rows import RowsPlan
from gradcheck.evaluation.plans.separability import LEAST, weight_of_rows, weight_of_values
from gradcheck.evaluation.plans.yardstick import ROUNDINGS, Yardstick
from gradcheck.functions.answer import Answer
from gradcheck.report import Finding, FloatArray

#: Calls that a second look at an entry takes, which one of many needs by chance.
_SECOND_LOOK = 7


@dataclass(frozen=True, eq=False)
class Choice:
    """A plan, and why this one.

    Attributes:
        row_weight: what a row counts in the batch's value beside its own, as far as it was seen, where that is neither
            1/N nor 1; else None.
    """

    plan: Plan
    why: str
    row_weight: float | None = None


@dataclass(frozen=True, eq=False)
class EachRow:
    """Whether a loss gives each row's own value.

    Attributes:
        why_not: empty if it does.
        answer: then, what it answers at S, put together from each row's own; else None.
        findings: what its two ways of answering disagree on.
    """

    why_not: str
    answer: Answer | None = None
    findings: tuple[Finding, ...] = ()


def try_each_row(oracle: Oracle, scores: FloatArray, at_scores: Answer, wanted: str) -> EachRow:
    """Whether the loss gives each row's own value; if it does, ``oracle`` asks for those from now on.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        wanted: the plan that was asked for.

    Raises:
        UsageError: the plan per-sample was asked for, and cannot be had.
    """
    if wanted not in ("auto", "per-sample"):
        return EachRow(f"the plan {wanted} was asked for")
    findings: tuple[Finding, ...] = ()
    if not oracle.loss.each_row_options and at_scores.parts is None:
        why_not = "it has no argument reduction"
    else:
        try:
            weight, answer = weight_of_values(oracle, scores, at_scores, _rng(scores))
            oracle.weight, oracle.eps = weight, (at_scores.value_eps, at_scores.gradient_eps)
            oracle.remember(answer)
            return EachRow("", answer, _disagreement(at_scores, answer.gradient, weight))
        except Coupled as evidence:
            why_not = str(evidence)
            # A vector that the default call returns has no other answer beside it.
            told = isinstance(evidence, Disagreeing) and at_scores.parts is None
            findings = (_DISAGREEING,) if told else ()
    if wanted == "per-sample":
        raise refused(wanted, why_not)
    return EachRow(why_not, findings=findings)


_DISAGREEING = Finding(
    "reductions-disagree",
    "warning",
    "neither the mean nor the sum of the values that reduction='none' returns is the value of the default call",
    "the default call is what was judged",
)


def _disagreement(at_scores: Answer, gradient: FloatArray, weight: float) -> tuple[Finding, ...]:
    """dS of the default call, which is what is judged, beside what ``reduction="none"`` makes of it."""
    apart = np.abs(at_scores.gradient - gradient)
    largest = max(float(np.max(np.abs(gradient))), float(np.max(np.abs(at_scores.gradient))))
    if np.all(apart <= ROUNDINGS * at_scores.gradient_eps * largest):
        return ()
    row, column = np.unravel_index(int(np.nanargmax(apart)), apart.shape)
    one, other = float(at_scores.gradient[row, column]), float(gradient[row, column])
    kind = "mean" if weight < 1 else "sum"
    message = f"dS[{row}, {column}] is {one!r}, but the {kind} of what reduction='none' returns has {other!r} there"
    return (Finding("reductions-disagree", "warning", message, "the default call is what was judged"),)


def choose(
    oracle: Oracle,
    scores: FloatArray,
    at_scores: Answer,
    yardstick: Yardstick,
    wanted: str,
    why_not: str,
    spare: int = 100,
) -> Choice:
    """The cheapest plan that the evidence allows.

    Args:
        oracle: the loss at this problem, after ``try_each_row``.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        yardstick: what is the same, beside the noise of the value.
        wanted: the plan that was asked for; ``auto`` for the cheapest.
        why_not: what ``try_each_row`` said.
        spare: calls that the evidence may cost.

    Raises:
        UsageError: the plan rows was asked for, and cannot be had.
    """
    if oracle.weight is not None:
        return Choice(PerSamplePlan(oracle, scores, oracle.weight), "the loss gives each row's own value")
    if wanted == "full":
        return Choice(FullPlan(oracle, scores), "it was asked for")
    if len(scores) == 1:
        return Choice(FullPlan(oracle, scores), "a batch of one row is whole")
    if wanted == "auto" and spare < LEAST + _SECOND_LOOK:
        return Choice(FullPlan(oracle, scores), "for so small a problem it costs too much to find a cheaper one")
    try:
        weight = weight_of_rows(oracle, scores, at_scores, yardstick, _rng(scores), spare)
    except Coupled as evidence:
        if wanted == "rows":
            raise refused(wanted, evidence) from None
        return Choice(FullPlan(oracle, scores), str(evidence), evidence.row_weight)
    kind = "mean" if weight < 1 else "sum"
    return Choice(RowsPlan(oracle, scores, weight), f"the value is the {kind} of its rows'; {why_not}")


def refused(wanted: str, why: object) -> UsageError:
    """A plan was asked for, and cannot be had."""
    return UsageError(f"the plan {wanted} does not suit this loss: {why}", hint="leave the choice to --plan auto")


def _rng(scores: FloatArray) -> np.random.Generator:
    return np.random.default_rng(scores.shape)
