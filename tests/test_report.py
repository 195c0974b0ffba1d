"""Totals of a report: what passes, what fails, with which exit code."""

import numpy as np
import pytest

from gradcheck.report import VERDICTS, BatchReport, Finding, LossReport, Report, Verdict

OK, SUBGRADIENT, UNRESOLVED, WRONG = (
    VERDICTS.index(v) for v in (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)
)


def batch(verdicts, errors=None, negligible=None):
    matrices = np.array([errors or [0.0] * len(verdicts)]), np.array([verdicts], dtype=np.int8)
    tiny = None if negligible is None else np.array([negligible])
    return BatchReport(1, len(verdicts), "normal(0, 1)", 0, 0, 1.0, "full", 1, None, *matrices, (), 0.0, tiny)


def loss(*batches, severity="", **fields):
    findings = (Finding("code", severity, "message"),) if severity else ()  # type: ignore[arg-type]
    return LossReport("loss", None, None, batches, findings, **fields)


def test_the_largest_relative_error_leaves_out_kinks_and_negligible_entries_but_nothing_wrong():
    verdicts = [OK, SUBGRADIENT, OK, UNRESOLVED]
    assert batch(verdicts, [1e-9, 0.5, 0.7, 0.9], [False, False, True, False]).max_relative_error == 1e-9
    assert batch([OK, WRONG], [1e-9, 0.2], [False, True]).max_relative_error == 0.2
    assert batch([SUBGRADIENT], [0.5]).max_relative_error == 0.0


@pytest.mark.parametrize(
    ("code", "losses"),
    [
        (0, [loss(batch([OK, SUBGRADIENT]))]),
        (0, [loss(batch([OK]), severity="warning")]),
        (1, [loss(batch([OK]), severity="warning", strict=True)]),
        (1, [loss(batch([OK]), severity="error")]),
        (1, [loss(severity="error")]),
        (2, [loss(batch([OK]), error="the second problem is too large")]),
        (1, [loss(batch([WRONG]), error="the second problem is too large")]),
        (2, [loss()]),
        (2, []),
        (2, [loss(batch([OK]), unchecked=1)]),
        (1, [loss(batch([WRONG]), unchecked=1)]),
        (1, [loss(severity="error", unchecked=1)]),
        (2, [loss(batch([OK])), loss(unchecked=4)]),
    ],
)
def test_exit_codes(losses, code):
    report = Report("0", {}, tuple(losses))
    assert (report.exit_code, report.passed) == (code, code == 0)
    if code != 2:  # interrupted it is never 0; out of time, 2 unless something is wrong already
        assert Report("0", {}, report.losses, interrupted=True).exit_code == 130
        assert Report("0", {}, report.losses, out_of_time=True).exit_code == (code or 2)
