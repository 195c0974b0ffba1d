"""How long a whole process takes, beside the imports that it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timing]

FLOOR = [sys.executable, "-c", "import numpy, yaml, typer, rich.table, pydantic"]
WHOLE = [sys.executable, "-m", "gradcheck", "run", "svm"]
RUNS, ROUNDS = 11, 4
AIM = 1.3
#: A machine at work may miss it by a little, which is shown as a known failure; past this, something is imported that a
#: plain run does not need.
MOST = 1.5


def test_a_run_of_svm_takes_at_most_three_tenths_longer_than_its_imports(tmp_path: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")  # an installed gradcheck is compiled once, not each time

    def seconds(command: list[str]) -> float:
        begun = time.perf_counter()
        subprocess.run(command, cwd=tmp_path, env=env, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    for command in (FLOOR, WHOLE):
        seconds(command)
    ratios = []
    for _ in range(ROUNDS):
        pairs = [(seconds(WHOLE), seconds(FLOOR)) for _ in range(RUNS)]
        # The least of each: what other processes on the machine do can only add.
        whole, floor = (min(times) for times in zip(*pairs, strict=True))
        ratios.append(whole / floor)
        if ratios[-1] <= AIM:
            return
    assert min(ratios) <= MOST
    pytest.xfail(f"{min(ratios):.2f} times, and not {AIM}")
