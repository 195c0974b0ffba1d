"""The budget of a run: deadline, timeout of a call, calls counted, progress reported."""

import itertools
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed import changed

import gradcheck
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.budget import open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.losses import BUILT_INS
from gradcheck.run import check_targets
from gradcheck.sampling import shapes

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timers here")

SMALL = Config(batch_sizes=[1, 2], classes=[3], scores=["normal", "integers(-2, 2)"])
SHORT = 0.05
softmax = BUILT_INS["softmax"].function
wrong = changed("softmax", lambda dS, S, y: 2 * dS, "wrong")


def spoils(S, y):
    value, dS = softmax(S, y)
    S[:] = 0
    return value, dS


def slow(S, y):
    time.sleep(0.02)
    return softmax(S, y)


def hangs_from(first):
    """A loss that returns no more from some call on."""
    calls = itertools.count(1)

    def hanging(S, y):
        while next(calls) >= first:
            time.sleep(0.001)
        return softmax(S, y)

    return hanging


@pytest.fixture
def clock(monkeypatch):
    """A second for every look at the clock: at every call of a loss, and a few beside."""
    ticks = itertools.count()
    monkeypatch.setattr("gradcheck.functions.budget.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))


def checked(*losses, seconds, config=SMALL, **options):
    targets = [loss if isinstance(loss, str) else Function(loss.__name__, loss, by_name=True) for loss in losses]
    return check_targets(targets, config, Settings(max_seconds=seconds, **options))


def calls_before_the_cut(loss):
    """Of the problem that was begun and not ended."""
    return int(loss.cut_short.rpartition(", after ")[2].split()[0]) if loss.cut_short else 0


def test_a_target_whose_turn_never_came_is_not_even_loaded(tmp_path):
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').close()\n\ndef loss(S, y): ...\n")
    report = checked(slow, f"{tmp_path / 'mine.py'}:loss", seconds=0.1)
    assert (report.out_of_time, report.losses[1].unchecked) == (True, 4)
    assert not (tmp_path / "loaded").exists()


@pytest.mark.usefixtures("clock")
def test_a_finding_of_the_contract_is_kept_though_the_problem_was_cut_short():
    report = checked(spoils, seconds=20)
    (loss,) = report.losses
    assert (loss.batches, loss.unchecked, report.exit_code) == ((), 4, 1)
    assert [finding.code for finding in loss.findings] == ["mutates-input"]
    assert "--batch-size 1" in loss.rerun


@pytest.mark.usefixtures("clock")
@settings(deadline=None, max_examples=30)
@given(seconds=st.integers(1, 700), fail_fast=st.booleans())
def test_whatever_the_deadline_the_counts_add_up(seconds, fail_fast):
    called = {"softmax": 0, "wrong": 0, "spoils": 0}

    def counting(function):
        def counted(S, y):
            called[function.__name__] += 1
            return function(S, y)

        counted.__name__ = function.__name__
        return counted

    report = checked(*map(counting, (softmax, wrong, spoils)), seconds=seconds, fail_fast=fail_fast)
    assert sum(called.values()) <= seconds
    for loss in report.losses:
        assert len(loss.batches) + loss.unchecked == 4
        assert bool(loss.rerun) == bool(loss.batches or loss.findings)
        assert [batch.batch_size for batch in loss.batches] == [N for N, _ in shapes(SMALL)][: len(loss.batches)]
        evaluations = sum(batch.evaluations for batch in loss.batches)
        assert evaluations + loss.evaluations_to_explain + calls_before_the_cut(loss) == called[loss.target]
        assert loss.passed == (loss.target == "softmax" and not loss.unchecked)
        assert loss.failed == (loss.target == "wrong" and bool(loss.batches)) or loss.target == "spoils"
    if not fail_fast:
        assert [loss.target for loss in report.losses] == list(called)
        assert report.out_of_time == any(loss.unchecked for loss in report.losses)
    assert report.exit_code == (1 if any(loss.failed for loss in report.losses) else 2)


def test_from_python_too():
    assert not gradcheck.check_at(hangs_from(1), [[0.0, 1.0]], [0], timeout=SHORT).passed
    report = gradcheck.check_at(slow, np.zeros((4, 4)), np.zeros(4, int), max_seconds=0.2)
    assert (report.out_of_time, report.exit_code, report.losses[0].unchecked) == (True, 2, 1)
    assert report.losses[0].cut_short.startswith("batch size 4, given, seed 0, after ")


@pytest.mark.parametrize("name", ["max_seconds", "timeout"])
def test_infinite_seconds_are_refused_and_a_time_beyond_any_timer_is_as_good_as_none(name):
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}.*above 0"):
        check_targets(["svm"], SMALL, Settings(**{name: float("inf")}))
    assert check_targets(["svm"], SMALL, Settings(**{name: 1e300})).passed


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr("gradcheck.functions.budget.REPORT_EVERY", 0.0)
    return []


def test_progress_goes_through_every_problem_and_call_of_every_target(told):
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


def test_a_better_estimate_is_what_is_told(told):
    with open_budget(Settings(), told.append) as watch:
        watch.start_problem("svm", [(2, 3), (4, 5)], 0)
        watch.begin(10)
        watch.expect(20)
        for calls in (1, 30, 1):
            watch.begin(calls)
    assert [(one.calls, one.expected) for one in told] == [(0, 72), (0, 72), (10, 30), (11, 30), (41, 41)]
    assert 0.0 == told[0].share < told[2].share < told[3].share < told[4].share < 1


HANGS = {
    "in a loop": "while True:\n        pass",
    "for another thread": "threading.Event().wait()",
    "in another function": "helper()",
    "swallowing errors": "while True:\n        try:\n            helper()\n        except Exception:\n            pass",
    "in a finally clause": "try:\n        raise ValueError\n    finally:\n        time.sleep(60)",
}
HELPER = """\
import threading
import time

def helper():
    while True:
        time.sleep(0.001)

def loss(S, y):
    """


@pytest.fixture(autouse=True)
def _patient_watchdog(monkeypatch):
    """It would end the process that runs the tests, where that is starved for seconds."""
    monkeypatch.setattr("gradcheck.functions.budget.GRACE", 60.0)


def hangs_at(limit, function, *arguments):
    begun = time.monotonic()
    with pytest.raises(LossDefect) as caught:
        limit.call(function, *arguments)
    assert SHORT <= time.monotonic() - begun < 20
    assert caught.value.code == "hangs"
    return caught.value


@pytest.mark.parametrize("how", HANGS)
def test_a_call_that_hangs_is_ended_and_the_users_line_named(tmp_path, how):
    path = tmp_path / "mine.py"
    path.write_text(f"{HELPER}{HANGS[how]}\n")
    with open_budget(Settings(timeout=SHORT)) as limit:
        defect = hangs_at(limit, load_target(f"{path}:loss").function, np.zeros((2, 3)), np.array([0, 1]))
    assert f"does not return within 0.05 s: it is at {path}:" in defect.message
    line = int(defect.message.rpartition(":")[2])
    assert f'mine.py", line {line}, in ' in defect.details
    assert "in loss" in defect.details
    assert not any(file in defect.details for file in ("budget.py", "threading.py"))


def test_what_it_answers_or_raises_in_its_time_comes_through_and_afterwards_counts_for_nothing():
    def answers_late():
        with suppress(BaseException):
            time.sleep(60)
        return 1

    def raises_late():
        try:
            time.sleep(60)
        finally:
            raise ValueError("something else")

    with open_budget(Settings(timeout=SHORT)) as limit:
        assert limit.call(int, "11", base=2) == 3
        with pytest.raises(ValueError, match="invalid literal"):
            limit.call(int, "x")
        assert "answers_late" in hangs_at(limit, answers_late).details
        assert "raises_late" in hangs_at(limit, raises_late).details


@pytest.mark.parametrize("hang", [False, True])
@pytest.mark.parametrize("timer", [(0.0, 0.0), (3600.0, 7.0)], ids=["no timer", "a timer"])
def test_the_handler_the_timer_and_the_tracer_are_as_before(hang, timer):
    rung = []
    previous = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        before = signal.getsignal(signal.SIGALRM), sys.gettrace(), threading.active_count()
        with open_budget(Settings(timeout=SHORT)) as limit:
            if hang:
                hangs_at(limit, time.sleep, 60)
            else:
                limit.call(int)
        assert (signal.getsignal(signal.SIGALRM), sys.gettrace(), threading.active_count()) == before
        assert sys.exc_info() == (None, None, None)
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert timer[0] - 30 < left <= timer[0]
        assert interval == timer[1]
        time.sleep(2 * SHORT)
        assert rung == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_in_another_thread_and_without_such_timers_it_is_refused(monkeypatch):
    with ThreadPoolExecutor(1) as thread, pytest.raises(UsageError, match="main thread"):
        thread.submit(check_targets, ["svm"], Config(), Settings(timeout=1.0)).result()
    monkeypatch.delattr(signal, "setitimer")
    with pytest.raises(UsageError, match="SIGALRM"):
        check_targets(["svm"], Config(), Settings(timeout=1.0))


@pytest.mark.parametrize("first", [1, 2, 3, 20])
def test_a_loss_that_hangs_at_any_of_its_calls_has_a_defect_and_stops_no_other(first):
    config = Config(batch_sizes=[2, 3], classes=3, scores="normal")
    hanging, svm = checked(hangs_from(first), "svm", config=config, seconds=None, timeout=SHORT).losses
    assert (hanging.failed, hanging.unchecked, svm.passed) == (True, 1, True)  # one hang is enough
    (finding,) = hanging.findings
    assert (finding.code, finding.severity) == ("hangs", "error")
    assert "test_budget.py" in finding.message
    assert "--timeout" in finding.hint


def test_a_module_that_hangs_when_it_is_loaded_cannot_be_checked(tmp_path, monkeypatch):
    monkeypatch.setattr("gradcheck.functions.budget.LOADING", SHORT)
    (tmp_path / "mine.py").write_text("import time\n\ntime.sleep(60)\n")
    report = checked(f"{tmp_path / 'mine.py'}:loss", "svm", config=Config(), seconds=None, timeout=0.5)
    assert (report.exit_code, report.losses[1].passed) == (2, True)
    assert "loading it does not return within 0.5 s" in report.losses[0].error
    assert 'mine.py", line 3' in report.losses[0].error
