"""The budget of a run: deadline, timeout of a call, calls counted, progress reported."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
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
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.functions.budget import Budget, RunProgress, open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport, Report
from gradcheck.run import check_targets
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
    assert 0 < cut.unchecked == 4 - len(cut.batches) < 4
    problem = list(problems(SMALL))[len(cut.batches)]
    where, calls = cut.cut_short.rpartition(", after ")[0], calls_before_the_cut(cut)
    assert where == f"batch size {problem.S.shape[0]}, {problem.scores}, seed {problem.seed}"
    assert 0 < calls < 70
    assert (not_begun.target, not_begun.unchecked, not_begun.batches) == ("wrong", 4, ())
    assert (not_begun.cut_short, not_begun.rerun, report.exit_code) == ("", "", 2)
    assert not any(loss.passed for loss in report.losses[1:])


def test_a_target_whose_turn_never_came_is_not_even_loaded(tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').close()\n\ndef loss(S, y): ...\n")
    report = checked(slow(0.02), f"{tmp_path / 'mine.py'}:loss", seconds=0.1)
    assert report.losses[1].unchecked == 4
    assert not (tmp_path / "loaded").exists()


@pytest.mark.usefixtures("clock")
def test_a_finding_of_the_contract_is_kept_though_the_problem_was_cut_short() -> None:
    report = checked(Function("spoils", spoils), seconds=20)
    (loss,) = report.losses
    assert (loss.batches, loss.unchecked) == ((), 4)
    assert [finding.code for finding in loss.findings] == ["mutates-input"]
    assert report.exit_code == 1
    assert "--batch-size 1" in loss.rerun


def test_a_given_problem_is_cut_short_too() -> None:
    report = gradcheck.check_at(slow(0.02), np.zeros((4, 4)), np.zeros(4, int), max_seconds=0.2)
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


@pytest.mark.parametrize("name", ["max_seconds", "timeout"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_number_of_seconds_is_refused(name: str, seconds: float) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}.*above 0"):
        check_targets(["svm"], SMALL, Settings(**{name: seconds}))  # type: ignore[arg-type]


def test_a_time_beyond_any_timer_is_as_good_as_none() -> None:
    assert check_targets(["svm"], SMALL, Settings(max_seconds=1e300, timeout=1e300)).passed


def test_calls_that_were_made_elsewhere_count_and_end_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Budget(Settings(max_seconds=3600))
    watch.begin(20)
    assert watch.calls == 20
    monkeypatch.setattr("gradcheck.functions.budget.time", SimpleNamespace(monotonic=lambda: time.monotonic() + 4000))
    with pytest.raises(OutOfTime):
        watch.begin()
    assert watch.calls == 20


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[RunProgress]:
    monkeypatch.setattr("gradcheck.functions.budget.REPORT_EVERY", 0.0)
    return []


def test_progress_goes_through_every_problem_and_call_of_every_target(told: list[RunProgress]) -> None:
    report = check_targets(["svm", "softmax"], SMALL, progress=told.append)
    assert list(dict.fromkeys(one.target for one in told)) == ["svm", "softmax"]
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


def test_a_better_estimate_is_what_is_told(told: list[RunProgress]) -> None:
    with open_budget(Settings(), told.append) as watch:
        watch.start_problem("svm", [(2, 3), (4, 5)], 0)
        watch.begin(10)
        watch.expect(20)
        watch.begin()
        watch.begin(30)
        watch.begin()
    assert [(one.calls, one.expected) for one in told] == [(0, 72), (0, 72), (10, 30), (11, 30), (41, 41)]
    assert told[0].share == 0.0
    assert 0 < told[2].share < told[3].share < told[4].share < 1


pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timers here")

SHORT = 0.05


HANGS = {
    "in a loop": "while True:\n        pass",
    "for another thread": "threading.Event().wait()",
    "in another function": "helper()",
    "swallowing errors": """\
while True:
        try:
            time.sleep(0.001)
        except Exception:
            pass""",
    "in a finally clause": "try:\n        raise ValueError\n    finally:\n        time.sleep(60)",
}

HELPERS = """\
import threading
import time

def helper():
    while True:
        time.sleep(0.001)

def loss(S, y):
    """


@pytest.fixture(autouse=True)
def _patient_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the process that runs the tests, where that is starved for seconds."""
    monkeypatch.setattr("gradcheck.functions.budget.GRACE", 60.0)


@pytest.fixture
def limit() -> Iterator[Budget]:
    with open_budget(Settings(timeout=SHORT)) as limit:
        yield limit


def hangs_at(limit: Budget, function: Callable[..., Any], *arguments: Any) -> LossDefect:
    begun = time.monotonic()
    with pytest.raises(LossDefect) as caught:
        limit.call(function, *arguments)
    assert SHORT <= time.monotonic() - begun < 20
    assert caught.value.code == "hangs"
    return caught.value


@pytest.mark.parametrize("how", HANGS)
def test_a_call_that_hangs_is_ended_and_the_users_line_named(limit: Budget, tmp_path: Path, how: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HELPERS + HANGS[how] + "\n")
    loss = load_target(f"{path}:loss")
    defect = hangs_at(limit, loss.function, S, Y)
    assert f"does not return within 0.05 s: it is at {path}:" in defect.message
    line = int(defect.message.rpartition(":")[2])
    assert f'mine.py", line {line}, in ' in defect.details
    assert "in loss" in defect.details
    assert not any(file in defect.details for file in ("budget.py", "threading.py"))


def test_what_it_answers_or_raises_after_its_time_counts_for_nothing(limit: Budget) -> None:
    def answers_late() -> int:
        with suppress(BaseException):
            time.sleep(60)
        return 1

    def raises_late() -> None:
        try:
            time.sleep(60)
        finally:
            raise ValueError("something else")

    assert "answers_late" in hangs_at(limit, answers_late).details
    assert "raises_late" in hangs_at(limit, raises_late).details


def test_answers_and_errors_come_through(limit: Budget) -> None:
    assert limit.call(int, "11", base=2) == 3
    with pytest.raises(ValueError, match="invalid literal"):
        limit.call(int, "x")


@pytest.fixture
def handler() -> Iterator[list[int]]:
    """A handler of the user's own, and how often it was called."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    yield rung
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("hang", [False, True])
def test_the_handler_the_timer_and_the_tracer_are_as_before(handler: list[int], hang: bool) -> None:
    before = signal.getsignal(signal.SIGALRM), sys.gettrace(), threading.active_count()
    with open_budget(Settings(timeout=SHORT)) as limit:
        if hang:
            hangs_at(limit, time.sleep, 60)
        else:
            limit.call(int)
    assert (signal.getsignal(signal.SIGALRM), sys.gettrace(), threading.active_count()) == before
    assert sys.exc_info() == (None, None, None)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    time.sleep(2 * SHORT)
    assert handler == []


def test_a_timer_that_was_set_before_goes_on_afterwards(handler: list[int]) -> None:
    signal.setitimer(signal.ITIMER_REAL, 3600.0, 7.0)
    with open_budget(Settings(timeout=SHORT)) as limit:
        hangs_at(limit, time.sleep, 60)
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 3590 < left < 3600
    assert interval == 7.0


def test_in_another_thread_and_without_such_timers_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as thread, pytest.raises(UsageError, match="main thread"):
        thread.submit(check_targets, ["svm"], Config(), Settings(timeout=1.0)).result()
    monkeypatch.delattr(signal, "setitimer")
    with pytest.raises(UsageError, match="SIGALRM"):
        check_targets(["svm"], Config(), Settings(timeout=1.0))


def hangs_from(first: int) -> Function:
    calls = itertools.count(1)

    def hanging(scores: Any, labels: Any) -> Any:
        while next(calls) >= first:
            time.sleep(0.001)
        return float((scores**2).sum()), 2 * scores

    return Function("hanging", hanging)


@pytest.mark.parametrize("first", [1, 2, 3, 20])
def test_a_loss_that_hangs_has_a_defect_and_stops_no_other(first: int) -> None:
    config = Config(batch_sizes=[2, 3], classes=3, scores="normal")
    report = check_targets([hangs_from(first), "svm"], config, Settings(timeout=SHORT))
    assert [loss.passed for loss in report.losses] == [False, True]
    assert report.exit_code == 1
    (finding,) = report.losses[0].findings
    assert (finding.code, finding.severity) == ("hangs", "error")
    assert "test_budget.py" in finding.message
    assert "--timeout" in finding.hint
    assert report.losses[0].rerun.endswith(" --timeout 0.05")
    assert report.losses[0].unchecked == 1  # one hang is enough


def test_the_deadline_ends_a_call_that_hangs() -> None:
    begun = time.monotonic()
    report = check_targets([hangs_from(3), "svm"], Config(batch_sizes=2), Settings(max_seconds=0.3, timeout=30.0))
    assert time.monotonic() - begun < 3
    assert (report.out_of_time, report.exit_code) == (True, 2)
    assert report.losses[0].cut_short.endswith("after 3 calls")


def test_a_module_that_hangs_when_it_is_loaded_cannot_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradcheck.functions.budget.LOADING", SHORT)
    (tmp_path / "mine.py").write_text("import time\n\ntime.sleep(60)\n")
    report = check_targets([f"{tmp_path / 'mine.py'}:loss", "svm"], Config(), Settings(timeout=0.5))
    assert report.exit_code == 2
    assert "loading it does not return within 0.5 s" in report.losses[0].error
    assert 'mine.py", line 3' in report.losses[0].error
    assert report.losses[1].passed
