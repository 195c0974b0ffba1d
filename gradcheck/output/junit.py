"""The report as JUnit XML: a test suite for each loss, a test case for each of its batch sizes."""

import re
from xml.etree import ElementTree as ET

from gradcheck.output.summary import disagreement, grouped, kind_of, severity_key, totals
from gradcheck.output.text import Options, counted, derivatives, legible, relative
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_MOST_ENTRIES = 5


def render(report: Report, options: Options) -> str:
    """A report as JUnit XML that ends with a newline, as Jenkins, GitLab and others read it; no option matters."""
    root = ET.Element("testsuites", name="gradcheck")
    for loss in report.losses:
        suite = ET.SubElement(root, "testsuite", name=_line(loss.target))
        by_size = grouped(loss.batches, "batch_size", "input")
        wanted = report.config.get("batch_sizes", ()) if not loss.batches or loss.unchecked else ()
        named = any(problem.input for problem in loss.batches)
        for N, name in {**dict.fromkeys((N, "") for N in wanted if not named), **by_size}:
            _batch_size(suite, loss, N, name, by_size.get((N, name), []))
        if loss.findings and not suite.findall("testcase/failure"):
            if loss.failed and not loss.error:  # no batch size shows it
                leading = loss.findings[0]
                _outcome(_case(suite, loss, "findings"), "failure", leading.message, leading.code, _findings(loss))
            else:
                ET.SubElement(suite, "system-out").text = _text(_findings(loss))
    for element in (root, *root):
        for name, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            element.set(name, str(sum(1 for _ in element.iter(tag))))
        element.set("time", f"{sum(float(case.get('time', 0)) for case in element.iter('testcase')):.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _batch_size(suite: ET.Element, loss: LossReport, batch_size: int, name: str, problems: list[BatchReport]) -> None:
    """A test case: an ``error`` where the loss could not be checked, ``skipped`` where it was not at this size."""
    total = totals(problems)
    case = _case(suite, loss, f"{name}, batch size {batch_size}".removeprefix(", "), total.seconds)
    if loss.error:
        _outcome(case, "error", loss.error, "not checked", loss.error)
    elif not problems:
        _outcome(case, "skipped", "not checked")
    elif total.wrong or (total.unresolved and loss.strict):
        kind, message = "unresolved", f"{total.unresolved:,} of {counted(total.entries, 'entry')} could not be decided"
        if total.wrong:
            kind, message, of_this = "wrong", disagreement(total), rf"\bd{re.escape(name)}(?!\w)"
            errors = [finding for finding in loss.findings if finding.severity == "error"]
            for leading in [each for each in errors if not name or re.search(of_this, each.message)][:1]:
                kind, message = leading.code, f"{message}: {leading.message}"
        worst = max(problems, key=severity_key)
        lines = [_findings(loss), f"{kind_of(worst)}, seed {worst.seed}:"]
        bad = [entry for entry in worst.worst if entry.verdict in (Verdict.WRONG, Verdict.UNRESOLVED)]
        for entry in bad[:_MOST_ENTRIES]:
            numbers = "{}, numerical {}".format(*derivatives(entry))
            lines.append(f"  {entry.name} = {numbers} ± {relative(entry.bound)}: {entry.verdict.value}")
        _outcome(case, "failure", message, kind, "\n".join(filter(None, lines)))


def _findings(loss: LossReport) -> str:
    lines = []
    for each in loss.findings:
        lines += [f"{each.severity}: {each.message} ({each.code})", each.hint and f"  {each.hint}", each.details]
    return "\n".join(filter(None, lines))


def _case(suite: ET.Element, loss: LossReport, name: str, seconds: float = 0.0) -> ET.Element:
    attributes = {"classname": f"gradcheck.{_line(loss.target)}", "name": name, "time": f"{seconds:.3f}"}
    place = {"file": _line(loss.file or ""), "line": str(loss.line or "")}
    return ET.SubElement(suite, "testcase", attributes | {key: text for key, text in place.items() if text})


def _outcome(case: ET.Element, tag: str, message: str, kind: str = "", text: str = "") -> None:
    attributes = {"message": _line(message)} | ({"type": kind} if kind else {})
    ET.SubElement(case, tag, attributes).text = _text(text) or None


def _line(text: str) -> str:
    return _text(text.strip().split("\n")[0])


def _text(text: str) -> str:
    """Text from outside without what XML forbids: control characters, and two others."""
    return legible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
