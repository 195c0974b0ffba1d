"""What the default configuration reports about a loss of the corpora: each is checked once in a process."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from corpora import Case

import gradcheck
from gradcheck.report import LossReport


class Asked(NamedTuple):
    """The result for one loss: the exit code, the report, the codes of its findings, the leading one first, how often
    the loss was called, and how many calls the reports of its problems state."""

    exit_code: int
    report: LossReport
    codes: list[str]
    calls: int
    counted: int


@functools.cache
def asked(case: Case) -> Asked:
    """Check a loss at the default configuration."""
    calls = 0

    @functools.wraps(case.function)
    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        return case.function(*arguments, **options)

    with np.errstate(all="ignore"):  # what is not finite is reported as a finding
        report = gradcheck.check([counting])
    (loss,) = report.losses
    codes = [finding.code for finding in loss.findings]
    return Asked(report.exit_code, loss, codes, calls, sum(batch.evaluations for batch in loss.batches))
