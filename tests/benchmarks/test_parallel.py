"""What two processes gain, start and end included: one job's time beside two jobs', in one run."""

import os
import subprocess
import sys
import time

import pytest

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.run import check_targets

pytest.importorskip("joblib")
pytestmark = [pytest.mark.benchmark, pytest.mark.timing]

SLOW = """\
import time

from gradcheck.losses.cross_entropy import softmax

def waits(S, y):
    time.sleep(0.005)
    return softmax(S, y)

def spins(S, y):
    end = time.perf_counter() + 0.005
    while time.perf_counter() < end:
        pass
    return softmax(S, y)
"""
CONFIG = Config(batch_sizes=[8], classes=[100], scores="normal")
ROUNDS = 3
AIM = 1.5
#: Two bare loops gain this where two cores are free.
FREE = 1.8


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("target", ["slow.py:waits", "slow.py:spins"])
def test_two_jobs_are_at_least_1_5_times_as_fast_as_one_where_a_call_takes_5_ms(target):
    """8 x 100 entries: 1,650 calls, 8 s of one process."""
    if "spins" in target and (os.cpu_count() or 1) < 2:
        pytest.skip("there is one core")

    def seconds(jobs):
        begun = time.perf_counter()
        report = check_targets([target], CONFIG, Settings(jobs=jobs))
        assert report.passed
        assert report.losses[0].batches[0].evaluations > 1600
        return time.perf_counter() - begun

    ratios = []
    for _ in range(ROUNDS):
        ratios.append(seconds(1) / seconds(2))
        print(f"{target}: {ratios[-1]:.2f} times as fast")
        if ratios[-1] >= AIM:
            return
    missed = f"{max(ratios):.2f} times as fast, and not {AIM}"
    if "spins" in target and (bare := gain_of_bare_loops()) < FREE:
        pytest.xfail(f"{missed}: the cores are busy, two bare loops side by side gain {bare:.2f}")
    pytest.fail(missed)


def gain_of_bare_loops():
    """How many times as much two processes get done as one, if there is nothing to share: 2 on free cores."""
    loop = [sys.executable, "-c", "for _ in range(30_000_000): pass"]

    def seconds(processes):
        begun = time.perf_counter()
        for process in [subprocess.Popen(loop) for _ in range(processes)]:
            process.wait()
        return time.perf_counter() - begun

    return 2 * seconds(1) / seconds(2)
