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
DEFECT = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by N")
WARNING = Finding("shared-buffer", "warning", "two calls return the same memory")


def written(report: Report) -> ET.Element:
    text = FORMATS["junit"](report, Options())
    SCHEMA.validate(text)
    return ET.fromstring(text)


def outcomes(report: Report) -> list[tuple[str | None, list[str]]]:
    """The test cases by name, with what stands in each."""
    return [(case.get("name"), [each.tag for each in case]) for case in written(report).iter("testcase")]


def test_a_loss_is_a_suite_and_a_batch_size_a_case(report, loss, problem):
    root = written(report(loss(problem(1), problem(3), file="a/losses.py", line=7), loss(problem(1), target="other")))
    assert [suite.get("name") for suite in root] == ["svm", "other"]
    assert [case.get("name") for case in root[0]] == ["batch size 1", "batch size 3"]
    assert (root[0][0].get("file"), root[0][0].get("line")) == ("a/losses.py", "7")
    assert (root.get("tests"), root.get("failures")) == ("3", "0")


def test_what_could_not_be_checked_is_an_error_and_what_was_not_is_skipped(report, loss, problem):
    root = written(report(loss(error="no such module"), loss(problem(1), unchecked=1)))
    assert (root.get("errors"), root.get("skipped")) == ("2", "1")


def test_a_wrong_batch_size_fails_with_the_leading_finding_and_its_worst_entries(report, loss, problem):
    one = loss(problem(1), problem(1, scores="integers(-2, 2)"), problem(3, wrong=[(2, 0)]), findings=(DEFECT,))
    root = written(report(one))
    assert outcomes(report(one)) == [("batch size 1", []), ("batch size 3", ["failure"])]
    (failure,) = root.iter("failure")
    assert failure.get("type") == "missing-mean"
    assert (failure.get("message") or "").startswith("1 of 15 entries disagrees")
    assert "dS is 3 times" in (failure.get("message") or "")
    assert "dS[2, 0] = 0.25" in (failure.text or "")


def test_a_finding_that_no_batch_size_shows_is_a_case_of_its_own(report, loss, problem):
    one = report(loss(problem(1), findings=(Finding("constant-offset", "error", "the value is svm's plus 1"),)))
    assert outcomes(one) == [("batch size 1", []), ("findings", ["failure"])]
    assert [each.get("type") for each in written(one).iter("failure")] == ["constant-offset"]


def test_warnings_and_unresolved_entries_fail_only_a_strict_run(report, loss, problem):
    for strict, failure in ((False, []), (True, ["failure"])):
        warned = report(loss(problem(1), findings=(WARNING,), strict=strict))
        assert [tags for _, tags in outcomes(warned)] == [[], *[failure] * strict]
        assert (WARNING.message in (written(warned).findtext(".//system-out") or "")) is not strict
        assert outcomes(report(loss(problem(3, unresolved=[(0, 0)]), strict=strict))) == [("batch size 3", failure)]


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


def test_named_inputs_have_a_case_for_each_and_the_finding_that_is_about_it(wrong_layer):
    root = written(wrong_layer)
    failed = {case.get("name"): case.find("failure") for case in root.iter("testcase")}
    assert list(failed)[:4] == ["x, batch size 1", "w, batch size 1", "b, batch size 1", "x, batch size 3"]
    assert {name for name, failure in failed.items() if failure is None} == {f"w, batch size {N}" for N in (1, 3, 8)}
    assert failed["b, batch size 3"].get("type") == "constant-factor"
    assert "db = 3/2 times" in failed["b, batch size 3"].get("message")
    assert "dx, 3 x 2 x 3, seed 0:" in failed["x, batch size 3"].text
    assert "dx[2, 1, 2] = " in failed["x, batch size 3"].text
