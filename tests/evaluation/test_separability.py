"""Which evaluator is taken: the cheapest that the evidence allows, and never one that the evidence refutes."""

import numpy as np
import pytest
from judging import drawn
from observed import changed
from row_losses import COUPLED, EACH_ROW, SEPARABLE, each_row, mean

from gradcheck.api import check, check_at
from gradcheck.config import Config
from gradcheck.evaluation.separability import Same


def checked(loss, **config):
    return check(loss, Config(**{"batch_sizes": [2, 3, 8], "classes": 4, "trials": 3, **config})).losses[0]


def plans(report):
    assert report.batches
    return {batch.plan for batch in report.batches}


@pytest.mark.parametrize("name", SEPARABLE)
def test_a_mean_or_sum_over_rows_is_checked_row_by_row(name):
    report = checked(SEPARABLE[name])
    assert report.passed
    assert plans(report) <= {"rows", "full"}
    # What rounds as float32 does, or worse, may look coupled; then the price is calls and not a verdict.
    assert [batch.plan for batch in report.batches].count("rows") >= 0.8 * len(report.batches)


@pytest.mark.parametrize("name", EACH_ROW)
def test_a_loss_that_gives_each_rows_own_value_is_asked_for_those(name):
    report = checked(EACH_ROW[name], batch_sizes=[1, 3, 8])
    assert report.passed
    assert plans(report) == {"per-sample"}


@pytest.mark.parametrize("name", COUPLED)
def test_whatever_couples_rows_ends_in_full_calls_and_the_right_verdict(name):
    # Labels that are all different, or all alike, may leave nothing to couple.
    report = checked(COUPLED[name], batch_sizes=[3, 8])
    assert report.passed, [finding.message for finding in report.findings]
    full = [batch.plan for batch in report.batches].count("full")
    assert full >= (0.5 if name == "by_class_counts" else 1.0) * len(report.batches), plans(report)


@pytest.mark.parametrize("name", COUPLED)
def test_a_slip_in_what_couples_rows_is_found(name):
    broken = changed(COUPLED[name], lambda dS, S, y: dS * [1, 1 + 1e-5, 1, 1])
    report = checked(broken, batch_sizes=[3, 8], scores="normal")
    assert all(batch.wrong for batch in report.batches if batch.batch_size == 8)


def test_a_hinge_between_rows_at_its_very_kink_is_a_subgradient_and_no_false_alarm():
    for seed in range(10):
        S, y = drawn(seed, (4, 3))
        margin = S[0, 0] - S[1, 0]

        def at_kink(S, y, margin=margin):
            value, dS = mean(S, y)
            if len(S) > 1 and (apart := S[0, 0] - S[1, 0] - margin) >= 0:
                value += apart
                dS[:2, 0] += (1, -1)
            return value, dS

        batch = check_at(at_kink, S, y).losses[0].batches[0]
        assert (batch.plan, batch.wrong, batch.subgradient) == ("full", 0, 2)


def test_what_couples_rows_near_the_scores_alone_and_in_different_columns_alone_is_met():
    rng = np.random.default_rng(1)
    S, y = rng.normal(size=(3, 8)), rng.integers(0, 8, size=3)

    def near(scores, y, reduction="mean"):
        values, p = each_row(scores, y)
        (first, second), apart = (scores - S)[:2], 1 - np.eye(8)
        if np.max(np.abs(scores - S)) < 0.1:
            values[0] += 100 * first @ apart @ second
            p[0] += 100 * apart @ second
            p[1] += 100 * first @ apart
        return (values, p) if reduction == "none" else (values.mean(), p / len(scores))

    batch = check_at(near, S, y).losses[0].batches[0]
    assert (batch.plan, batch.wrong) == ("full", 0)
    assert batch.why == "the whole batch does not change as its rows do one by one"


def test_derivatives_that_only_reduction_none_has_wrong_are_a_warning():
    def wrong_for_none(S, y, reduction="mean"):
        values, p = each_row(S, y)
        return (values, 2 * p) if reduction == "none" else (values.mean(), p / len(S))

    report = checked(wrong_for_none)
    assert report.passed
    assert [(f.code, f.severity) for f in report.findings] == [("reductions-disagree", "warning")]
    assert not check(wrong_for_none, Config(), strict=True).passed


@pytest.mark.parametrize(
    ("plan", "loss"), [("per-sample", mean), ("per-sample", COUPLED["reduced_centred"]), ("rows", COUPLED["centred"])]
)
def test_a_plan_that_does_not_suit_is_refused_and_says_why(plan, loss):
    report = checked(loss, plan=plan)
    assert plan in report.error
    assert "--plan auto" in report.error
    assert not report.batches


def test_what_the_plan_is_and_why_is_reported():
    alone, coupled = ({batch.why for batch in checked(loss).batches} for loss in (mean, COUPLED["centred"]))
    assert alone == {"the value is the mean of its rows' values; the loss takes no `reduction` argument"}
    assert any("coupled" in why for why in coupled)
    assert all(coupled)


def test_noise_allows_for_a_few_deviations_and_no_more():
    assert Same(noise=1e-6, rounding=0.0)(1.0, 1.0 + 1e-6)
    assert not Same(noise=1e-6, rounding=0.0)(1.0, 1.0 + 1e-3)
    assert not Same(0.0, 0.0)(1e-12, 2e-12)
    assert Same(0.0, 0.0)(1e-12, 2e-12, 1.0, 1e3)
