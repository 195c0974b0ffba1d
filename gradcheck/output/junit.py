"""The report as JUnit XML: a test suite for each loss, a test case for each of its batch sizes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gradcheck.output import Options
from gradcheck.output.cases import Case, cases, findings_in_words
from gradcheck.output.marks import inert
from gradcheck.output.shortening import in_short
from gradcheck.report import LossReport, Report

_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


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
    counted: list[Case] = []
    for loss in report.losses:
        told = cases(report, loss)
        counted += told
        root.append(_suite(loss, told))
    _count(root, counted)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(loss: LossReport, told: tuple[Case, ...]) -> ET.Element:
    suite = ET.Element("testsuite", name=_line(loss.target))
    _count(suite, told)
    for case in told:
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
    if loss.findings and not any(case.outcome == "failed" for case in told):
        ET.SubElement(suite, "system-out").text = _text(findings_in_words(loss))
    return suite


def _count(element: ET.Element, told: tuple[Case, ...] | list[Case]) -> None:
    outcomes = [case.outcome for case in told]
    element.set("tests", str(len(told)))
    element.set("failures", str(outcomes.count("failed")))
    element.set("errors", str(outcomes.count("error")))
    element.set("skipped", str(outcomes.count("skipped")))
    element.set("time", f"{sum(case.seconds for case in told):.3f}")


def _line(text: str) -> str:
    return _legal(inert(in_short(text.strip().split("\n")[0])))


def _text(text: str) -> str:
    return _legal(inert(in_short(text), lines=True))


def _legal(text: str) -> str:
    """Without the two characters that are no control characters, and that XML forbids all the same."""
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
