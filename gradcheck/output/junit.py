"""The report as JUnit XML: a test suite for each loss, a test case for each of its batch sizes."""

from __future__ import annotations

from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET

from gradcheck.output.options import Options
from gradcheck.output.summary import disagreement, grouped, severity_key, totals
from gradcheck.output.text import counted, derivatives, escape_control, relative, shorten
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_MOST_ENTRIES = 5


class Case(NamedTuple):
    """One loss at one batch size: an ``error`` where it could not be checked, ``skipped`` where it was not."""

    name: str
    outcome: Literal["passed", "failed", "error", "skipped"]
    kind: str = ""  # a finding's code, "wrong" or "unresolved"
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def render(report: Report, options: Options) -> str:
    """A report as JUnit XML that ends with a newline, as Jenkins, GitLab and others read it; no option matters."""
    root = ET.Element("testsuites", name="gradcheck")
    for loss in report.losses:
        suite = ET.SubElement(root, "testsuite", name=_line(loss.target))
        of_loss = cases(report, loss)
        for case in of_loss:
            _add_case(suite, loss, case)
        if loss.findings and not any(case.outcome == "failed" for case in of_loss):
            ET.SubElement(suite, "system-out").text = _text(_findings(loss))
    for element in (root, *root):
        _set_counts(element)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def cases(report: Report, loss: LossReport) -> list[Case]:
    """The test cases of one loss: one for each batch size, and one more where only a finding fails."""
    by_size = grouped(loss.batches, lambda batch: batch.batch_size)
    wanted = report.config.get("batch_sizes", ()) if not loss.batches or loss.unchecked else ()
    found = [_case(loss, N, by_size.get(N, [])) for N in {**dict.fromkeys(wanted), **by_size}]
    if loss.failed and loss.findings and not any(case.outcome in ("failed", "error") for case in found):
        leading = loss.findings[0]
        found.append(Case("findings", "failed", leading.code, leading.message, _findings(loss)))
    return found


def _case(loss: LossReport, batch_size: int, problems: list[BatchReport]) -> Case:
    name = f"batch size {batch_size}"
    if loss.error:
        return Case(name, "error", "not checked", loss.error.strip(), loss.error)
    if not problems:
        return Case(name, "skipped", message="not checked")
    total = totals(problems)
    if total.wrong:
        errors = [finding for finding in loss.findings if finding.severity == "error"]
        kind = errors[0].code if errors else "wrong"
        message = disagreement(total) + (f": {errors[0].message}" if errors else "")
    elif total.unresolved and loss.strict:
        kind, message = "unresolved", f"{total.unresolved:,} of {counted(total.entries, 'entry')} could not be decided"
    else:
        return Case(name, "passed", seconds=total.seconds)
    worst = max(problems, key=severity_key)
    lines = [_findings(loss), f"{worst.classes} classes, {worst.scores}, seed {worst.seed}:"]
    bad = [entry for entry in worst.worst if entry.verdict in (Verdict.WRONG, Verdict.UNRESOLVED)]
    for entry in bad[:_MOST_ENTRIES]:
        analytic, numerical = derivatives(entry)
        numbers = f"{analytic}, numerical {numerical} ± {relative(entry.bound)}"
        lines.append(f"  dS[{entry.row}, {entry.class_}] = {numbers}: {entry.verdict.value}")
    return Case(name, "failed", kind, message, "\n".join(filter(None, lines)), total.seconds)


def _findings(loss: LossReport) -> str:
    lines = []
    for finding in loss.findings:
        lines.append(f"{finding.severity}: {finding.message} ({finding.code})")
        lines += [f"  {finding.hint}"] if finding.hint else []
        lines += [finding.details] if finding.details else []
    return "\n".join(lines)


def _add_case(suite: ET.Element, loss: LossReport, case: Case) -> None:
    attributes = {"classname": f"gradcheck.{_line(loss.target)}", "name": case.name, "time": f"{case.seconds:.3f}"}
    place = {"file": _line(loss.file or ""), "line": str(loss.line or "")}
    attributes |= {name: text for name, text in place.items() if text}
    element = ET.SubElement(suite, "testcase", attributes)
    if case.outcome != "passed":
        tag = "failure" if case.outcome == "failed" else case.outcome
        outcome = ET.SubElement(element, tag, message=_line(case.message))
        if case.outcome != "skipped":
            outcome.set("type", case.kind)
            outcome.text = _text(case.text)


def _set_counts(element: ET.Element) -> None:
    names = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in names.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in element.iter('testcase')):.3f}")


def _line(text: str) -> str:
    return _text(text.strip().split("\n")[0])


def _text(text: str) -> str:
    """Text from outside without what XML forbids: control characters, and two others."""
    return escape_control(shorten(text), lines=True).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
