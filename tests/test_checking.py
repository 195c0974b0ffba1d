"""The one way through: several targets, problems, findings, and what is left when a run is cut short."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck.config import Config
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import BatchReport, Report, Verdict
from gradcheck.run import check_given, check_targets
from gradcheck.sampling import problems
from gradcheck.settings import Settings

SMALL = Config(batch_sizes=[1, 2], classes=[3], scores=["normal", "integers(-2, 2)"])

softmax = BUILT_INS["softmax"].function


def wrong(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    return value, 2 * dS


def raising(S: Any, y: Any) -> Any:
    raise ValueError("no")


def checked(*targets: str | Callable[..., Any], config: Config = SMALL, **settings: bool) -> Report:
    losses = [target if isinstance(target, str) else Function(target.__name__, target) for target in targets]
    return check_targets(losses, config, Settings(**settings))


def without_times(report: Report) -> list[tuple[Any, ...]]:
    """All numbers of a report that do not depend on the clock."""
    return [
        (batch.batch_size, batch.seed, batch.value, batch.evaluations, batch.verdicts.tolist(),
         batch.relative_errors.tolist(), batch.worst)
        for loss in report.losses
        for batch in loss.batches
    ]  # fmt: skip


# --- targets ----------------------------------------------------------------------------------------------


def test_every_problem_of_the_config_is_checked_in_its_order() -> None:
    batches = checked("softmax").losses[0].batches
    assert [(batch.batch_size, batch.classes, batch.scores, batch.trial, batch.seed) for batch in batches] == [
        (*problem.S.shape, problem.scores, problem.trial, problem.seed) for problem in problems(SMALL)
    ]
    assert all(batch.entries == batch.batch_size * 3 for batch in batches)


def test_a_right_loss_passes() -> None:
    report = checked("softmax", "svm")
    assert report.passed
    assert report.exit_code == 0
    assert [loss.target for loss in report.losses] == ["softmax", "svm"]
    assert all(loss.findings == () and loss.error == "" for loss in report.losses)


def test_one_that_fails_stops_no_other() -> None:
    report = checked("softmax", wrong, raising, "no-such-loss", "svm")
    assert [loss.passed for loss in report.losses] == [True, False, False, False, True]
    assert [bool(loss.error) for loss in report.losses] == [False, False, False, True, False]
    assert report.exit_code == 1


def test_a_target_that_cannot_be_found_is_told_and_is_no_defect() -> None:
    report = checked("sofmax")
    assert "softmax" in report.losses[0].error  # the nearest name
    assert report.losses[0].batches == ()
    assert report.exit_code == 2


def test_a_defect_beside_a_missing_target_is_1_whatever_their_order() -> None:
    assert checked("no-such-loss", wrong).exit_code == 1
    assert checked(wrong, "no-such-loss").exit_code == 1
    assert checked("softmax", "no-such-loss").exit_code == 2


def test_nothing_checked_is_2() -> None:
    assert check_targets([], SMALL).exit_code == 2


def test_a_file_and_line_are_known_of_a_target_that_was_loaded() -> None:
    loss = checked("softmax").losses[0]
    assert loss.file is not None
    assert loss.file.endswith("cross_entropy.py")
    assert isinstance(loss.line, int)


def test_the_same_run_twice_is_the_same_report() -> None:
    assert without_times(checked("svm", wrong)) == without_times(checked("svm", wrong))


def test_another_target_changes_nothing_of_a_report() -> None:
    alone, among = checked("svm"), checked("softmax", raising, "svm")
    assert without_times(alone) == without_times(Report("", {}, among.losses[2:]))


# --- findings ---------------------------------------------------------------------------------------------


def test_a_finding_is_told_once_and_where_it_was_first_met() -> None:
    findings = checked(raising).losses[0].findings
    assert [finding.code for finding in findings] == ["raises"]
    assert "at batch size 1, normal(0, 1), seed 0" in findings[0].message


def test_a_loss_that_breaks_its_contract_at_one_batch_size_is_checked_at_the_others() -> None:
    def only_one_row(S: Any, y: Any) -> Any:
        assert len(S) == 1, "one at a time"
        return softmax(S, y)

    loss = checked(only_one_row).losses[0]
    assert [batch.batch_size for batch in loss.batches] == [1, 1]
    assert [finding.code for finding in loss.findings] == ["raises"]
    assert "batch size 2" in loss.findings[0].message
    assert not loss.passed


def test_errors_stand_before_warnings() -> None:
    buffers = {N: np.empty((N, 3)) for N in (1, 2)}

    def both(S: Any, y: Any) -> Any:
        value, buffers[len(S)][:] = softmax(S, y)
        S[:] = 0
        return value, buffers[len(S)]

    assert [(f.code, f.severity) for f in checked(both).losses[0].findings] == [
        ("mutates-input", "error"),
        ("shared-buffer", "warning"),
    ]


def test_a_defect_of_the_contract_fails_though_every_entry_is_right() -> None:
    def spoils(S: Any, y: Any) -> Any:
        answer = softmax(S, y)
        S[:] = 0
        return answer

    report = checked(spoils)
    assert all(batch.passed for batch in report.losses[0].batches)
    assert report.exit_code == 1


# --- strict, fail_fast ------------------------------------------------------------------------------------


def with_shared_buffer() -> Callable[..., Any]:
    buffers: dict[int, Any] = {}

    def shared(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        buffers.setdefault(len(S), np.empty(S.shape))[:] = dS
        return value, buffers[len(S)]

    return shared


def drowned(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    return value + 1e14, dS


def test_a_warning_fails_only_a_strict_run() -> None:
    assert checked(with_shared_buffer()).exit_code == 0
    assert checked(with_shared_buffer(), strict=True).exit_code == 1


def test_an_unresolved_entry_fails_only_a_strict_run() -> None:
    report = checked(drowned)
    assert sum(batch.unresolved for batch in report.losses[0].batches) > 0
    assert report.exit_code == 0
    assert checked(drowned, strict=True).exit_code == 1


def test_fail_fast_stops_at_the_first_problem_that_fails_and_leaves_the_other_targets() -> None:
    report = checked("softmax", wrong, "svm", fail_fast=True)
    assert [len(loss.batches) for loss in report.losses] == [4, 1]
    assert report.exit_code == 1


def test_fail_fast_lets_what_is_right_go_on() -> None:
    assert [len(loss.batches) for loss in checked("softmax", "svm", fail_fast=True).losses] == [4, 4]


# --- interrupted ------------------------------------------------------------------------------------------


def interrupted_at(call: int) -> Callable[..., Any]:
    calls = itertools.count(1)

    def interrupted(S: Any, y: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return softmax(S, y)

    return interrupted


@pytest.mark.parametrize("call", [1, 2, 3, 30, 100])
def test_ctrl_c_ends_with_130_and_keeps_what_was_done(call: int) -> None:
    report = checked("svm", interrupted_at(call), "softmax")
    assert report.interrupted
    assert report.exit_code == 130
    assert not report.passed
    assert [loss.target for loss in report.losses] == ["svm", "interrupted", "softmax"]
    assert [len(loss.batches) + loss.unchecked for loss in report.losses] == [4, 4, 4]
    assert [loss.passed for loss in report.losses] == [True, False, False]
    assert len(report.losses[0].batches) == 4
    assert len(report.losses[1].batches) < 4
    assert report.losses[1].cut_short.startswith("batch size ")
    assert report.losses[2].unchecked == 4
    if call == 100:
        assert len(report.losses[1].batches) >= 1


def test_ctrl_c_is_130_though_a_defect_was_found_before() -> None:
    assert checked(wrong, interrupted_at(1)).exit_code == 130


# --- problems ---------------------------------------------------------------------------------------------


def test_the_seed_that_is_told_redraws_a_problem_alone() -> None:
    config = Config(batch_sizes=[1, 3], classes=[2, 4], scores=["normal", "uniform"], trials=3, seed=7)
    report = checked(wrong, config=config)
    for batch in report.losses[0].batches[::5]:
        alone = Config(batch_sizes=batch.batch_size, classes=batch.classes, scores=batch.scores, seed=batch.seed)
        again = checked(wrong, config=alone).losses[0].batches
        assert len(again) == 1
        assert again[0].value == batch.value
        assert again[0].verdicts.tolist() == batch.verdicts.tolist()
        assert again[0].worst == batch.worst


@pytest.mark.parametrize(("max_entries", "plan"), [(15, "per-sample"), (14, "projections")])
def test_more_entries_than_max_entries_are_checked_by_projections(max_entries: int, plan: str) -> None:
    config = Config(batch_sizes=3, classes=5, scores="normal", max_entries=max_entries)
    (batch,) = checked("softmax", config=config).losses[0].batches
    assert batch.plan == plan
    assert ("max_entries is 14" in batch.why) == (plan == "projections")
    assert (batch.projections is None) == (batch.verdicts is not None) == (plan != "projections")


def test_a_plan_that_was_asked_for_is_not_bound_by_max_entries() -> None:
    config = Config(batch_sizes=3, classes=5, scores="normal", max_entries=10, plan="full")
    assert checked("softmax", config=config).losses[0].batches[0].plan == "full"


def count_calls(loss: Callable[..., Any]) -> tuple[Callable[..., Any], list[int]]:
    calls = [0]

    def counting(S: Any, y: Any) -> Any:
        calls[0] += 1
        return loss(S, y)

    return counting, calls


@pytest.mark.parametrize("name", ["softmax", "svm", "focal"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_evaluations_are_the_calls_that_were_made(name: str, dtype: str) -> None:
    counting, calls = count_calls(BUILT_INS[name].function)
    report = checked(counting, config=Config(batch_sizes=3, classes=4, dtype=dtype))
    told = sum(batch.evaluations for batch in report.losses[0].batches)
    assert told == calls[0]


@pytest.mark.parametrize("name", ["softmax", "label-smoothing", "focal", "brier", "one-vs-all"])
def test_a_right_smooth_gradient_costs_at_most_2nc_and_60_calls_with_the_contract(name: str) -> None:
    for shape in ((1, 5), (3, 5), (8, 5), (8, 16)):
        counting, calls = count_calls(BUILT_INS[name].function)
        config = Config(batch_sizes=shape[0], classes=shape[1], scores="normal")
        assert checked(counting, config=config).passed
        assert calls[0] <= 2 * shape[0] * shape[1] + 60


def test_an_entry_at_a_kink_costs_at_most_60_calls_more_with_the_contract() -> None:
    config = Config(batch_sizes=[1, 3, 8], classes=5, scores="integers(-2, 2)", trials=4)
    for batch in checked("svm", config=config).losses[0].batches:
        kinks = batch.count(Verdict.SUBGRADIENT)
        assert batch.evaluations <= 2 * batch.entries + 60 + 60 * kinks


# --- float32 ----------------------------------------------------------------------------------------------


def test_float32_is_what_the_loss_is_given_and_float64_what_it_is_judged_by() -> None:
    seen = set()

    def remembers(S: Any, y: Any) -> Any:
        seen.add(S.dtype.name)
        return softmax(S, y)

    report = checked(remembers, config=Config(batch_sizes=3, classes=5, dtype="float32"))
    assert report.passed
    assert seen == {"float32", "float64"}


def test_a_loss_that_takes_no_float64_is_judged_in_float32() -> None:
    def only_single(S: Any, y: Any) -> Any:
        assert S.dtype == np.float32
        return softmax(S, y)

    report = checked(only_single, config=Config(batch_sizes=3, classes=5, dtype="float32"))
    assert report.passed


def test_a_defect_of_a_thousandth_is_seen_in_float32() -> None:
    def off(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value, dS * np.float32(1.001)

    report = checked(off, config=Config(batch_sizes=3, classes=5, scores="normal", dtype="float32"))
    assert report.losses[0].batches[0].wrong > 0


# --- given problems ---------------------------------------------------------------------------------------


def test_a_given_problem_is_checked_as_it_is() -> None:
    S, y = np.array([[1.0, 0.0, -3.0]]), np.array([0])
    report = check_given(Function("svm", BUILT_INS["svm"].function), S, y, Config(), Settings())
    batch: BatchReport = report.losses[0].batches[0]
    assert report.passed
    assert (batch.scores, batch.batch_size, batch.classes, batch.subgradient) == ("given", 1, 3, 2)
    assert report.losses[0].rerun == ""


# --- silence --------------------------------------------------------------------------------------------


def test_what_the_loss_prints_is_heard_once_and_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(S: Any, y: Any) -> Any:
        print("loss here")  # noqa: T201
        return softmax(S, y)

    assert checked(chatty).passed
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "loss here\n")


# --- rerun ------------------------------------------------------------------------------------------------


def test_the_rerun_is_of_the_problem_with_the_most_wrong_entries() -> None:
    def wrong_at_two(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value, dS * (1 + (len(S) == 2))

    assert "--batch-size 2 --classes 3" in checked(wrong_at_two).losses[0].rerun


def test_the_rerun_is_of_the_problem_where_the_contract_was_broken() -> None:
    def fails_at_two(S: Any, y: Any) -> Any:
        assert len(S) != 2
        return softmax(S, y)

    assert "--batch-size 2 --classes 3" in checked(fails_at_two).losses[0].rerun


def test_every_report_of_a_checked_loss_has_a_rerun_and_no_other() -> None:
    assert checked("softmax").losses[0].rerun.startswith("gradcheck run softmax ")
    assert checked("no-such-loss").losses[0].rerun == ""
