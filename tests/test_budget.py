"""The time of a run, and whoever waits for it: no call is begun too late, and what was not done is told."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import OutOfTime, UsageError
from gradcheck.functions.budget import Budget, RunProgress, open_budget
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport, Report
from gradcheck.run import check_given, check_targets
from gradcheck.sampling import problems, shapes

SMALL = Config(batch_sizes=[1, 2], classes=[3], scores=["normal", "integers(-2, 2)"])
S, Y = np.zeros((2, 3)), np.array([0, 1])


def softmax(S: Any, y: Any) -> Any:
    return BUILT_INS["softmax"].function(S, y)


def wrong(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    return value, 2 * dS


def slow(seconds: float) -> Function:
    def slowly(S: Any, y: Any) -> Any:
        time.sleep(seconds)
        return softmax(S, y)

    return Function("slowly", slowly)


def spoils(S: Any, y: Any) -> Any:
    value, dS = softmax(S, y)
    S[:] = 0
    return value, dS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second for every look at the clock: at every call of a loss, and a few beside."""
    ticks = itertools.count()
    monkeypatch.setattr("gradcheck.functions.budget.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))


def checked(*losses: Function | str, seconds: float, config: Config = SMALL, **settings: Any) -> Report:
    return check_targets(losses, config, Settings(max_seconds=seconds, **settings))


def calls_before_the_cut(loss: LossReport) -> int:
    """Of the problem that was begun and not ended."""
    return int(loss.cut_short.rpartition(", after ")[2].split()[0]) if loss.cut_short else 0


# --- max_seconds ------------------------------------------------------------------------------------------


def test_no_call_is_begun_after_the_time_and_one_that_was_begun_is_not_ended() -> None:
    calls = []

    def noted(S: Any, y: Any) -> Any:
        calls.append(time.monotonic())
        time.sleep(0.02)
        return softmax(S, y)

    begun = time.monotonic()
    report = checked(Function("noted", noted), seconds=0.2)
    assert report.out_of_time
    assert len(calls) > 3
    assert all(call - begun < 0.2 + 0.1 for call in calls)


@pytest.mark.usefixtures("clock")
def test_what_was_cut_short_and_what_was_not_begun_is_told() -> None:
    losses = "svm", Function("softmax", softmax), Function("wrong", wrong)
    reports = (checked(*losses, seconds=seconds) for seconds in range(50, 1000, 10))
    report = next(one for one in reports if one.losses[1].batches and one.losses[1].cut_short)
    done, cut, not_begun = report.losses
    assert (done.passed, done.unchecked, done.cut_short) == (True, 0, "")
    assert 0 < cut.unchecked < 4
    assert len(cut.batches) == 4 - cut.unchecked
    problem = list(problems(SMALL))[len(cut.batches)]
    where, calls = cut.cut_short.rpartition(", after ")[0], calls_before_the_cut(cut)
    assert where == f"batch size {problem.S.shape[0]}, {problem.scores}, seed {problem.seed}"
    assert 0 < calls < 70
    assert (not_begun.target, not_begun.unchecked, not_begun.batches) == ("wrong", 4, ())
    assert not_begun.cut_short == ""
    assert not_begun.rerun == ""
    assert report.exit_code == 2
    assert not any(loss.passed for loss in report.losses[1:])


def test_a_target_whose_turn_never_came_is_not_even_loaded(tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').close()\n\ndef loss(S, y): ...\n")
    report = checked(slow(0.02), f"{tmp_path / 'mine.py'}:loss", seconds=0.1)
    assert report.losses[1].unchecked == 4
    assert not (tmp_path / "loaded").exists()


@pytest.mark.usefixtures("clock")
def test_it_is_1_where_something_is_wrong_already() -> None:
    reports = [checked(Function("wrong", wrong), "svm", seconds=seconds) for seconds in range(20, 400, 20)]
    assert any(report.losses[0].batches and report.losses[0].unchecked for report in reports)
    assert {report.exit_code for report in reports if report.losses[0].batches} == {1}
    assert {report.exit_code for report in reports if not report.losses[0].batches} == {2}


@pytest.mark.usefixtures("clock")
def test_a_finding_of_the_contract_is_kept_though_the_problem_was_cut_short() -> None:
    report = checked(Function("spoils", spoils), seconds=20)
    (loss,) = report.losses
    assert (loss.batches, loss.unchecked) == ((), 4)
    assert [finding.code for finding in loss.findings] == ["mutates-input"]
    assert report.exit_code == 1
    assert "--batch-size 1" in loss.rerun


@pytest.mark.usefixtures("clock")
def test_also_where_it_was_cut_short_between_the_two_calls_at_one_point() -> None:
    cut = [checked(Function("spoils", spoils), seconds=seconds).losses[0] for seconds in range(1, 12)]
    after_one = [loss for loss in cut if loss.cut_short.endswith("after 1 call")]
    assert after_one
    assert [finding.code for finding in after_one[0].findings] == ["mutates-input"]


def test_enough_time_changes_nothing() -> None:
    report = checked("svm", "softmax", seconds=3600)
    assert not report.out_of_time
    assert report.passed
    assert [loss.unchecked for loss in report.losses] == [0, 0]


def test_with_fail_fast_the_end_of_the_time_is_no_failure() -> None:
    report = checked(slow(0.02), "svm", seconds=0.1, fail_fast=True)
    assert [loss.unchecked for loss in report.losses] == [4, 4]
    assert report.exit_code == 2


def test_a_given_problem_is_cut_short_too() -> None:
    report = check_given(slow(0.02), np.zeros((4, 4)), np.zeros(4, int), Config(), Settings(max_seconds=0.2))
    assert report.out_of_time
    assert report.exit_code == 2
    assert report.losses[0].unchecked == 1
    assert report.losses[0].cut_short.startswith("batch size 4, given, seed 0, after ")


@pytest.mark.usefixtures("clock")
@hypothesis.settings(deadline=None, max_examples=30)
@given(seconds=st.integers(1, 700), fail_fast=st.booleans())
def test_whatever_the_deadline_the_counts_add_up(seconds: int, fail_fast: bool) -> None:
    called = {"right": 0, "wrong": 0, "spoils": 0}

    def counting(name: str, function: Callable[..., Any]) -> Function:
        def counted(S: Any, y: Any) -> Any:
            called[name] += 1
            return function(S, y)

        return Function(name, counted)

    losses = [counting("right", softmax), counting("wrong", wrong), counting("spoils", spoils)]
    report = checked(*losses, seconds=seconds, fail_fast=fail_fast)
    assert sum(called.values()) <= seconds
    for loss in report.losses:
        assert len(loss.batches) + loss.unchecked == 4
        assert [batch.batch_size for batch in loss.batches] == [N for N, _ in shapes(SMALL)][: len(loss.batches)]
        evaluations = sum(batch.evaluations for batch in loss.batches)
        explained = loss.evaluations_to_explain
        assert evaluations + explained + calls_before_the_cut(loss) == called[loss.target]
        assert loss.passed == (loss.target == "right" and not loss.unchecked)
        assert loss.failed == (loss.target == "wrong" and bool(loss.batches)) or loss.target == "spoils"
    if not fail_fast:
        assert [loss.target for loss in report.losses] == list(called)
        assert report.out_of_time == any(loss.unchecked for loss in report.losses)
    assert report.exit_code == (1 if any(loss.failed for loss in report.losses) else 2)


def test_from_python_too() -> None:
    def hangs(S: Any, y: Any) -> Any:
        while True:
            time.sleep(0.001)

    report = gradcheck.check(hangs, SMALL, timeout=0.05)
    assert [finding.code for finding in report.losses[0].findings] == ["hangs"]
    assert not gradcheck.check_at(hangs, [[0.0, 1.0]], [0], timeout=0.05).passed
    assert gradcheck.check_at(slow(0.02), [[0.0, 1.0]], [0], max_seconds=0.1).out_of_time
    with pytest.raises(AssertionError, match="out of time"):
        gradcheck.assert_gradients(slow(0.02), SMALL, max_seconds=0.1)
    with pytest.raises(AssertionError, match="hangs"):
        gradcheck.assert_gradients(hangs, SMALL, timeout=0.05)


# --- what is no time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_seconds", "timeout"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_number_of_seconds_is_refused(name: str, seconds: float) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}.*above 0"):
        check_targets(["svm"], SMALL, Settings(**{name: seconds}))  # type: ignore[arg-type]


def test_a_time_beyond_any_timer_is_as_good_as_none() -> None:
    assert check_targets(["svm"], SMALL, Settings(max_seconds=1e300, timeout=1e300)).passed


# --- calls ------------------------------------------------------------------------------------------------


def test_every_call_of_a_loss_is_counted_also_one_that_fails() -> None:
    watch = Budget()
    Function("softmax", softmax, budget=watch).call(S, Y)
    Function("softmax", softmax, budget=watch).evaluate(S, Y)
    assert watch.calls == 2


def test_calls_that_were_made_elsewhere_count_and_end_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Budget(max_seconds=3600)
    watch.begin(20)
    assert watch.calls == 20
    monkeypatch.setattr("gradcheck.functions.budget.time", SimpleNamespace(monotonic=lambda: time.monotonic() + 4000))
    with pytest.raises(OutOfTime):
        watch.begin()
    assert watch.is_over
    assert watch.calls == 20


# --- progress ---------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[RunProgress]:
    monkeypatch.setattr("gradcheck.functions.budget.REPORT_EVERY", 0.0)
    return []


def test_progress_goes_through_every_problem_and_call_of_every_target(told: list[RunProgress]) -> None:
    report = check_targets(["svm", "softmax"], SMALL, progress=told.append)
    assert list(dict.fromkeys(one.target for one in told)) == ["svm", "softmax"]
    assert told[-1].calls_in_all <= sum(b.evaluations for loss in report.losses for b in loss.batches)
    for target, loss in zip(("svm", "softmax"), report.losses, strict=True):
        of_target = [one for one in told if one.target == target]
        assert [one.share for one in of_target] == sorted(one.share for one in of_target)
        assert of_target[0].share == 0.0
        assert 0.8 < of_target[-1].share <= 1.0
        for done, (shape, batch) in enumerate(zip(shapes(SMALL), loss.batches, strict=True)):
            calls = [one.calls for one in of_target if one.done == done]
            assert sorted(set(calls)) == list(range(batch.evaluations))  # told before each call
            assert {(one.batch, one.total) for one in of_target if one.done == done} == {(shape, 4)}
        assert all(one.calls <= one.expected for one in of_target)


def test_that_a_target_begins_is_told_before_it_is_loaded(told: list[RunProgress]) -> None:
    check_targets(["no-such-loss"], SMALL, progress=told.append)
    assert [(one.target, one.done, one.calls, one.share) for one in told] == [("no-such-loss", 0, 0, 0.0)]


def test_progress_is_told_some_ten_times_a_second_however_fast_the_loss() -> None:
    told: list[RunProgress] = []
    begun = time.monotonic()
    check_targets([Function("softmax", softmax)], Config(batch_sizes=8, classes=20, trials=30), progress=told.append)
    assert 2 <= len(told) <= 1 + 10 * (time.monotonic() - begun) + 1


def test_a_better_estimate_is_what_is_told(told: list[RunProgress]) -> None:
    with open_budget(Settings(), told.append) as watch:
        watch.start_problem("svm", [(2, 3), (4, 5)], 0)
        watch.begin(10)
        watch.expect(20)
        watch.begin()
        watch.begin(30)
        watch.begin()
    assert [(one.calls, one.expected) for one in told] == [(0, 62), (0, 62), (10, 30), (11, 30), (41, 41)]
    assert told[0].share == 0.0
    assert 0 < told[2].share < told[3].share < told[4].share < 1
