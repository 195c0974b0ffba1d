"""A call that hangs is ended, whatever it does against it; and everything is as before afterwards."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.budget import Budget, open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.run import check_targets

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timers here")

SHORT = 0.05


def limited(seconds: float) -> AbstractContextManager[Budget]:
    return open_budget(Settings(timeout=seconds))


S, Y = np.zeros((2, 3)), np.array([0, 1])

SWALLOWING = """\
while True:
        try:
            time.sleep(0.001)
        except{what}:
            pass"""

HANGS = {
    "in a loop": "while True:\n        pass",
    "asleep": "time.sleep(60)",
    "for another thread": "threading.Event().wait()",
    "in another function": "helper()",
    "swallowing errors": SWALLOWING.format(what=" Exception"),
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
    with limited(SHORT) as limit:
        yield limit


def hangs_at(limit: Budget, function: Callable[..., Any], *arguments: Any) -> LossDefect:
    begun = time.monotonic()
    with pytest.raises(LossDefect) as caught:
        limit.call(function, *arguments)
    assert SHORT <= time.monotonic() - begun < 20
    assert caught.value.code == "hangs"
    return caught.value


# --- what hangs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HANGS)
def test_a_call_that_hangs_is_ended_and_the_users_line_named(limit: Budget, tmp_path: Path, how: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HELPERS + HANGS[how] + "\n")
    loss = load_loss(f"{path}:loss")
    defect = hangs_at(limit, loss.function, S, Y)
    assert f"does not return within 0.05 s: it is at {path}:" in defect.message
    line = int(defect.message.rpartition(":")[2])
    assert f'mine.py", line {line}, in ' in defect.details
    assert "in loss" in defect.details
    assert "budget.py" not in defect.details
    assert "threading.py" not in defect.details


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


def test_a_call_without_a_line_of_the_users_hangs_at_no_place(limit: Budget) -> None:
    assert hangs_at(limit, time.sleep, 60).message == "does not return within 0.05 s"


def test_a_call_may_be_ended_more_than_once_in_a_block(limit: Budget) -> None:
    for _ in range(3):
        hangs_at(limit, time.sleep, 60)
    assert limit.call(sum, [1, 2]) == 3


# --- what does not ----------------------------------------------------------------------------------------


def test_answers_and_errors_come_through(limit: Budget) -> None:
    assert limit.call(int, "11", base=2) == 3
    with pytest.raises(ValueError, match="invalid literal"):
        limit.call(int, "x")
    with pytest.raises(KeyboardInterrupt):
        limit.call(_interrupt)


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_many_short_calls_are_never_ended(limit: Budget) -> None:
    """Past the limit in all, and the timer set and taken back at every moment of a call."""
    until = time.monotonic() + 4 * SHORT
    calls = 0
    while time.monotonic() < until:
        assert limit.call(lambda: 7) == 7
        calls += 1
    assert calls > 1000


def test_calls_about_as_long_as_the_limit_answer_or_hang_and_nothing_else() -> None:
    with limited(0.002) as limit:
        for _ in range(150):
            outcome = ""
            with suppress(LossDefect):
                outcome = limit.call(_busy, 0.002)
            assert outcome in ("done", "")
            assert limit.call(_busy, 0.0) == "done"


def _busy(seconds: float) -> str:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    return "done"


def test_a_call_costs_a_few_microseconds(limit: Budget) -> None:
    def best(call: Callable[..., Any], *arguments: Any) -> float:
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            for _ in range(500):
                call(*arguments)
            times.append((time.perf_counter() - begun) / 500)
        return min(times)

    def nothing() -> None:
        pass

    assert best(limit.call, nothing) - best(nothing) < 20e-6


# --- afterwards -------------------------------------------------------------------------------------------


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
    with limited(SHORT) as limit:
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
    with limited(SHORT) as limit:
        hangs_at(limit, time.sleep, 60)
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 3590 < left < 3600
    assert interval == 7.0


def test_a_timer_that_ran_out_in_the_meantime_rings_afterwards(handler: list[int]) -> None:
    signal.setitimer(signal.ITIMER_REAL, SHORT / 2)
    with limited(SHORT) as limit:
        hangs_at(limit, time.sleep, 60)
        assert handler == []
    time.sleep(SHORT)
    assert handler == [signal.SIGALRM]


def test_an_error_in_the_block_puts_things_back_too(handler: list[int]) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(ZeroDivisionError), limited(SHORT):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGALRM) is before


# --- where there is none ----------------------------------------------------------------------------------


def test_in_another_thread_it_is_refused_before_anything_is_done() -> None:
    errors: list[UsageError] = []

    def elsewhere() -> None:
        try:
            check_targets(["svm"], Config(), Settings(timeout=1.0))
        except UsageError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_without_such_timers_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "setitimer")
    with pytest.raises(UsageError, match="SIGALRM"):
        check_targets(["svm"], Config(), Settings(timeout=1.0))


# --- as a loss --------------------------------------------------------------------------------------------


def hangs_from(first: int) -> Function:
    calls = itertools.count(1)

    def hanging(scores: Any, labels: Any) -> Any:
        while next(calls) >= first:
            time.sleep(0.001)
        return float((scores**2).sum()), 2 * scores

    return Function("hanging", hanging)


@pytest.mark.parametrize("first", [1, 2, 3, 20])
def test_a_loss_that_hangs_has_a_defect_and_stops_no_other(first: int) -> None:
    config = Config(batch_sizes=2, classes=3, scores="normal")
    report = check_targets([hangs_from(first), "svm"], config, Settings(timeout=SHORT))
    assert [loss.passed for loss in report.losses] == [False, True]
    assert report.exit_code == 1
    (finding,) = report.losses[0].findings
    assert (finding.code, finding.severity) == ("hangs", "error")
    assert "test_time_limit.py" in finding.message
    assert "--timeout" in finding.hint
    assert report.losses[0].rerun.endswith(" --timeout 0.05")
    assert report.losses[0].unchecked == 0


def test_one_hang_is_enough_and_the_problems_after_it_are_not_checked() -> None:
    report = check_targets([hangs_from(3)], Config(batch_sizes=[1, 2, 3], scores="normal"), Settings(timeout=0.5))
    assert report.losses[0].unchecked == 2
    assert [finding.code for finding in report.losses[0].findings] == ["hangs"]


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


def test_a_module_may_take_longer_to_load_than_a_call(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import time\n\ntime.sleep(0.3)\n\ndef loss(S, y):\n    return S.sum(), S * 0 + 1\n"
    )
    report = check_targets([f"{tmp_path / 'mine.py'}:loss"], Config(), Settings(timeout=0.2))
    assert report.losses[0].error == ""
    assert report.losses[0].batches


def test_a_watch_with_a_limit_serves_any_loss() -> None:
    """As a worker process uses it."""
    with limited(SHORT) as limit:
        loss = Function("late", lambda scores, labels: time.sleep(60), budget=limit)
        with pytest.raises(LossDefect) as caught:
            loss.call(S, Y)
    assert caught.value.code == "hangs"
