"""Other processes that call a loss: what they answer is what this one would have got."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_losses import facts, losses_in

import gradcheck
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.evaluation import parallel
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.parallel import Pool, open_pool
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.report import Report
from gradcheck.run import check_targets

pytest.importorskip("joblib")
# A thread of loky's may meet workers that were ended while it looked at them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

S = np.array([[0.0, 1.0], [2.0, 3.0]])
Y = np.array([0, 1])


@pytest.fixture(scope="module", autouse=True)
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with losses_in(tmp_path_factory.mktemp("losses")):
        yield


class Counted(Pool):
    """Counts the tasks."""

    tasks = 0

    def _results(self, arguments: Any, seconds: float) -> Any:
        def counted() -> Iterator[Any]:
            for each in arguments:
                self.tasks += 1
                yield each

        return super()._results(counted(), seconds)


@pytest.fixture(scope="module")
def pool() -> Iterator[Counted]:
    pool = Counted(Settings(jobs=2))
    yield pool
    pool.close()


@contextmanager
def used(pool: Pool) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradcheck.run.open_pool", lambda settings: nullcontext(pool))
        yield


def checked_by(pool: Pool, targets: list[str], config: Config) -> Report:
    with used(pool):
        return check_targets(targets, config, Settings(jobs=2))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("plan", "targets"),
    [
        ("full", ["svm", "mine:right", "mine.py:in_rows", "mine:wrong", "mine.py:kinked", "mine:in_float32"]),
        ("rows", ["softmax", "mine.py:right", "mine:in_rows", "mine.py:wrong", "mine:kinked"]),
        ("per-sample", ["softmax", "mine.py:in_rows"]),
        ("auto", ["svm", "mine:right", "mine:coupled", "mine.py:in_rows"]),
    ],
)
def test_the_report_is_the_same_to_the_last_bit(pool: Counted, plan: str, dtype: str, targets: list[str]) -> None:
    config = Config(batch_sizes=[1, 3], classes=[4], plan=plan, dtype=dtype)  # type: ignore[arg-type]
    before = pool.tasks
    together, alone = checked_by(pool, targets, config), check_targets(targets, config)
    assert facts(together) == facts(alone)
    assert not any(loss.error for loss in alone.losses)
    assert pool.tasks > before + 4 * len(targets)


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("mine.py:times", {"backward": "times_backward", "inputs": {"x": "[N, 4]", "w": "[4]"}}),
        ("mine:times", {"backward": "times_backward", "inputs": {"x": "[N, 4]", "w": "[4]"}}),
        ("mine.py:Linear", {"inputs": {"X": "[N, 4]", "y": "integers(0, 2) [N]"}}),
    ],
)
def test_functions_of_named_inputs_are_the_same_too(pool: Counted, target: str, keys: dict[str, Any]) -> None:
    config, before = Config(batch_sizes=[2, 5], **keys), pool.tasks
    together, alone = checked_by(pool, [target], config), check_targets([target], config)
    assert facts(together) == facts(alone)
    assert alone.passed
    assert pool.tasks > before


@settings(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("asking", ["whole", "rows", "each-row"])
def test_any_entries_in_any_order_as_often_as_one_likes(pool: Counted, asking: str, data: st.DataObject) -> None:
    N, C = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    entries = data.draw(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, C - 1)), max_size=12))
    rows, columns = np.array(entries, dtype=np.intp).reshape(-1, 2).T
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    scores, labels, after = rng.normal(size=(N, C)), rng.integers(0, C, N), rng.normal(size=len(rows))
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    answers = []
    for shared in (None, pool):
        objective = Objective(load_target("softmax"), (N, C), labels, dtype, pool=shared)
        values, derivatives = objective.ask(asking, scores.reshape(-1), C * rows + columns, after)  # type: ignore[arg-type]
        answers.append((values.tobytes(), derivatives.tobytes(), objective.calls))
    assert answers[0] == answers[1]


def test_the_first_of_several_defects_in_order_is_reported(pool: Counted) -> None:
    entries = np.array([2, 2, 2, 3, 2, 3, 2, 2])
    after = np.array([2, 2, 2, 3.25, 2, 3.5, 2, 2.0])
    told = []
    for shared in (None, pool):
        objective = Objective(load_target("mine.py:raises"), (2, 2), Y, pool=shared)
        with pytest.raises(LossDefect) as caught:
            objective.ask("whole", S.reshape(-1), entries, after)
        told.append((caught.value.code, caught.value.message, caught.value.details))
    assert told[0] == told[1]
    assert told[0][1] == "raises ValueError: 3.250 is more than 3"
    assert "in raises" in told[0][2]


@pytest.mark.parametrize("plan", ["full", "auto"])
def test_what_raises_in_a_worker_is_the_same_finding(pool: Counted, plan: str) -> None:
    config, loss = Config(plan=plan), load_target("mine.py:raises")  # type: ignore[arg-type]
    alone = gradcheck.check_at(loss, S, Y, config)
    with used(pool):
        together = gradcheck.check_at(loss, S, Y, config, jobs=2)
    assert facts(together) == facts(alone)
    if plan == "full":
        assert [finding.code for finding in together.losses[0].findings] == ["raises"]


@pytest.mark.parametrize(
    ("target", "how"), [("mine.py:dies", "EXIT(7)"), ("mine.py:is_killed", "SIGKILL(-9)")], ids=str
)
def test_a_worker_that_dies_costs_its_problem_and_no_other(pool: Counted, target: str, how: str) -> None:
    config = Config(batch_sizes=[1, 3], classes=[4], scores="normal", plan="full")
    report = checked_by(pool, [target, "mine.py:right"], config)
    dead, later = report.losses
    assert "other processes could not call the loss" in dead.error
    assert how in dead.error
    assert [batch.batch_size for batch in dead.batches] == [1]
    assert facts(later) == facts(check_targets(["mine.py:right"], config).losses[0])
    assert report.exit_code == 2


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mine.py:drawn", ["in a worker the loss's value is", "drawn at random as the module is imported"]),
        ("mine.py:raises_elsewhere", ["in a worker the loss raises RuntimeError: not at home"]),
    ],
)
def test_a_loss_that_is_another_one_in_a_worker_is_not_judged(pool: Counted, target: str, words: list[str]) -> None:
    report = checked_by(pool, [target], Config(batch_sizes=[3], scores="normal", plan="full"))
    assert report.exit_code == 2
    assert not report.losses[0].batches
    for each in words:
        assert each in report.losses[0].error


def test_nothing_that_a_loss_prints_in_a_worker_is_heard(pool: Counted, capfd: pytest.CaptureFixture[str]) -> None:
    before = pool.tasks
    assert checked_by(pool, ["mine.py:chatty"], Config(batch_sizes=[3], scores="normal")).passed
    out, err = capfd.readouterr()
    assert (out, err.splitlines()) == ("", ["from the loss"])  # once, by this process
    assert pool.tasks > before


def test_a_worker_is_where_this_process_is_in_one_thread_and_treats_floats_as_this_one_does(pool: Counted) -> None:
    config = Config(batch_sizes=[3], scores="normal", plan="full")
    before = pool.tasks
    assert checked_by(pool, ["mine.py:where", "mine.py:one_thread"], config).passed
    with np.errstate(all="raise"):
        findings = checked_by(pool, ["mine.py:careful"], config).losses[0].findings
    assert findings[0].message.startswith("raises FloatingPointError")
    assert pool.tasks > before


def test_no_jobs_are_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    with open_pool(Settings(jobs=0)) as pool:
        assert pool is None
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    with open_pool(Settings(jobs=0)) as pool:
        assert pool is not None
        assert pool.jobs == 4


def local(S: Any, y: Any) -> Any:
    """A loss that no target leads to."""
    return float((S**2).sum() / 2), S


def test_a_callable_is_sent_by_value_and_closes_over_what_it_likes(pool: Counted) -> None:
    weights = np.arange(1.0, 6.0)

    def weighted(S: Any, y: Any) -> Any:
        return float((weights * S**2).sum() / 2), weights * S

    config = Config(batch_sizes=[3], scores="normal")
    with used(pool):
        before = pool.tasks
        report = gradcheck.check(weighted, config, jobs=2)
    assert pool.tasks > before
    assert facts(report) == facts(gradcheck.check(weighted, config))
    assert report.passed


def test_what_cannot_be_pickled_is_said_to_be_so(pool: Counted) -> None:
    lock = threading.Lock()

    def locked(S: Any, y: Any) -> Any:
        with lock:
            return float((S**2).sum() / 2), S

    with used(pool):
        report = gradcheck.check(locked, Config(batch_sizes=[3], scores="normal"), jobs=2)
    assert report.exit_code == 2
    assert "other processes could not call the loss: PicklingError" in report.losses[0].error
    assert "can be pickled" in report.losses[0].error


def test_jobs_as_an_option_of_the_api() -> None:
    config = Config(batch_sizes=[3], scores="normal")
    assert facts(gradcheck.check(["svm", "mine:right"], config, jobs=2)) == facts(
        gradcheck.check(["svm", "mine:right"], config)
    )
    assert facts(gradcheck.check_at("svm", S, Y, jobs=2)) == facts(gradcheck.check_at("svm", S, Y))
    with pytest.raises(AssertionError, match="wrong"):
        gradcheck.assert_gradients("mine:wrong", config, jobs=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="timers of this kind are POSIX's")
def test_a_call_that_hangs_in_a_worker_is_ended_and_told(capfd: pytest.CaptureFixture[str]) -> None:
    report = gradcheck.check_at(load_target("mine.py:hangs"), S, Y, plan="full", jobs=2, timeout=0.3)
    (finding,) = report.losses[0].findings
    assert (finding.code, report.exit_code) == ("hangs", 1)
    assert "does not return within 0.3 s" in finding.message
    assert capfd.readouterr().out == ""


@pytest.mark.benchmark
@pytest.mark.skipif(not hasattr(os, "fork"), reason="timers of this kind are POSIX's")
def test_a_worker_whose_call_cannot_be_interrupted_ends(capfd: pytest.CaptureFixture[str]) -> None:
    report = gradcheck.check_at(load_target("mine.py:stops"), S, Y, plan="full", jobs=2, timeout=0.3)
    assert "other processes could not call the loss" in report.losses[0].error
    assert report.exit_code == 2
    assert "does not return within 0.3 s: it is at" in capfd.readouterr().err


def test_no_call_begins_when_time_is_up() -> None:
    report = check_targets(["mine.py:slow"], Config(batch_sizes=[8], classes=[300]), Settings(jobs=2, max_seconds=1))
    assert (report.out_of_time, report.exit_code) == (True, 2)
    assert "after" in report.losses[0].cut_short


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (Settings(jobs=-1), "--jobs"),
        (Settings(backend="dask"), "--scheduler tcp://"),
        (Settings(scheduler="tcp://127.0.0.1:8786"), "--backend dask"),
        (Settings(backend="dask", scheduler="tcp://127.0.0.1:8786", timeout=1.0), "timeout"),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_a_mistake_of_usage(how: Settings, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_targets(["svm"], Config(), how)


@pytest.mark.parametrize(
    ("how", "missing", "extra"),
    [
        (Settings(jobs=2), "joblib", "parallel"),
        (Settings(backend="dask", scheduler="tcp://127.0.0.1:1"), "distributed", "dask"),
    ],
    ids=["loky", "dask"],
)
def test_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, how: Settings, missing: str, extra: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "gradcheck.evaluation.parallel.find_spec",
        lambda name, *rest: None if name == missing else real(name, *rest),
    )
    with pytest.raises(UsageError, match=missing) as caught:
        check_targets(["svm"], Config(), how)
    assert f"pip install 'gradcheck[{extra}]'" in str(caught.value)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_where_no_scheduler_answers_is_said_at_once(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "ANSWERS", 0.3)
    with pytest.raises(UsageError, match=f"no scheduler answers at {address}"):
        check_targets(["svm"], Config(), Settings(backend="dask", scheduler=address))


def test_one_job_imports_no_library_for_several(tmp_path: Path) -> None:
    script = (
        "import sys, gradcheck; assert gradcheck.check('svm').passed; "
        "print([name for name in sys.modules if name.startswith(('joblib', 'distributed'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_loss_that_is_adapted_twice_over_is_still_sent_as_the_users(pool: Counted) -> None:
    def halved(function: Any) -> Any:
        import functools

        @functools.wraps(function)
        def loss(S: Any, y: Any) -> Any:
            value, dS = function(S, y)
            return value / 2, dS / 2

        return loss

    for original in (load_target("mine.py:right"), Function("local", local)):
        adapted = replace(original, function=halved(original.function), framework="halves", adapter=halved)
        entries = np.repeat([0, 3], 4)
        alone = Objective(adapted, (2, 2), Y).ask("whole", S.reshape(-1), entries, np.arange(8.0))
        before = pool.tasks
        together = Objective(adapted, (2, 2), Y, pool=pool).ask("whole", S.reshape(-1), entries, np.arange(8.0))
        assert pool.tasks > before
        assert np.array_equal(alone, together)
