"""Other processes that call a loss: what they answer is what this one would have got."""

import os
import socket
import threading
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from worker_losses import facts, losses_in

import gradcheck
from gradcheck.api import as_loss
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.evaluation import parallel
from gradcheck.evaluation.objective import Objective
from gradcheck.evaluation.parallel import Pool, open_pool
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.run import check_targets

pytest.importorskip("joblib")
# A thread of loky's may meet workers that were ended while it looked at them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

S = np.array([[0.0, 1.0], [2.0, 3.0]])
Y = np.array([0, 1])


@pytest.fixture(scope="module", autouse=True)
def _place(tmp_path_factory):
    with losses_in(tmp_path_factory.mktemp("losses")):
        yield


class Counted(Pool):
    """Counts the tasks."""

    tasks = 0

    def _results(self, arguments, seconds):
        def counted():
            for each in arguments:
                self.tasks += 1
                yield each

        return super()._results(counted(), seconds)


@pytest.fixture(scope="module")
def pool():
    pool = Counted(Settings(jobs=2))
    yield pool
    pool.close()


def checked_by(pool, targets, config):
    """The report of a run with these workers, to whom something has to be sent."""
    before = pool.tasks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradcheck.run.open_pool", lambda settings: nullcontext(pool))
        losses = [target if isinstance(target, str | Function) else as_loss(target) for target in targets]
        report = check_targets(losses, config, Settings(jobs=2))
    assert pool.tasks > before
    return report


TIMES = {"backward": "times_backward", "inputs": {"x": "[N, 4]", "w": "[4]"}}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("targets", "keys"),
    [
        ("svm mine:right mine.py:in_rows mine:wrong mine.py:kinked mine:in_float32", {"plan": "full"}),
        ("softmax mine.py:right mine:in_rows mine.py:wrong mine:kinked", {"plan": "rows"}),
        ("softmax mine.py:in_rows", {"plan": "per-sample"}),
        ("svm mine:right mine:coupled mine.py:in_rows", {"plan": "auto"}),
        ("mine.py:squares mine:squares", {"plan": "full", "hessian": True}),
        ("mine.py:times mine:times", TIMES),
        ("mine.py:Linear", {"inputs": {"X": "[N, 4]", "y": "integers(0, 2) [N]"}}),
    ],
)
def test_the_report_is_the_same_to_the_last_bit(pool, targets, keys, dtype):
    config = Config(batch_sizes=[2, 5] if "inputs" in keys else [1, 3], classes=[4], dtype=dtype, **keys)
    alone = check_targets(targets.split(), config)
    assert facts(checked_by(pool, targets.split(), config)) == facts(alone)
    assert not any(loss.error for loss in alone.losses)
    assert alone.passed or "wrong" in targets


@pytest.mark.filterwarnings(
    "ignore:.* tasks .* but not used", "ignore:.* tasks which were still being"
)  # as a run does
def test_the_first_of_several_defects_in_order_is_reported(pool):
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


def test_a_worker_that_dies_costs_its_problem_and_no_other(pool):
    config = Config(batch_sizes=[1, 3], classes=[4], scores="normal", plan="full")
    report = checked_by(pool, ["mine.py:dies", "mine.py:right"], config)
    dead, later = report.losses
    assert "other processes could not call the loss" in dead.error
    assert "EXIT(7)" in dead.error
    assert [batch.batch_size for batch in dead.batches] == [1]
    assert facts(later) == facts(check_targets(["mine.py:right"], config).losses[0])
    assert report.exit_code == 2


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mine.py:drawn", "in a worker the loss's value is"),
        ("mine.py:drawn", "drawn at random as the module is imported"),
        ("mine.py:raises_elsewhere", "in a worker the loss raises RuntimeError: not at home"),
    ],
)
def test_a_loss_that_is_another_one_in_a_worker_is_not_judged(pool, target, words):
    report = checked_by(pool, [target], Config(batch_sizes=[3], scores="normal", plan="full"))
    assert (report.exit_code, report.losses[0].batches) == (2, ())
    assert words in report.losses[0].error


def test_a_worker_is_silent_and_where_this_process_is_in_one_thread_and_treats_floats_as_this_one_does(pool, capfd):
    config = Config(batch_sizes=[3], scores="normal", plan="full")
    assert checked_by(pool, ["mine.py:chatty", "mine.py:where", "mine.py:one_thread"], config).passed
    out, err = capfd.readouterr()
    assert (out, err.splitlines()) == ("", ["from the loss"])  # once, by this process
    with np.errstate(divide="raise"):
        error = checked_by(pool, ["mine.py:divides_there"], config).losses[0].error
    assert "in a worker the loss raises FloatingPointError" in error


def test_no_jobs_are_one_for_each_core(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 1)
    with open_pool(Settings(jobs=0)) as pool:
        assert pool is None
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    with open_pool(Settings(jobs=0)) as pool:
        assert pool is not None
        assert pool.jobs == 4


def local(S, y):
    """A loss that no target leads to."""
    return float((S**2).sum() / 2), S


def test_a_callable_is_sent_by_value_and_closes_over_what_can_be_pickled(pool):
    weights, lock = np.arange(1.0, 6.0), threading.Lock()

    def weighted(S, y):
        return float((weights * S**2).sum() / 2), weights * S

    def locked(S, y):
        with lock:
            return local(S, y)

    config = Config(batch_sizes=[3], scores="normal")
    assert facts(checked_by(pool, [weighted], config)) == facts(gradcheck.check(weighted, config))
    report = gradcheck.check(locked, config, jobs=2)
    assert report.exit_code == 2
    assert "other processes could not call the loss: PicklingError" in report.losses[0].error
    assert "can be pickled" in report.losses[0].error


@pytest.mark.skipif(not hasattr(os, "fork"), reason="timers of this kind are POSIX's")
@pytest.mark.parametrize("target", ["mine.py:hangs", pytest.param("mine.py:stops", marks=pytest.mark.benchmark)])
def test_a_call_that_hangs_in_a_worker_is_ended_and_told(target, capfd):
    report = gradcheck.check_at(load_target(target), S, Y, plan="full", jobs=2, timeout=0.3)
    (finding,) = report.losses[0].findings
    assert (finding.code, report.exit_code) == ("hangs", 1)
    assert "does not return within 0.3 s" in finding.message
    assert capfd.readouterr().out == ""


def test_no_call_begins_when_time_is_up():
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
def test_what_contradicts_itself_is_a_mistake_of_usage(how, message):
    with pytest.raises(UsageError, match=message):
        check_targets(["svm"], Config(), how)


@pytest.mark.parametrize(
    ("how", "missing", "extra"),
    [
        (Settings(jobs=2), "joblib", "parallel"),
        (Settings(backend="dask", scheduler="tcp://127.0.0.1:1"), "distributed", "dask"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(monkeypatch, how, missing, extra):
    monkeypatch.setattr(parallel, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(UsageError, match=missing) as caught:
        check_targets(["svm"], Config(), how)
    assert f"pip install 'gradcheck[{extra}]'" in str(caught.value)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1", "tcp://127.0.0.1:{}"])
def test_where_no_scheduler_answers_is_said_at_once(monkeypatch, address):
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "ANSWERS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as other:  # which takes the call, and is no scheduler
        address = address.format(other.getsockname()[1])
        with pytest.raises(UsageError, match=f"no scheduler answers at {address}"):
            check_targets(["svm"], Config(), Settings(backend="dask", scheduler=address))


def test_a_loss_that_is_adapted_twice_over_is_still_sent_as_the_users(pool):
    def halved(function):
        import functools

        @functools.wraps(function)
        def loss(S, y):
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
