"""What a check costs beside the bare calls that it needs, and beside other checkers. Ratios of times in one run."""

import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest
from scipy.optimize._numdiff import approx_derivative

from gradcheck import Config, check_at
from gradcheck.losses import BUILT_INS

pytestmark = pytest.mark.benchmark

N, C = 256, 100
EVERY_ENTRY = Config(max_entries=10**6)
per_sample_softmax = BUILT_INS["softmax"].function


def softmax(S, y):
    return per_sample_softmax(S, y)


def problem(N=N, C=C):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, C)), rng.integers(0, C, size=N)


def seconds(run, clock=time.perf_counter):
    begun = clock()
    run()
    return clock() - begun


def best_ratio(run, floor, enough, rounds=7):
    """The least of a few ratios of processor times taken one after the other; no more are taken than it needs."""
    best = float("inf")
    for _ in range(rounds):
        best = min(best, seconds(run, time.process_time) / seconds(floor, time.process_time))
        if best <= enough:
            break
    return best


def hold(ratio, goal, guard):
    """Fail where the ratio is above the guard; between the goal, which is not met yet, and the guard it is said."""
    assert ratio <= guard
    if ratio > goal:
        pytest.xfail(f"{ratio:.2f} times as long; the goal is {goal} times")


def batch_of(loss, S, y, config=EVERY_ENTRY):
    (batch,) = check_at(loss, S, y, config).losses[0].batches
    return batch


@pytest.mark.timing
@pytest.mark.parametrize(
    ("loss", "plan", "calls", "goal", "guard"),
    [(softmax, "rows", 2 * N * C + N + 100, 1.35, 1.5), (per_sample_softmax, "per-sample", 2 * C + 60, 1.6, 2.0)],
    ids=["rows", "per-sample"],
)
def test_a_check_costs_little_more_than_its_bare_calls(loss, plan, calls, goal, guard):
    S, y = problem()
    rows = [(S[i : i + 1], y[i : i + 1]) for i in range(N)]

    def bare():
        for _ in range(2 * C):
            if plan == "per-sample":
                loss(S, y, reduction="none")
            else:
                for row, label in rows:
                    loss(row, label)

    batch = batch_of(loss, S, y)
    assert (batch.plan, batch.wrong, batch.unresolved) == (plan, 0, 0)
    assert batch.evaluations <= calls
    hold(best_ratio(lambda: batch_of(loss, S, y), bare, goal), goal, guard)


@pytest.mark.timing
def test_a_run_of_svm_takes_at_most_twice_the_time_of_its_imports(tmp_path):
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")  # an installed gradcheck is compiled once, not each time

    def process(*arguments):
        command = [sys.executable, *arguments]
        return seconds(lambda: subprocess.run(command, cwd=tmp_path, env=env, check=True, stdout=subprocess.DEVNULL))

    def ratio():
        bare = process("-c", "import numpy, yaml, typer, rich.table, pydantic")
        return process("-m", "gradcheck", "run", "svm") / bare

    ratio()
    hold(median(ratio() for _ in range(7)), goal=2.0, guard=2.3)


@pytest.mark.timing
def test_rows_are_four_times_faster_and_more_accurate_than_scipys_three_points():
    S, y = problem()
    exact = softmax(S, y)[1]

    def three_points(some):
        """The first entries of the gradient, as scipy takes them: calls of the whole batch."""

        def value(x):
            scores = S.ravel().copy()
            scores[:some] = x
            return softmax(scores.reshape(N, C), y)[0]

        return approx_derivative(value, S.ravel()[:some], method="3-point")

    some = 640
    batch = batch_of(softmax, S, y)
    theirs_in_all = min(seconds(lambda: three_points(some)) for _ in range(3)) * (N * C / some)
    ratio = theirs_in_all / min(seconds(lambda: batch_of(softmax, S, y)) for _ in range(2))
    theirs = np.max(np.abs(three_points(some) - exact.ravel()[:some])) / np.max(np.abs(exact))
    assert ratio >= 4, ratio
    assert batch.max_relative_error < 1e-7
    assert max(entry.bound for entry in batch.worst) / np.max(np.abs(exact)) < theirs
