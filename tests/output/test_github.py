"""Workflow commands: one annotation a loss, and none that text from outside could make."""

from __future__ import annotations

import re

import pytest
from hostile_text import HOSTILE, LONG

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, Report

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def annotations(report: Report) -> list[tuple[str, dict[str, str], str]]:
    """As the runner reads them: level, properties, message."""
    told = []
    for line in FORMATS["github"](report, Options()).splitlines():
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        told.append((match[1], {key: _read(value) for key, value in properties.items()}, _read(match[3])))
    return told


def _read(text: str) -> str:
    for escape, sign in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, sign)
    return text


def test_a_right_loss_has_no_annotation(report, loss, problem):
    assert FORMATS["github"](report(loss(problem(3))), Options()) == ""


def test_a_wrong_loss_has_one_on_its_line_with_the_leading_finding(report, loss, problem):
    findings = (
        Finding("missing-mean", "error", "dS = 3 times, 100%", "divide by N"),
        Finding("overflows", "warning", "inf"),
    )
    one = loss(problem(3, wrong=[(0, 0)]), file="a/b, c.py", line=7, findings=findings, rerun="gradcheck run svm")
    ((level, properties, message),) = annotations(report(one))
    assert level == "error"
    assert properties == {"title": "gradcheck: svm: missing-mean", "file": "a/b, c.py", "line": "7"}
    assert message.startswith("dS = 3 times, 100%\ndivide by N\nwrong: 1 of 15 entries")
    assert message.endswith("repeat: gradcheck run svm")


@pytest.mark.parametrize(("severity", "level"), [("warning", "warning"), ("note", "notice")])
def test_what_does_not_fail_is_a_warning_or_a_notice(report, loss, problem, severity, level):
    one = loss(problem(3), findings=(Finding("overflows", severity, "inf"),))
    assert [told[0] for told in annotations(report(one))] == [level]


def test_what_could_not_be_checked_is_an_error(report, loss):
    ((level, _, message),) = annotations(report(loss(error="no such module\nin here")))
    assert (level, message) == ("error", "not checked: svm: no such module")


@pytest.mark.parametrize("text", [HOSTILE, LONG])
def test_text_from_outside_makes_no_command_of_its_own(report, loss, problem, text):
    one = loss(problem(3, wrong=[(0, 0)]), target=text, file=text, findings=(Finding("raises", "error", text, text),))
    ((level, properties, message),) = annotations(report(one))
    assert level == "error"
    assert set(properties) == {"title", "file"}
    assert len(message) + len(properties["title"]) < 30_000
    assert "\x1b" not in message


def test_named_inputs_stand_in_the_message(wrong_layer):
    ((level, properties, message),) = annotations(wrong_layer)
    assert (level, properties["line"].isdigit()) == ("error", True)
    assert message.startswith("dx ")
    assert "wrong: 24 of 156 entries of affine disagree" in message
