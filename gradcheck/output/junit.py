"""The report as JUnit XML: a test suite for each loss, a test case for each of its batch sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from gradcheck.output.options import Options
from gradcheck.output.summary import grouped, severity_key, totals
from gradcheck.output.text import counted, derivatives, escape_control, relative, shorten
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}
#: Wrong entries that are written out.
_MOST_ENTRIES = 5


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
    outcome: Literal["passed", "failed", "error", "skipped"]
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def render(report: Report, options: Options) -> str:
    """A report as JUnit XML that ends with a newline.

    Args:
        report: any.
        options: none of them changes what is written.

    Returns:
        ``testsuites`` > ``testsuite`` (a loss) > ``testcase`` (a batch size), as Jenkins, GitLab and others read it. A
        wrong gradient is a ``failure``, a loss that could not be checked an ``error``.
    """
    root = ET.Element("testsuites", name="gradcheck")
    every: list[Case] = []
    for loss in report.losses:
        of_loss = cases(report, loss)
        every += of_loss
        root.append(_suite(loss, of_loss))
    _set_counts(root, every)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def cases(report: Report, loss: LossReport) -> list[Case]:
    """The test cases of one loss: one for each batch size, and one more where only a finding fails."""
    by_size = grouped(loss.batches, lambda batch: batch.batch_size)
    wanted = report.config.get("batch_sizes", ()) if not loss.batches or loss.unchecked else ()
    sizes = list(dict.fromkeys([*wanted, *by_size]))
    if loss.error:
        return [Case(f"batch size {N}", "error", "not checked", loss.error.strip(), loss.error) for N in sizes]
    found = [_case(N, by_size.get(N, []), loss) for N in sizes]
    failing = ("error", "warning") if loss.strict else ("error",)
    broken = next((finding for finding in loss.findings if finding.severity in failing), None)
    if broken is not None and not any(case.outcome == "failed" for case in found):
        found.append(Case("findings", "failed", broken.code, broken.message, _findings(loss)))
    return found


def _case(batch_size: int, problems: list[BatchReport], loss: LossReport) -> Case:
    name = f"batch size {batch_size}"
    if not problems:
        return Case(name, "skipped", message="not checked")
    total, worst = totals(problems), max(problems, key=severity_key)
    share = f"of {counted(total.entries, 'entry')}"
    if total.wrong:
        leading = next((finding for finding in loss.findings if finding.severity == "error"), None)
        verb = "disagrees" if total.wrong == 1 else "disagree"
        message = f"{total.wrong:,} {share} {verb}, largest relative error {relative(worst.max_relative_error)}"
        message += f": {leading.message}" if leading else ""
        text = "\n".join([*([_findings(loss)] if loss.findings else []), *_entries(worst)])
        return Case(name, "failed", leading.code if leading else "wrong", message, text, total.seconds)
    if total.unresolved and loss.strict:
        message = f"{total.unresolved:,} {share} could not be decided"
        return Case(name, "failed", "unresolved", message, "\n".join(_entries(worst)), total.seconds)
    return Case(name, "passed", seconds=total.seconds)


def _findings(loss: LossReport) -> str:
    blocks = []
    for finding in loss.findings:
        hint = f"\n  {finding.hint}" if finding.hint else ""
        details = f"\n{finding.details}" if finding.details else ""
        blocks.append(f"{finding.severity}: {finding.message} ({finding.code}){hint}{details}")
    return "\n".join(blocks)


def _entries(problem: BatchReport) -> list[str]:
    """The worst entries of a problem, one a line."""
    lines = [f"{problem.classes} classes, {problem.scores}, seed {problem.seed}:"]
    bad = [entry for entry in problem.worst if entry.verdict in (Verdict.WRONG, Verdict.UNRESOLVED)]
    for entry in bad[:_MOST_ENTRIES]:
        analytic, numerical = derivatives(entry)
        place = f"dS[{entry.row}, {entry.class_}]"
        bound = relative(entry.bound)
        lines.append(f"  {place} = {analytic}, numerical {numerical} ± {bound}: {entry.verdict.value}")
    return lines


def _suite(loss: LossReport, of_loss: Sequence[Case]) -> ET.Element:
    suite = ET.Element("testsuite", name=_line(loss.target))
    _set_counts(suite, of_loss)
    for case in of_loss:
        attributes = {"classname": f"gradcheck.{_line(loss.target)}", "name": case.name, "time": f"{case.seconds:.3f}"}
        if loss.file is not None:
            attributes["file"] = _line(loss.file)
            if loss.line is not None:
                attributes["line"] = str(loss.line)
        element = ET.SubElement(suite, "testcase", attributes)
        if case.outcome != "passed":
            outcome = ET.SubElement(element, _ELEMENTS[case.outcome], message=_line(case.message))
            if case.outcome != "skipped":
                outcome.set("type", case.kind)
                outcome.text = _text(case.text)
    if loss.findings and not any(case.outcome == "failed" for case in of_loss):
        ET.SubElement(suite, "system-out").text = _text(_findings(loss))
    return suite


def _set_counts(element: ET.Element, of_loss: Sequence[Case]) -> None:
    outcomes: list[str] = [case.outcome for case in of_loss]
    element.set("tests", str(len(of_loss)))
    for name, outcome in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(outcomes.count(outcome)))
    element.set("time", f"{sum(case.seconds for case in of_loss):.3f}")


def _line(text: str) -> str:
    return _text(text.strip().split("\n")[0])


def _text(text: str) -> str:
    """Text from outside without what XML forbids: controls, and two characters that are none."""
    return escape_control(shorten(text), lines=True).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
