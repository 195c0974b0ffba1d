"""A whole run: several targets, problems, findings, and what is left when it is cut short."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck import Config
from gradcheck.api import as_loss
from gradcheck.config.settings import Settings
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport, Report, Verdict
from gradcheck.run import check_targets
from gradcheck.sampling import problems

SMALL = Config(batch_sizes=[1, 2], classes=[3], scores=["normal", "integers(-2, 2)"])
softmax = BUILT_INS["softmax"].function


def wrong(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    return value, 2 * dS


def raising(S: Any, y: Any) -> Any:
    raise ValueError("no")


def drowned(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    return value + 1e14, dS


def with_shared_buffer() -> Callable[..., Any]:
    buffers: dict[int, Any] = {}

    def shared(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        buffers.setdefault(len(S), np.empty(S.shape))[:] = dS
        return value, buffers[len(S)]

    return shared


def checked(*targets: str | Callable[..., Any], config: Config = SMALL, **settings: bool) -> Report:
    losses = [target if isinstance(target, str) else as_loss(target) for target in targets]
    return check_targets(losses, config, Settings(**settings))


def only(target: str | Callable[..., Any], config: Config = SMALL, **settings: bool) -> LossReport:
    (loss,) = checked(target, config=config, **settings).losses
    return loss


def with_calls(loss: Callable[..., Any], config: Config) -> tuple[LossReport, int]:
    """The report of a loss, and how often it was called."""
    calls = itertools.count()

    def counting(S: Any, y: Any) -> Any:
        next(calls)
        return loss(S, y)

    return only(counting, config), next(calls)


def test_every_problem_of_the_config_is_checked_in_its_order() -> None:
    loss = only("softmax")
    assert [(batch.batch_size, batch.classes, batch.scores, batch.trial, batch.seed) for batch in loss.batches] == [
        (*problem.S.shape, problem.scores, problem.trial, problem.seed) for problem in problems(SMALL)
    ]
    assert all(batch.entries == batch.batch_size * 3 for batch in loss.batches)
    assert str(loss.file).endswith("cross_entropy.py")
    assert isinstance(loss.line, int)
    assert (loss.findings, loss.error) == ((), "")


def test_one_that_fails_stops_no_other() -> None:
    report = checked("softmax", wrong, raising, "sofmax", "svm")
    assert [loss.passed for loss in report.losses] == [True, False, False, False, True]
    assert [bool(loss.error) for loss in report.losses] == [False, False, False, True, False]
    assert "softmax" in report.losses[3].error  # the nearest name
    assert report.losses[3].batches == ()


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        (["softmax", "svm"], 0), (["no-such-loss", wrong], 1), ([wrong, "no-such-loss"], 1), (["no-such-loss"], 2),
        (["softmax", "no-such-loss"], 2), ([], 2),
    ],
)  # fmt: skip
def test_a_defect_is_1_and_a_missing_target_is_2_whatever_their_order(targets: list[Any], code: int) -> None:
    report = checked(*targets)
    assert (report.exit_code, report.passed) == (code, code == 0)


def test_the_same_run_twice_or_beside_other_targets_is_the_same_report() -> None:
    alone, among = checked("svm", wrong).losses, checked("softmax", raising, "svm", wrong).losses[2:]
    told, again = (
        [(b.seed, b.value, b.evaluations, b.worst) for loss in x for b in loss.batches] for x in (alone, among)
    )
    assert told == again
    assert len(told) == 8


def test_a_loss_that_breaks_its_contract_at_one_batch_size_is_checked_at_the_others_and_told_of_it_once() -> None:
    def only_one_row(S: Any, y: Any) -> Any:
        assert len(S) == 1, "one at a time"
        return softmax(S, y)

    loss = only(only_one_row)
    assert [batch.batch_size for batch in loss.batches] == [1, 1]
    assert [finding.code for finding in loss.findings] == ["raises"]
    assert "at batch size 2, normal(0, 1), seed 0" in loss.findings[0].message
    assert not loss.passed
    assert "--batch-size 2 --classes 3" in loss.rerun


def test_errors_stand_before_warnings_and_fail_though_every_entry_is_right() -> None:
    shared = with_shared_buffer()

    def both(S: Any, y: Any) -> Any:
        answer = shared(S, y)
        S[:] = 0
        return answer

    loss = only(both)
    assert [(f.code, f.severity) for f in loss.findings] == [("mutates-input", "error"), ("shared-buffer", "warning")]
    assert loss.failed
    assert all(batch.passed for batch in loss.batches)


@pytest.mark.parametrize("make", [with_shared_buffer, lambda: drowned], ids=["a warning", "an unresolved entry"])
def test_a_warning_and_an_unresolved_entry_fail_only_a_strict_run(make: Callable[[], Any]) -> None:
    assert checked(make()).exit_code == 0
    assert checked(make(), strict=True).exit_code == 1
    assert only(make()).findings or sum(batch.unresolved for batch in only(make()).batches) > 0


def test_fail_fast_stops_at_the_first_problem_that_fails_and_leaves_the_other_targets() -> None:
    report = checked("softmax", wrong, "svm", fail_fast=True)
    assert [len(loss.batches) for loss in report.losses] == [4, 1]
    assert report.exit_code == 1
    assert [len(loss.batches) for loss in checked("softmax", "svm", fail_fast=True).losses] == [4, 4]


@pytest.mark.parametrize("call", [1, 2, 3, 30, 100])
def test_ctrl_c_ends_with_130_and_keeps_what_was_done(call: int) -> None:
    calls = itertools.count(1)

    def interrupted(S: Any, y: Any) -> Any:
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


def test_the_seed_of_a_problem_redraws_it_alone() -> None:
    config = Config(batch_sizes=[1, 3], classes=[2, 4], scores=["normal", "uniform"], trials=3, seed=7)
    for batch in only(wrong, config).batches[::5]:
        alone = Config(batch_sizes=batch.batch_size, classes=batch.classes, scores=batch.scores, seed=batch.seed)
        (again,) = only(wrong, alone).batches
        assert again.value == batch.value
        assert np.array_equal(again.verdicts, batch.verdicts)
        assert again.worst == batch.worst


@pytest.mark.parametrize(
    ("max_entries", "asked", "plan"), [(15, "auto", "per-sample"), (14, "auto", "projections"), (10, "full", "full")]
)
def test_more_entries_than_max_entries_are_checked_by_projections_unless_a_plan_was_asked_for(
    max_entries: int, asked: Any, plan: str
) -> None:
    config = Config(batch_sizes=3, classes=5, scores="normal", max_entries=max_entries, plan=asked)
    (batch,) = only("softmax", config).batches
    assert batch.plan == plan
    assert (batch.projections is None) == (batch.verdicts is not None) == (plan != "projections")


@pytest.mark.parametrize("name", ["softmax", "svm", "focal"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_evaluations_are_the_calls_that_were_made(name: str, dtype: Any) -> None:
    loss, calls = with_calls(BUILT_INS[name].function, Config(batch_sizes=3, classes=4, dtype=dtype))
    assert sum(batch.evaluations for batch in loss.batches) == calls


@pytest.mark.parametrize("name", ["softmax", "label-smoothing", "focal", "brier", "one-vs-all"])
def test_a_right_smooth_gradient_costs_at_most_2nc_and_n_and_100_calls_with_the_contract(name: str) -> None:
    for N, C in ((1, 5), (3, 5), (8, 5), (8, 16)):
        loss, calls = with_calls(BUILT_INS[name].function, Config(batch_sizes=N, classes=C, scores="normal"))
        assert loss.passed
        assert calls <= 2 * N * C + N + 100


def test_an_entry_at_a_kink_costs_at_most_60_calls_more() -> None:
    config = Config(batch_sizes=[1, 3, 8], classes=5, scores="integers(-2, 2)", trials=4)
    for batch in only("svm", config).batches:
        assert batch.evaluations <= 2 * batch.entries + batch.batch_size + 100 + 60 * batch.count(Verdict.SUBGRADIENT)


FLOAT32 = Config(batch_sizes=3, classes=5, dtype="float32")


def test_float32_is_what_the_loss_is_given_and_float64_what_it_is_judged_by_where_it_takes_that() -> None:
    seen = set()

    def remembers(S: Any, y: Any) -> Any:
        seen.add(S.dtype.name)
        return softmax(S, y)

    def only_single(S: Any, y: Any) -> Any:
        assert S.dtype == np.float32
        return softmax(S, y)

    assert checked(remembers, only_single, config=FLOAT32).passed
    assert seen == {"float32", "float64"}

    def off(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value, dS * np.float32(1.001)

    assert only(off, FLOAT32).batches[0].wrong > 0


def test_what_the_loss_prints_appears_once_and_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(S: Any, y: Any) -> Any:
        print("loss here")  # noqa: T201
        return softmax(S, y)

    assert checked(chatty).passed
    assert capsys.readouterr() == ("", "loss here\n")


def test_the_rerun_is_of_the_problem_with_the_most_wrong_entries() -> None:
    def wrong_at_two(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value, dS * (1 + (len(S) == 2))

    assert "--batch-size 2 --classes 3" in only(wrong_at_two).rerun
    assert only("softmax").rerun.startswith("gradcheck run softmax ")
    assert only("no-such-loss").rerun == ""
