"""512 x 32,000 scores by projections: calls of the batch, memory, what is found; and no false alarms on small ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from right_losses import RIGHT
from score_kinds import draw

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import Verdict

pytestmark = pytest.mark.benchmark

N, C = 512, 32_000
#: What a child process is told to do: make the problem, then only call the loss, or check it and count.
CHILD = """
import json, sys
import numpy as np
from gradcheck.api import check_at
from gradcheck.losses import BUILT_INS

name, kind, what = sys.argv[1:]
rng = np.random.default_rng(0)
S = rng.normal(size=({N}, {C})) if kind == "normal" else rng.integers(-2, 3, size=({N}, {C})).astype(float)
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
    told = batch.projections
    answer = dict(
        passed=report.passed, evaluations=batch.evaluations, unresolved=batch.unresolved, agree=told.agree,
        smallest=told.smallest_relative_defect, checked=told.checked, seconds=batch.seconds,
    )
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps(dict(answer, **calls, peak=peak)))
"""


def child(*arguments: str) -> dict[str, Any]:
    code = CHILD.replace("{N}", str(N)).replace("{C}", str(C))
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read from /proc")
@pytest.mark.parametrize(("name", "kind"), [("softmax", "normal"), ("svm", "integers")])
def test_a_right_gradient_of_16_million_entries(name: str, kind: str) -> None:
    alone, checked = child(name, kind, "call"), child(name, kind, "check")
    size = 8 * N * C
    beyond = (checked["peak"] - alone["peak"]) / size
    print(
        f"\n{name}, {kind}: {checked['batch']} calls of the batch, {checked['rows']} of rows, "
        f"{checked['seconds']:.0f} s, "
        f"a defect of {checked['smallest']:.1e} of the largest entry would have shown; "
        f"{beyond:.1f} times the size of S beyond the loss's own {alone['peak'] / size:.1f}"
    )
    assert checked["passed"]
    assert checked["agree"]
    assert checked["unresolved"] == 0
    assert checked["batch"] <= 50
    assert checked["evaluations"] == checked["batch"] + checked["rows"]
    assert checked["smallest"] < 1e-3
    assert beyond < 7


@pytest.fixture(scope="module")
def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, C)), rng.integers(0, C, size=N)


@pytest.mark.parametrize(
    ("name", "where"),
    [("softmax", "a tenth of itself in a label's column"), ("svm", "1e-3 of the row's largest anywhere")],
)
def test_one_wrong_entry_in_16_million_is_found(name: str, where: str, problem: Any) -> None:
    S, y = problem
    row = 223
    column = int(y[row]) if "label" in where else 9062
    calls = 0

    def wrong(S: Any, y: Any) -> Any:
        nonlocal calls
        value, dS = BUILT_INS[name].function(S, y)
        if len(S) == N:
            calls += 1
            dS[row, column] += dS[row, column] / 10 if "label" in where else 1e-3 * np.abs(dS[row]).max()
        return value, dS

    (batch,) = check_at(wrong, S, y).losses[0].batches
    print(f"\n{name}, {where}: found in {calls} calls of the batch, {batch.evaluations} in all, {batch.seconds:.0f} s")
    assert [(e.row, e.class_) for e in batch.worst if e.verdict is Verdict.WRONG] == [(row, column)]
    assert batch.wrong == 1
    assert batch.unresolved == 0
    assert calls <= 160


# --- small problems, where other plans say what is right --------------------------------------------------

SEEDS = 4


@pytest.mark.parametrize("kind", ["normal", "integer ties", "1e-3", "1e3"])
def test_no_right_loss_is_called_wrong_by_projections(kind: str) -> None:
    unresolved: dict[str, int] = {}
    for name, loss in RIGHT.items():
        for seed in range(SEEDS):
            S, y = draw(kind, seed)
            if seed % 2:
                S, y = (
                    np.tile(S, (3, 5)) + 1e-3 * np.random.default_rng(seed).normal(size=(3 * len(S), 5 * S.shape[1])),
                    np.tile(y, 3),
                )
            report = check_at(loss, S, y, Config(plan="projections")).losses[0]
            assert not report.failed, (name, seed, report.findings, report.batches[0].worst[:1])
            unresolved[name] = unresolved.get(name, 0) + (not report.batches[0].projections.agree)
    told = {name: count for name, count in unresolved.items() if count}
    print(f"\n{kind}: {sum(told.values())} of {SEEDS * len(RIGHT)} problems unresolved by projections: {told}")
    assert sum(told.values()) <= 0.1 * SEEDS * len(RIGHT)


def test_a_defect_ten_times_the_smallest_that_is_told_is_always_found() -> None:
    """All four directions let it pass with a probability of 1e-6."""
    missed, tried = [], 0
    for name in ("softmax", "one-vs-all", "hinge with >=", "contrastive log-sum-exp over columns (couples rows)"):
        right: Callable[[Any, Any], Any] = RIGHT[name]
        for seed in range(30):
            rng = np.random.default_rng([seed, len(name)])
            S, y = rng.normal(size=(12, 20)), rng.integers(0, 20, size=12)
            (told,) = check_at(right, S, y, Config(plan="projections")).losses[0].batches
            place = int(rng.integers(S.size))

            def wrong(S: Any, y: Any, told: Any = told, place: int = place, right: Any = right) -> Any:
                value, dS = right(S, y)
                dS = np.array(dS)
                if len(S) == 12:
                    dS.flat[place] += 10 * told.projections.smallest_defect
                return value, dS

            (batch,) = check_at(wrong, S, y, Config(plan="projections")).losses[0].batches
            tried += 1
            found = [20 * e.row + e.class_ for e in batch.worst if e.verdict is Verdict.WRONG]
            if found != [place]:
                missed.append((name, seed, batch.wrong, batch.projections))
    print(f"\n{tried - len(missed)} of {tried} defects of ten times the smallest found")
    assert not missed, missed
