"""512 x 32,000 scores by random directions: calls of the batch, memory, and what is found."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gradcheck import check_at
from gradcheck.losses import BUILT_INS
from gradcheck.report import Verdict

pytestmark = pytest.mark.benchmark

N, C = 512, 32_000
#: A process that makes the problem and then only calls the loss, or checks it and counts the calls.
CHILD = f"""
import json, sys
import numpy as np
from gradcheck import check_at
from gradcheck.losses import BUILT_INS

name, kind, what = sys.argv[1:]
rng = np.random.default_rng(0)
shape = {N}, {C}
S = rng.normal(size=shape) if kind == "normal" else rng.integers(-2, 3, size=shape).astype(float)
y = rng.integers(0, {C}, size={N})
calls = dict(batch=0, rows=0)

def loss(S, y):
    calls["batch" if len(S) == {N} else "rows"] += 1
    return BUILT_INS[name].function(S, y)

answer = dict()
if what == "call":
    loss(S, y)
    loss(S, y)
else:
    report = check_at(loss, S, y)
    (batch,) = report.losses[0].batches
    projections = batch.projections
    answer = dict(
        passed=report.passed, evaluations=batch.evaluations, unresolved=batch.unresolved, agree=projections.agree,
        smallest=projections.smallest_relative_defect,
    )
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps(dict(answer, **calls, peak=peak)))
"""


def child(*arguments):
    return json.loads(subprocess.check_output([sys.executable, "-c", CHILD, *arguments], text=True))


@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from /proc")
@pytest.mark.parametrize(("name", "kind"), [("softmax", "normal"), ("svm", "integers")])
def test_a_right_gradient_of_16_million_entries_takes_50_calls_and_7_times_the_memory_of_the_scores(name, kind):
    alone, checked = child(name, kind, "call"), child(name, kind, "check")
    beyond = (checked["peak"] - alone["peak"]) / (8 * N * C)
    print(f"\n{name}, {kind}: {checked['batch']} calls of the batch, {checked['rows']} of rows; {beyond:.1f} times S")
    assert (checked["passed"], checked["agree"], checked["unresolved"]) == (True, True, 0)
    assert checked["batch"] <= 50
    assert checked["evaluations"] == checked["batch"] + checked["rows"]
    assert checked["smallest"] < 1e-3
    assert beyond < 7


@pytest.mark.parametrize(("name", "N", "C"), [("softmax", 256, 8_000), ("svm", N, C)])
def test_one_wrong_entry_in_millions_is_found(name, N, C):
    """A tenth of a label's derivative, or 1e-3 of the largest of its row."""
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
    row, column = 223, int(y[223]) if name == "softmax" else 5062
    calls = 0

    def wrong(S, y):
        nonlocal calls
        value, dS = BUILT_INS[name].function(S, y)
        if len(S) == N:
            calls += 1
            dS[row, column] += dS[row, column] / 10 if name == "softmax" else 1e-3 * np.abs(dS[row]).max()
        return value, dS

    (batch,) = check_at(wrong, S, y).losses[0].batches
    assert [(e.row, e.class_) for e in batch.worst if e.verdict is Verdict.WRONG] == [(row, column)]
    assert (batch.wrong, batch.unresolved) == (1, 0)
    assert calls <= 180
