"""JUnit XML, validated against its schema, and read by another's reader."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hostile_text import HOSTILE, LONG

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, Report

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def written(report: Report) -> ET.Element:
    text = FORMATS["junit"](report, Options())
    SCHEMA.validate(text)
    return ET.fromstring(text)


def test_a_loss_is_a_suite_and_a_batch_size_a_case(report, loss, problem):
    root = written(report(loss(problem(1), problem(3), file="a/losses.py", line=7), loss(problem(1), target="other")))
    assert [suite.get("name") for suite in root] == ["svm", "other"]
    assert [case.get("name") for case in root[0]] == ["batch size 1", "batch size 3"]
    assert (root[0][0].get("file"), root[0][0].get("line")) == ("a/losses.py", "7")
    assert (root.get("tests"), root.get("failures")) == ("3", "0")


def test_a_wrong_gradient_is_a_failure_and_counted(report, mixed):
    root = written(report(mixed))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "2", "0")
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("type") == "missing-mean"
    assert "dS[2, 2]" in (failure.text or "")


def test_what_could_not_be_checked_is_an_error_and_what_was_not_is_skipped(report, loss, problem):
    root = written(report(loss(error="no such module"), loss(problem(1), unchecked=1)))
    assert (root.get("errors"), root.get("skipped")) == ("2", "1")


def test_warnings_of_a_loss_that_passes_are_its_output(report, loss, problem):
    root = written(report(loss(problem(1), findings=(Finding("shared-buffer", "warning", "the same memory"),))))
    assert "the same memory" in (root.findtext(".//system-out") or "")


@pytest.mark.parametrize("text", [HOSTILE, LONG, ""])
def test_text_from_outside_is_valid_xml_and_does_not_swell(report, loss, problem, text):
    finding = Finding("raises", "error", text, text, text)
    one = loss(problem(3, wrong=[(0, 0)]), target=text, file=text, line=1, findings=(finding,))
    rendered = FORMATS["junit"](report(one, loss(error=text)), Options())
    SCHEMA.validate(rendered)
    assert len(rendered) < 300_000
    assert "\x1b" not in rendered
    root = ET.fromstring(rendered)
    assert len(root.findall(".//testcase")) == 3
    assert not root.findall(".//script")


def test_pytests_own_reader_of_the_schema_agrees(report, mixed):
    """What pytest writes for its own runs has the same attributes on the same elements."""
    root = written(report(mixed))
    suite, case = root[0], root[0][0]
    assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.keys())
    assert {"classname", "name", "time"} <= set(case.keys())
