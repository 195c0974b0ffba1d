"""Whatever the plan, the verdicts are the same: on right losses, on broken ones, at ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_losses import Array, LossFunction

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import BatchReport

NAMES = [name for name in BUILT_INS if name not in ("affine-exp", "min-square-exp")]  # those have three classes, or two


def judged(loss: LossFunction, S: Array, y: Array, plan: str) -> BatchReport:
    report = check_at(loss, S, y, Config(plan=plan)).losses[0]
    assert not report.error
    return report.batches[0]


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    N=st.integers(2, 9),
    C=st.integers(2, 6),
    seed=st.integers(0, 10**6),
    ties=st.booleans(),
    defect=st.sampled_from([None, "entry", "sign", "row", "column", "mean"]),
)
def test_plans_give_the_same_verdicts(name: str, N: int, C: int, seed: int, ties: bool, defect: str | None) -> None:
    rng = np.random.default_rng(seed)
    S = rng.integers(-2, 3, size=(N, C)).astype(float) if ties else rng.normal(size=(N, C))
    y = rng.integers(0, C, size=N)
    row, column = int(rng.integers(N)), int(rng.integers(C))

    def loss(S: Any, y: Any, reduction: str = "mean") -> Any:
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

    full, rows, each = (judged(loss, S, y, plan) for plan in ("full", "rows", "per-sample"))
    for other in (rows, each):
        assert (other.verdicts == full.verdicts).all(), (full.verdicts, other.verdicts)


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
def test_rows_are_more_precise_than_the_whole_where_the_batch_is_large(name: str) -> None:
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(512, 3)), rng.integers(0, 3, size=512)
    by_plan = {plan: judged(BUILT_INS[name].function, S, y, plan) for plan in ("full", "rows", "per-sample")}
    assert {batch.wrong for batch in by_plan.values()} == {0}
    bounds = {plan: np.median([entry.bound for entry in batch.worst]) for plan, batch in by_plan.items()}
    assert bounds["rows"] <= bounds["full"] / 10
    assert bounds["per-sample"] <= bounds["full"] / 10
