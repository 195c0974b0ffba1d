"""A whole run: several targets, problems, findings, and what is left when it is cut short."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from observed import changed

from gradcheck import Config
from gradcheck.api import as_loss
from gradcheck.config.settings import Settings
from gradcheck.losses import BUILT_INS
from gradcheck.run import check_targets

SMALL = Config(batch_sizes=[1, 2], classes=[3], scores=["normal", "integers(-2, 2)"])
softmax = BUILT_INS["softmax"].function


wrong = changed("softmax", lambda dS, S, y: 2 * dS, "wrong")


def checked(*targets, config=SMALL, **settings):
    losses = [target if isinstance(target, str) else replace(as_loss(target), by_name=True) for target in targets]
    return check_targets(losses, config, Settings(**settings))


def only(target, config=SMALL):
    (loss,) = checked(target, config=config).losses
    return loss


def test_the_same_run_twice_or_beside_other_targets_is_the_same_report():
    alone, among = checked("svm", wrong).losses, checked("softmax", "sofmax", "svm", wrong).losses[2:]
    told, again = (
        [(b.seed, b.value, b.evaluations, b.worst) for loss in x for b in loss.batches] for x in (alone, among)
    )
    assert told == again
    assert len(told) == 8


def test_errors_stand_before_warnings_and_fail_though_every_entry_is_right():
    buffers = {N: np.empty((N, 3)) for N in (1, 2)}

    def both(S, y):
        value, buffers[len(S)][:] = softmax(S, y)
        S[:] = 0
        return value, buffers[len(S)]

    loss = only(both)
    assert [(f.code, f.severity) for f in loss.findings] == [("mutates-input", "error"), ("shared-buffer", "warning")]
    assert loss.failed
    assert all(batch.passed for batch in loss.batches)


def test_fail_fast_stops_at_the_first_problem_that_fails_and_leaves_the_other_targets():
    report = checked("softmax", wrong, "svm", fail_fast=True)
    assert [len(loss.batches) for loss in report.losses] == [4, 1]
    assert report.exit_code == 1
    assert [len(loss.batches) for loss in checked("softmax", "svm", fail_fast=True).losses] == [4, 4]


@pytest.mark.parametrize("call", [1, 2, 3, 30, 100])
def test_ctrl_c_ends_with_130_and_keeps_what_was_done(call):
    calls = itertools.count(1)

    def interrupted(S, y):
        if next(calls) == call:
            raise KeyboardInterrupt
        return softmax(S, y)

    report = checked("svm", interrupted, wrong)
    assert (report.interrupted, report.exit_code, report.passed) == (True, 130, False)
    assert [len(loss.batches) + loss.unchecked for loss in report.losses] == [4, 4, 4]
    assert [loss.passed for loss in report.losses] == [True, False, False]
    first, second, third = report.losses
    assert (len(first.batches), third.unchecked) == (4, 4)
    assert (call == 100) <= len(second.batches) < 4
    assert second.cut_short.startswith("batch size ")


@pytest.mark.parametrize(
    ("max_entries", "asked", "plan"), [(15, "auto", "per-sample"), (14, "auto", "projections"), (10, "full", "full")]
)
def test_more_entries_than_max_entries_are_checked_by_projections_unless_a_plan_was_asked_for(max_entries, asked, plan):
    config = Config(batch_sizes=3, classes=5, scores="normal", max_entries=max_entries, plan=asked)
    (batch,) = only("softmax", config).batches
    assert batch.plan == plan
    assert (batch.projections is None) == (batch.verdicts is not None) == (plan != "projections")


def test_float32_is_what_the_loss_is_given_and_float64_what_it_is_judged_by_where_it_takes_that():
    config, seen = Config(batch_sizes=3, classes=5, dtype="float32"), []

    def remembers(S, y):
        seen.append(S.dtype.name)
        return softmax(S, y)

    def only_single(S, y):
        assert S.dtype == np.float32
        return softmax(S, y)

    report = only(remembers, config)
    assert report.passed
    assert sum(batch.evaluations for batch in report.batches) == len(seen)
    assert {*seen} == {"float32", "float64"}
    assert only(only_single, config).passed
    off = changed("softmax", lambda dS, S, y: dS * np.float32(1.001))
    assert only(off, config).batches[0].wrong > 0
