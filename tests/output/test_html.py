"""The page: what its data hold, what can never stand in it, and how large it may be."""

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hostile_text import HOSTILE

import gradcheck
from gradcheck.output import FORMATS, Options
from gradcheck.output.text import escape_control
from gradcheck.report import Finding, Projections, Report, SmallestCase


class Page(HTMLParser):
    """A document taken apart: its elements, and the text of those that hold some."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.source, self.texts, self._inside = source, {}, ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data):
        self.texts[self._inside] = self.texts.get(self._inside, "") + data

    @property
    def data(self):
        (content,) = re.findall(r'<script type="application/json" id="report">(.*?)</script>', self.source, re.DOTALL)
        return json.loads(content)


def page(report):
    return Page(FORMATS["html"](report, Options()))


@pytest.fixture
def full(mixed):
    """A loss with everything that a page can show."""
    case = SmallestCase(np.zeros((1, 2)), np.zeros(1, int), "missing-mean", None, None, "assert 1 < 2")
    return replace(mixed, smallest_case=case, file="/x/mine.py", line=7)


def test_nothing_is_fetched_from_anywhere_and_text_is_never_parsed(full, report):
    source = page(report(full)).source
    assert set(re.findall(r"\w+://[^'\" ]*", source)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon| src=| href=", source)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", source)


def test_the_policy_allows_its_own_style_and_script_alone(full, report):
    shown = page(report(full))
    (policy,) = [each["content"] for tag, each in shown.elements if tag == "meta" and "http-equiv" in each]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert {"base-uri", "form-action"} <= rules.keys()
    for element in ("style", "script"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", shown.source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{element}-src"] == f"'sha256-{digest}'"
    assert not [name for _, each in shown.elements for name in each if name == "style" or name.startswith("on")]


def everywhere(text, full):
    """A report that has this text wherever there is any."""
    finding = Finding("missing-mean", "error", text, text, f"{text}\n{text}")
    seen = Projections(4, True, 1e-9, 1.0, 3, 0, 0, 0, 1e-9, remark=text)
    projected = replace(full.batches[0], projections=seen, verdicts=None, relative_errors=None, scores=text, why=text)
    others = [replace(batch, scores=text, plan=text, why=text) for batch in full.batches[1:]]
    loss = replace(
        full, target=text, file=text, framework=text, rerun=text, batches=(projected, *others), unchecked=1,
        cut_short=text, findings=(finding, replace(finding, code=text)),
        smallest_case=replace(full.smallest_case, snippet=text),
    )  # fmt: skip
    failed = replace(loss, error=text, batches=(), findings=())
    return Report(text, {text: {"deep": [text]}, "object": Ellipsis}, (loss, failed))


def test_text_from_outside_cannot_leave_its_place(full):
    calm, hostile = (page(everywhere(text, full)) for text in ("calm", HOSTILE))
    assert hostile.elements == calm.elements
    assert not re.search(r"[^\x20-\x7e\n]", hostile.source)
    loss = hostile.data["losses"][0]
    assert loss["target"] == loss["findings"][0]["message"] == escape_control(HOSTILE, lines=True)
    (content,) = re.findall(r'id="report">(.*?)</script>', hostile.source, re.DOTALL)
    assert not re.search("[<>&\u2028\u2029]", content)
    alone = page(Report("0", {}, everywhere(HOSTILE, full).losses[:1]))
    assert "alert(1)" in alone.texts["title"]
    assert [tag for tag, _ in alone.elements] == [tag for tag, _ in calm.elements]


def test_a_megabyte_of_text_is_shortened_and_soon_done(full):
    calm = page(everywhere("x", full))
    for text in ("<" * 10**6, "\x1b" * 10**6):
        started = time.perf_counter()
        huge = page(everywhere(text, full))
        assert time.perf_counter() - started < 5
        assert len(huge.source) < len(calm.source) + 3_000_000
    assert "998,000 more characters" in huge.data["losses"][0]["target"]


def test_the_data_are_those_of_the_json_report_with_a_page_for_each_code(full, report):
    run = report(replace(full, findings=(*full.findings, Finding("made-up", "note", "none"))))
    data = page(run).data
    pages = data.pop("pages")
    assert data == json.loads(FORMATS["json"](run, Options()))
    assert set(pages) == {"missing-mean", "shared-buffer"}
    assert pages["missing-mean"][0] == "The value is the mean over the batch, and dS lacks its 1/N."
    assert pages["missing-mean"][1].startswith("What it means: ")
    without_scripts = page(run).source.partition("<noscript>")[2].partition("</noscript>")[0]
    assert "wrong: 4 of 110 entries of svm disagree" in without_scripts


def test_a_notebook_shows_the_page_in_a_frame_that_no_name_can_leave():
    def loss(S, y):
        return float((S**2).sum()), S

    loss.__qualname__ = '"></iframe><script>alert(1)</script>'
    checked = gradcheck.check(loss)
    assert isinstance(checked, gradcheck.Report)
    (frame,) = Page(checked._repr_html_()).elements  # type: ignore[attr-defined]
    assert frame[0] == "iframe"
    document = frame[1]["srcdoc"] or ""
    assert document.startswith("<!DOCTYPE html>")
    assert "<script>alert" not in document
