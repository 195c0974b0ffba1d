"""A loss's report as test cases, one for each batch size: what formats for CI have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradcheck.output.marks import counted, digits_of, number, relative
from gradcheck.output.selection import gravity, grouped
from gradcheck.output.totals import Totals
from gradcheck.report import BatchReport, LossReport, Report, Verdict

Outcome = Literal["passed", "failed", "error", "skipped"]

#: Wrong entries that a test case spells out.
_SPELT = 5


@dataclass(frozen=True)
class Case:
    """One loss at one batch size.

    Attributes:
        name: ``batch size 3``.
        outcome: ``error`` where it could not be checked, ``skipped`` where it was not.
        kind: what failed: a finding's code, ``wrong``, ``unresolved``; empty where nothing did.
        message: one line.
        text: several lines: findings, and the worst entries.
        seconds: wall time.
    """

    name: str
    outcome: Outcome
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def cases(report: Report, loss: LossReport) -> tuple[Case, ...]:
    """The test cases of one loss: one for each batch size, and one more where only a finding fails.

    Args:
        report: the run.
        loss: one of its losses.
    """
    by_size = {group[0].batch_size: group for group in grouped(loss.batches, lambda batch: batch.batch_size)}
    wanted = report.config.get("batch_sizes", ()) if loss.batches == () or loss.unchecked else ()
    sizes = list(dict.fromkeys([*wanted, *by_size]))
    if loss.error:
        return tuple(Case(f"batch size {N}", "error", "not checked", loss.error.strip(), loss.error) for N in sizes)
    told = tuple(_case(N, by_size.get(N, []), loss) for N in sizes)
    failing = ("error", "warning") if loss.strict else ("error",)
    broken = next((finding for finding in loss.findings if finding.severity in failing), None)
    if broken is None or any(case.outcome == "failed" for case in told):
        return told
    return (*told, Case("findings", "failed", broken.code, broken.message, findings_in_words(loss)))


def findings_in_words(loss: LossReport) -> str:
    """All findings, one after another, each with its hint and the user's traceback."""
    blocks = []
    for finding in loss.findings:
        hint = f"\n  {finding.hint}" if finding.hint else ""
        details = f"\n{finding.details}" if finding.details else ""
        blocks.append(f"{finding.severity}: {finding.message} ({finding.code}){hint}{details}")
    return "\n".join(blocks)


def _case(batch_size: int, problems: list[BatchReport], loss: LossReport) -> Case:
    name = f"batch size {batch_size}"
    if not problems:
        return Case(name, "skipped", message="not checked")
    totals = Totals(problems)
    wrong, unresolved, seconds = totals.count(Verdict.WRONG), totals.count(Verdict.UNRESOLVED), totals.seconds
    of = f"of {counted(totals.entries, 'entry')}"
    worst = max(problems, key=gravity)
    if wrong:
        leading = next((finding for finding in loss.findings if finding.severity == "error"), None)
        largest = relative(worst.max_relative_error)
        verb = "disagrees" if wrong == 1 else "disagree"
        message = f"{wrong:,} {of} {verb}, largest relative error {largest}"
        if leading is not None:
            message += f": {leading.message}"
        text = "\n".join([*([findings_in_words(loss)] if loss.findings else []), *_entries(worst)])
        return Case(name, "failed", leading.code if leading else "wrong", message, text, seconds)
    if unresolved and loss.strict:
        message = f"{unresolved:,} {of} could not be decided"
        return Case(name, "failed", "unresolved", message, "\n".join(_entries(worst)), seconds)
    return Case(name, "passed", seconds=seconds)


def _entries(problem: BatchReport) -> list[str]:
    """The worst entries of a problem in words."""
    lines = [f"{problem.classes} classes, {problem.scores}, seed {problem.seed}:"]
    bad = [entry for entry in problem.worst if entry.verdict in (Verdict.WRONG, Verdict.UNRESOLVED)]
    for entry in bad[:_SPELT]:
        analytic, numerical = (number(each, digits_of(entry)) for each in (entry.analytic, entry.numerical))
        lines.append(
            f"  dS[{entry.row}, {entry.class_}] = {analytic}, numerical {numerical} ± {relative(entry.bound)}: "
            f"{entry.verdict.value}"
        )
    return lines
