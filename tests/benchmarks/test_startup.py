"""How long a whole process takes, beside the imports that it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timing]

IMPORTS = "import numpy, yaml, typer, rich.table, pydantic"
# A first model makes pydantic load most of itself, which `import pydantic` alone puts off.
FLOOR = [sys.executable, "-c", f"{IMPORTS}; pydantic.create_model('Model', x=(int, 0))"]
WHOLE = [sys.executable, "-m", "gradcheck", "run", "svm"]
RUNS, ROUNDS = 11, 4
MOST = 2.0


def test_a_run_of_svm_takes_at_most_twice_as_long_as_its_imports(tmp_path: Path) -> None:
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
        # Of pairs, for the speed of a machine drifts; the middle one, for what else it does falls on either of a pair.
        ratios.append(median(seconds(WHOLE) / seconds(FLOOR) for _ in range(RUNS)))
        if ratios[-1] <= MOST:
            return
    assert min(ratios) <= MOST
