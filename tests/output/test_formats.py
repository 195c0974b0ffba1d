"""GitHub's annotations, JUnit's XML and Markdown, each as another's reader reads it; and the pages of `explain`."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hostile_text import HOSTILE, LONG
from markdown_it import MarkdownIt

from gradcheck.output import FORMATS, Options
from gradcheck.output.pages import PLACES, pages, render_codes, render_page
from gradcheck.report import Finding

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
DEFECT = Finding("missing-mean", "error", "dS is 3 times the numerical gradient, 100%", "divide by N")
WARNING = Finding("shared-buffer", "warning", "two calls return the same memory")


def unescaped(text):
    for escape, sign in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, sign)
    return text


def annotations(report):
    """As GitHub's runner reads them: level, properties, message."""
    told = []
    for line in FORMATS["github"](report, Options()).splitlines():
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert match is not None, line
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        told.append((match[1], {key: unescaped(value) for key, value in properties.items()}, unescaped(match[3])))
    return told


def xml(report):
    text = FORMATS["junit"](report, Options())
    SCHEMA.validate(text)
    assert "\x1b" not in text
    return ET.fromstring(text)


def outcomes(report):
    """The test cases by name, with what stands in each."""
    return [(case.get("name"), [each.tag for each in case]) for case in xml(report).iter("testcase")]


def markdown(report):
    """Kinds and contents of Markdown's tokens."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(FORMATS["markdown"](report, Options()))
    flat = [each for token in tokens for each in (token, *(token.children or ()))]
    return [each.type for each in flat], [each.content for each in flat]


def test_a_wrong_loss_has_one_annotation_on_its_line_with_the_leading_finding(report, loss, problem):
    findings = (DEFECT, Finding("overflows", "warning", "inf"))
    one = loss(problem(3, wrong=[(0, 0)]), file="a/b, c.py", line=7, findings=findings, rerun="gradcheck run svm")
    ((level, properties, message),) = annotations(report(one))
    assert level == "error"
    assert properties == {"title": "gradcheck: svm: missing-mean", "file": "a/b, c.py", "line": "7"}
    assert message.startswith(f"{DEFECT.message}\ndivide by N\nwrong: 1 of 15 entries")
    assert message.endswith("repeat: gradcheck run svm")


def test_what_does_not_fail_is_a_warning_or_a_notice_and_what_could_not_be_checked_an_error(report, loss, problem):
    assert FORMATS["github"](report(loss(problem(3))), Options()) == ""
    for severity, level in (("warning", "warning"), ("note", "notice")):
        one = loss(problem(3), findings=(Finding("overflows", severity, "inf"),))
        assert [told[0] for told in annotations(report(one))] == [level]
    ((level, _, message),) = annotations(report(loss(error="no such module\nin here")))
    assert (level, message) == ("error", "not checked: svm: no such module")


def test_in_junit_a_loss_is_a_suite_and_a_batch_size_a_case(report, loss, problem):
    root = xml(report(loss(problem(1), problem(3), file="a/losses.py", line=7), loss(problem(1), target="other")))
    assert [suite.get("name") for suite in root] == ["svm", "other"]
    assert [case.get("name") for case in root[0]] == ["batch size 1", "batch size 3"]
    assert (root[0][0].get("file"), root[0][0].get("line")) == ("a/losses.py", "7")
    assert (root.get("tests"), root.get("failures")) == ("3", "0")
    root = xml(report(loss(error="no such module"), loss(problem(1), unchecked=1)))
    assert (root.get("errors"), root.get("skipped")) == ("2", "1")


def test_in_junit_a_wrong_batch_size_fails_with_the_leading_finding_and_its_worst_entries(report, loss, problem):
    one = loss(problem(1), problem(1, scores="integers(-2, 2)"), problem(3, wrong=[(2, 0)]), findings=(DEFECT,))
    assert outcomes(report(one)) == [("batch size 1", []), ("batch size 3", ["failure"])]
    (failure,) = xml(report(one)).iter("failure")
    assert failure.get("type") == "missing-mean"
    assert failure.get("message").startswith("1 of 15 entries disagrees")
    assert "dS is 3 times" in failure.get("message")
    assert "dS[2, 0] = 0.25" in failure.text
    # A finding that no batch size shows is a case of its own.
    one = report(loss(problem(1), findings=(Finding("constant-offset", "error", "the value is svm's plus 1"),)))
    assert outcomes(one) == [("batch size 1", []), ("findings", ["failure"])]
    assert [each.get("type") for each in xml(one).iter("failure")] == ["constant-offset"]


@pytest.mark.parametrize(("strict", "failure"), [(False, []), (True, ["failure"])])
def test_in_junit_warnings_and_unresolved_entries_fail_only_a_strict_run(report, loss, problem, strict, failure):
    warned = report(loss(problem(1), findings=(WARNING,), strict=strict))
    assert [tags for _, tags in outcomes(warned)] == [[], *[failure] * strict]
    assert (WARNING.message in (xml(warned).findtext(".//system-out") or "")) is not strict
    assert outcomes(report(loss(problem(3, unresolved=[(0, 0)]), strict=strict))) == [("batch size 3", failure)]


def test_markdown_begins_with_the_verdict_and_holds_findings_tables_and_the_command(report, mixed, loss, problem):
    text = FORMATS["markdown"](report(mixed), Options())
    assert text.startswith("## ❌ gradcheck\n\n- **wrong**: 4 of 110 entries of svm disagree")
    kinds, contents = markdown(report(mixed))
    assert kinds.count("table_open") == 2
    assert {"error: missing-mean", "gradcheck run svm --batch-size 3\n"} <= set(contents)
    # Every row of a table has as many cells as its head.
    kinds, _ = markdown(report(loss(problem(3, wrong=[(0, 0)], scores="a | b"))))
    assert kinds.count("td_open") == 11 + 9


@pytest.mark.parametrize("text", [HOSTILE, LONG, ""])
def test_text_from_outside_stays_text(report, loss, problem, text):
    findings = (Finding("raises", "error", text, text, text),)
    one = loss(problem(3, wrong=[(0, 0)], scores=text), target=text, file=text, line=1, findings=findings, rerun=text)
    run = report(one, loss(error=text))
    root = xml(run)
    assert len(root.findall(".//testcase")) == 3
    assert not root.findall(".//script")
    assert len(FORMATS["junit"](run, Options())) < 300_000
    (level, properties, message), *_ = annotations(run)
    assert (level, set(properties) <= {"title", "file", "line"}) == ("error", True)
    assert len(message) + len(properties["title"]) < 30_000
    kinds, _ = markdown(run)
    assert not {"html_inline", "html_block", "link_open", "image", "s_open", "em_open"} & set(kinds)
    rendered = FORMATS["markdown"](run, Options())
    assert len(rendered) < 600_000
    assert "\x1b" not in rendered + message
    if text:
        assert kinds.count("heading_open") == 3
    if "@" in text:
        (line,) = [line for line in rendered.splitlines() if line.startswith("- **error: raises**")]
        assert "&#64;somebody &#35;1" in line  # no one is called, and no issue is linked


def test_named_inputs_are_named(wrong_layer):
    ((level, properties, message),) = annotations(wrong_layer)
    assert (level, properties["line"].isdigit()) == ("error", True)
    assert message.startswith("dx ")
    assert "wrong: 24 of 156 entries of affine disagree" in message
    failed = {case.get("name"): case.find("failure") for case in xml(wrong_layer).iter("testcase")}
    assert list(failed)[:4] == ["x, batch size 1", "w, batch size 1", "b, batch size 1", "x, batch size 3"]
    assert {name for name, failure in failed.items() if failure is None} == {f"w, batch size {N}" for N in (1, 3, 8)}
    assert failed["b, batch size 3"].get("type") == "constant-factor"
    assert "db = 3/2 times" in failed["b, batch size 3"].get("message")
    assert "dx, 3 x 2 x 3, seed 0:" in failed["x, batch size 3"].text
    assert "dx[2, 1, 2] = " in failed["x, batch size 3"].text
    _, contents = markdown(wrong_layer)
    assert {"input", "x", "w", "b", "entry", "gradient", "x[0, 1, 2]"} <= set(contents)
    assert "Worst entries at batch size 8, dx, 8 x 2 x 3, seed 0" in " ".join(contents)


@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_nothing_of_a_page_is_lost_at_any_width(page, width):
    rendered = render_page(page, Options(width=width))
    assert "".join(rendered.split()) == "".join(page.text.removeprefix("#").split())
    lines = [line for line in rendered.splitlines() if not line.startswith(("  Wrong: ", "  Right: "))]
    assert max(map(len, lines)) <= min(width, 120)
    assert rendered.isascii()


def test_the_list_has_a_line_for_each_code_with_its_severity_and_its_meaning_below_what_one_looks_at():
    lines = render_codes(Options(width=140)).splitlines()
    assert [line.split(maxsplit=2) for line in lines if line.startswith("  ")] == [
        [each.code, each.severity, each.paragraphs[0]] for each in pages()
    ]
    assert [line for line in lines if line and not line.startswith("  ")] == [f"{place}:" for place in PLACES]
