"""The whole batch, row by row, per sample: one value in three ways, and the same verdicts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from judging import drawn, evaluators_of, objective_of, tied
from row_losses import mean, reduced, summed_by_default

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.evaluation.evaluators import NotSeparable, PerSample, Rows
from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, Verdict

NAMES = [name for name in BUILT_INS if name not in ("affine-exp", "min-square-exp")]  # those have three classes, or two


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 10**6), st.sampled_from(["mean", "sum"]))
def test_changes_of_the_value_are_the_same_whoever_evaluates(N, C, seed, kind):
    S, y = drawn(seed, (N, C))
    loss, weight = {"mean": (reduced, 1 / N), "sum": (summed_by_default, 1.0)}[kind]
    rng = np.random.default_rng(seed)
    entries, offsets = rng.integers(0, N * C, size=9), rng.normal(size=9)
    seen = [(each.moved(entries, offsets), each.here(entries)) for each in evaluators_of(loss, S, y, weight)]
    (moved, here), *others = seen
    for other_moved, other_here in others:
        assert other_moved.distance == pytest.approx(moved.distance)
        assert other_moved.values - other_here.values == pytest.approx(moved.values - here.values, abs=1e-13)
        assert other_moved.derivatives == pytest.approx(moved.derivatives, abs=1e-13)
        assert other_here.derivatives == pytest.approx(here.derivatives, abs=1e-13)


def test_a_loss_that_does_not_take_the_call_is_evidence_and_no_defect():
    def picky(S, y):
        if len(S) < 2:
            raise ValueError("too few")
        return mean(S, y)

    S, y = drawn(0, (3, 4))
    rows = Rows(objective_of(picky, S.shape, y), S.ravel(), weight=1 / 3)
    with pytest.raises(NotSeparable, match="single row it raises ValueError"):
        rows.moved(np.array([1]), np.array([0.1]))
    each = PerSample(replace(objective_of(mean, S.shape, y), row_weight=1 / 3), S.ravel(), weight=1 / 3)
    with pytest.raises(NotSeparable, match="the value of each row it returns"):
        each.moved(np.array([1, 5]), np.array([0.1, 0.1]))


def checked(loss, S, y, plan):
    report = check_at(loss, S, y, Config(plan=plan)).losses[0]
    if "less than the noise" in report.error:
        assume(False)  # rows whose value is 0 do not say what they count
    assert not report.error
    return report.batches[0]


@settings(max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    N=st.integers(2, 9),
    C=st.integers(2, 6),
    seed=st.integers(0, 10**6),
    ties=st.booleans(),
    defect=st.sampled_from([None, "entry", "sign", "row", "column", "mean"]),
)
def test_evaluators_lead_to_the_same_verdicts(name, N, C, seed, ties, defect):
    S, y = (tied if ties else drawn)(seed, (N, C))
    row, column = np.random.default_rng(seed).integers(N), np.random.default_rng(seed).integers(C)

    def loss(S, y, reduction="mean"):
        value, dS = BUILT_INS[name].function(S, y, reduction=reduction)
        rows = min(row, len(S) - 1)
        match defect:
            case "entry":
                dS[rows, column] += 1e-3
            case "sign":
                dS = -dS
            case "row":
                dS[rows] *= 1.01
            case "column":
                dS[:, column] *= 1 + 1e-5
            case "mean" if reduction == "mean":
                dS = dS * len(S)
        return value, dS

    full, rows, each = (checked(loss, S, y, plan) for plan in ("full", "rows", "per-sample"))
    unresolved = VERDICTS.index(Verdict.UNRESOLVED)  # by the whole batch a small entry may be lost in its noise
    for other in (rows, each):
        same = (other.verdicts == full.verdicts) | (other.verdicts == unresolved) | (full.verdicts == unresolved)
        assert same.all(), (full.verdicts, other.verdicts)


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
def test_rows_are_more_precise_than_the_whole_where_the_batch_is_large(name):
    S, y = drawn(0, (512, 3))
    by_plan = {plan: checked(BUILT_INS[name].function, S, y, plan) for plan in ("full", "rows", "per-sample")}
    assert {batch.wrong for batch in by_plan.values()} == {0}
    bounds = {plan: np.median([entry.bound for entry in batch.worst]) for plan, batch in by_plan.items()}
    assert bounds["rows"] <= bounds["full"] / 10
    assert bounds["per-sample"] <= bounds["full"] / 10
