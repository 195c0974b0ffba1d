"""The workers of a cluster: a dask cluster of two processes on this machine."""

import threading

import pytest
from worker_losses import facts, losses_in

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import UsageError
from gradcheck.evaluation import parallel
from gradcheck.evaluation.parallel import Pool
from gradcheck.run import check_targets
from gradcheck.run import target as one_target

distributed = pytest.importorskip("distributed")
pytest.importorskip("joblib")
pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module", autouse=True)
def _place(tmp_path_factory):
    """The cluster does not start in this directory."""
    with losses_in(tmp_path_factory.mktemp("losses")):
        yield


def two_processes():
    return distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0", memory_limit=None)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, _place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        running = two_processes()
    with running:
        yield running


@pytest.fixture
def tasks(monkeypatch):
    """What was sent to a cluster."""
    sent = []
    real = Pool._results

    def results(self, arguments, seconds):
        sent.extend(arguments := list(arguments))
        return real(self, arguments, seconds)

    monkeypatch.setattr(Pool, "_results", results)
    return sent


def on(cluster, **how):
    return Settings(backend="dask", scheduler=cluster.scheduler_address, **how)


@pytest.mark.parametrize(("dtype", "jobs"), [("float64", 1), ("float64", 2), ("float64", 0), ("float32", 2)])
@pytest.mark.parametrize(
    ("plan", "targets"),
    [
        ("full", ["svm", "mine:right", "mine.py:wrong", "mine.py:in_float32"]),
        ("rows", ["softmax", "mine.py:right", "mine:kinked"]),
        ("per-sample", ["softmax", "mine.py:in_rows"]),
    ],
)
def test_the_report_is_the_same_to_the_last_bit(cluster, tasks, plan, dtype, targets, jobs):
    config = Config(batch_sizes=[3], classes=[4], plan=plan, dtype=dtype)
    together, alone = check_targets(targets, config, on(cluster, jobs=jobs)), check_targets(targets, config)
    assert facts(together) == facts(alone)
    assert not any(loss.error for loss in alone.losses)
    assert len(tasks) > 2 * len(targets)


def test_what_raises_and_what_is_another_loss_there_is_told(cluster):
    config = Config(batch_sizes=[3], scores="normal", plan="full")
    report = check_targets(["mine.py:raises_elsewhere", "mine.py:drawn", "svm"], config, on(cluster))
    raises, drawn, later = report.losses
    assert "in a worker the loss raises RuntimeError: not at home" in raises.error
    assert "in a worker the loss's value is" in drawn.error
    assert later.passed


def test_workers_that_die_cost_their_problem_and_no_other():
    config = Config(batch_sizes=[1, 3], scores="normal", plan="full")
    with two_processes() as cluster:
        report = check_targets(["mine.py:is_killed", "mine.py:right"], config, on(cluster))
    dead, later = report.losses
    assert "the cluster at tcp://" in dead.error
    assert [batch.batch_size for batch in dead.batches] == [1]
    assert facts(later) == facts(check_targets(["mine.py:right"], config).losses[0])
    assert report.exit_code == 2


def test_a_cluster_that_goes_away_is_told_and_what_was_finished_is_kept(monkeypatch):
    monkeypatch.setattr(parallel, "ANSWERS", 1.0)
    config = Config(batch_sizes=[1, 8], classes=[100], scores="normal", plan="full")
    check_problem = one_target.check_problem
    with two_processes() as cluster:
        end = threading.Timer(0.5, cluster.close)

        def check_and_close(loss, problem, *how):
            if len(problem.S) == 8:
                end.start()
            return check_problem(loss, problem, *how)

        monkeypatch.setattr(one_target, "check_problem", check_and_close)
        report = check_targets(["mine.py:slow"], config, on(cluster))
        end.join()
    (lost,) = report.losses
    assert "the cluster at tcp://" in lost.error
    assert [batch.batch_size for batch in lost.batches] == [1]


def test_a_cluster_without_workers_is_refused():
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(UsageError, match="has no workers"),
    ):
        check_targets(["svm"], Config(), on(empty))
