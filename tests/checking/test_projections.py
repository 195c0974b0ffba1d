"""Totals of a problem that was checked by projections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.report import BatchReport, LossReport, Projections, Report, Verdict

AGREED = Projections(
    directions=4,
    agree=True,
    smallest_defect=5.1e-8,
    largest_gradient=2e-3,
    checked=64,
    wrong=0,
    subgradient=0,
    undecided=0,
    max_relative_error=3e-10,
)


def batch(projections: Projections) -> BatchReport:
    return BatchReport(
        batch_size=512,
        classes=32_000,
        scores="normal(0, 1)",
        trial=0,
        seed=0,
        value=10.8,
        plan="projections",
        evaluations=161,
        labels=np.zeros(512, dtype=np.int64),
        relative_errors=None,
        verdicts=None,
        worst=(),
        seconds=20.0,
        projections=projections,
    )


def test_where_directions_agree_what_was_not_judged_is_ok() -> None:
    told = batch(replace(AGREED, wrong=1, subgradient=2, undecided=3))
    counts = [told.count(verdict) for verdict in Verdict]
    assert dict(zip(Verdict, counts, strict=True)) == {"ok": 16_383_994, "subgradient": 2, "wrong": 1, "unresolved": 3}
    assert told.entries == sum(counts) == 16_384_000


def test_where_directions_disagree_what_was_not_judged_is_unresolved() -> None:
    told = batch(replace(AGREED, agree=False, wrong=1, undecided=3))
    assert told.unresolved == 16_384_000 - 64 + 3
    assert told.count(Verdict.OK) == 64 - 1 - 3


@pytest.mark.parametrize(("agree", "wrong", "strict", "code"), [
    (True, 0, True, 0), (False, 0, False, 0), (False, 0, True, 1), (True, 1, False, 1), (False, 2, False, 1),
])  # fmt: skip
def test_exit_codes_by_projections(agree: bool, wrong: int, strict: bool, code: int) -> None:
    problem = batch(replace(AGREED, agree=agree, wrong=wrong))
    loss = LossReport("loss", None, None, (problem,), (), strict=strict)
    assert Report("0", {}, (loss,)).exit_code == code


def test_the_smallest_defect_is_held_beside_the_largest_gradient() -> None:
    assert AGREED.smallest_relative_defect == pytest.approx(2.55e-5)
    assert replace(AGREED, largest_gradient=0.0).smallest_relative_defect == float("inf")
