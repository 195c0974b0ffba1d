"""One problem judged: from the loss and its answer at S to a verdict for every entry, or for some."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck.checking.bench import Bench
from gradcheck.checking.judgement import Judgement
from gradcheck.checking.precision import Precision, measure
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.evaluation.plans.plan import IndexArray, Plan
from gradcheck.functions.answer import Answer
from gradcheck.report import FloatArray
from gradcheck.settings import Reference


def judge(
    oracle: Oracle,
    plan: Plan,
    scores: FloatArray,
    analytic: FloatArray,
    at_scores: Answer,
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
    bench = Bench(oracle, plan, scores, at_scores, replace(precision, gradient_noise=noise), rng, index[0], index[1])
    return bench.judgement(analytic, rtol, atol, reference)


def judge_entries(
    oracle: Oracle,
    scores: FloatArray,
    rows: IndexArray,
    columns: IndexArray,
    analytic: FloatArray,
    at_scores: Answer,
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
    bench = Bench(oracle, FullPlan(oracle, scores), scores, at_scores, precision, rng, rows, columns)
    return bench.judgement(analytic, rtol, atol, "central")
