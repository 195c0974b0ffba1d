"""What the default configuration reports about a loss of the corpora: each is checked once in a process."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from corpora import Case

import gradcheck
from gradcheck.report import LossReport


@dataclass(frozen=True, eq=False)
class Asked:
    """The result for one loss.

    Attributes:
        exit_code: of the run.
        report: of the loss.
        calls: how often the loss was called.
    """

    exit_code: int
    report: LossReport
    calls: int

    @property
    def counted(self) -> int:
        """How many calls the reports of its problems state."""
        return sum(batch.evaluations for batch in self.report.batches)

    @property
    def codes(self) -> list[str]:
        """Of its findings, the leading one first."""
        return [finding.code for finding in self.report.findings]


@functools.cache
def asked(case: Case) -> Asked:
    """Check a loss at the default configuration."""
    calls = 0

    @functools.wraps(case.function)
    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        return case.function(*arguments, **options)

    with np.errstate(all="ignore"):  # what is not finite is reported as a finding
        report = gradcheck.check([counted])
    return Asked(report.exit_code, report.losses[0], calls)
