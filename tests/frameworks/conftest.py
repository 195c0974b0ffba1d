"""What the tests of all frameworks need: checks in process, and losses in files for the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.functions.frameworks import first_that_works, forms_of
from gradcheck.functions.function import Function
from gradcheck.report import Finding, LossReport

S, Y = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]]), np.array([2, 0])
CONFIG = gradcheck.Config(batch_sizes=[1, 3], classes=4)
SMALL = gradcheck.Config(batch_sizes=2, classes=3, scores="normal")
Make = Callable[[Any], Callable[[Any, Any], Any]]
SPOILS = {"sign": lambda dS: -dS, "mean": lambda dS: dS * len(dS), "millionth": lambda dS: dS * (1 + 1e-6)}


def report_of(loss: Any, config: gradcheck.Config = SMALL, *, of: str, **options: Any) -> LossReport:
    """The report of a loss that has to be recognised as one of this framework."""
    report = gradcheck.check(loss, config, **options).losses[0]
    assert report.framework == of
    return report


def adapted(function: Function, framework: str, S: Any, y: Any) -> Function:
    """The function in the form of a framework's that works at S and y."""
    return first_that_works(forms_of(function, framework), lambda form: form.evaluate(S, y))[0]


def only_finding(loss: Any, **options: Any) -> Finding:
    (finding,) = report_of(loss, **options).findings
    return finding


def is_all_right(report: LossReport) -> bool:
    precise = max(batch.max_relative_error for batch in report.batches) < 1e-9
    return report.passed and not report.findings and not any(b.unresolved for b in report.batches) and precise


def shows_only_lines_of(finding: Finding, file: str) -> bool:
    return finding.details.count("File ") == finding.details.count(f'File "{file}"') > 0


Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run_json(tmp_path: Path) -> Run:
    """Runs gradcheck as a process beside ``mine.py`` of a given source: exit code, JSON, standard error."""

    def run(source: str, *arguments: str, **environment: str) -> tuple[int, Any, str]:
        (tmp_path / "mine.py").write_text(source)
        done = subprocess.run(
            [sys.executable, "-m", "gradcheck", "run", *arguments, "--format", "json"],
            cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run
