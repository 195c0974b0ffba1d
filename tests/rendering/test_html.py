"""The page: what stands in it, what can never stand in it, and how large it may be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.output.page.data import MOST_CELLS
from gradcheck.report import Finding, Projections, Report, SmallestCase

VOID = {"meta", "link", "br", "hr", "img", "input"}
#: What may not stand inside of a paragraph, or of a heading.
BLOCKS = {
    "p", "div", "section", "article", "table", "ul", "ol", "dl", "pre", "details", "h1", "h2", "h3", "h4", "header",
    "footer", "main", "nav",
}  # fmt: skip

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & &lt; <!-- ]]> [red]x[/red] ${7*7} "
    "\x1b[31m\x00\x07\u202e\u2028 \udcff 打"
)


class Page(HTMLParser):
    """A document taken apart; anything that is not nested as HTML asks for fails."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[tuple[str, ...], str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for around in ("p", "h1", "h2", "h3", "h4", "summary", "button", "span"):
            assert not (around in self.open and tag in BLOCKS), f"<{tag}> in {self.open}"
        assert not (tag in ("a", "button") and ("a" in self.open or "button" in self.open))
        assert len({name for name, _ in attributes}) == len(attributes)
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.inside.append((tuple(self.open), data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]

    def text(self, *around: str) -> str:
        """What is shown inside of these elements; of a part that has been closed, one blank."""
        shown = [
            data
            for path, data in self.inside
            if set(around) <= set(path) and not {"script", "style", "template", "title"} & set(path)
        ]
        return " ".join("".join(shown).split())

    @property
    def data(self) -> Any:
        (content,) = (data for path, data in self.inside if path[-1:] == ("script",) and data.startswith("{"))
        return json.loads(content)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def page(report: Report, **options: Any) -> Page:
    return Page(FORMATS["html"](report, Options(**options)))


def with_case(snippet: str) -> SmallestCase:
    return SmallestCase(np.zeros((1, 2)), np.zeros(1, int), "missing-mean", None, None, snippet)


@pytest.fixture
def full(mixed) -> Any:
    """A loss with everything that a page can show."""
    return replace(mixed, smallest_case=with_case("import gradcheck\nassert 1 < 2"), file="/x/mine.py", line=7)


def test_the_document_has_a_language_a_title_and_a_viewport(full, report):
    shown = page(report(full))
    assert shown.source.startswith("<!DOCTYPE html>\n<html lang=")
    assert shown.source.endswith("</html>\n")
    assert shown.all("html", lang="en")
    assert shown.all("meta", charset="utf-8")
    assert shown.all("meta", name="viewport", content="width=device-width, initial-scale=1")
    assert "<title>wrong: svm - gradcheck</title>" in shown.source
    assert len(shown.all("h1")) == len(shown.all("main")) == 1


def test_every_id_is_there_once_and_every_link_leads_to_one(full, loss, problem, report):
    shown = page(report(full, loss(problem(wrong=[(0, 1)]), target="other", rerun="gradcheck run other")))
    ids = Counter(attributes["id"] for _, attributes in shown.elements if "id" in attributes)
    assert max(ids.values()) == 1
    links = [attributes["href"] for attributes in shown.all("a")]
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    for name in ("aria-labelledby", "data-copies"):
        assert {attributes[name] for _, attributes in shown.elements if name in attributes} <= set(ids)


def test_nothing_is_fetched_from_anywhere(full, report):
    shown = page(report(full))
    for _, attributes in shown.elements:
        assert "src" not in attributes
        assert "srcset" not in attributes
        assert attributes.get("href", "#").startswith(("#", "data:"))
    namespaces = {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"\w+://[^'\" ]*", unescape(shown.source))) <= namespaces
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", shown.source)


def test_the_policy_allows_its_own_style_and_script_alone(full, report):
    source = page(report(full)).source
    (policy,) = Page(source).all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.split(" ", 1) for rule in policy["content"].split("; "))
    assert rules["default-src"] == "'none'"
    assert {"base-uri", "form-action"} <= rules.keys()
    for element, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    attributes = {name for _, found in page(report(full)).elements for name in found}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", source)


def everywhere(text: str, full: Any) -> Report:
    """A report that has this text wherever there is any."""
    finding = Finding("missing-mean", "error", text, text, f"{text}\n{text}")
    told = Projections(4, True, 1e-9, 1.0, 3, 0, 0, 0, 1e-9, remark=text)
    projected = replace(full.batches[0], projections=told, verdicts=None, relative_errors=None, scores=text, why=text)
    others = [replace(batch, scores=text, plan=text, why=text) for batch in full.batches[1:]]
    loss = replace(
        full, target=text, file=text, framework=text, rerun=text, batches=(projected, *others), unchecked=1,
        cut_short=text, findings=(finding, replace(finding, code=text)), smallest_case=with_case(text),
    )  # fmt: skip
    failed = replace(loss, error=text, batches=(), findings=())
    return Report(text, {text: {"deep": [text]}, "object": Ellipsis}, (loss, failed))


@pytest.mark.parametrize("options", [{}, {"verbose": True}, {"quiet": True}, {"entries": "worst"}])
def test_text_from_outside_is_text_and_nothing_else(full, options):
    calm, hostile = (page(everywhere(text, full), **options) for text in ("calm", HOSTILE))
    assert hostile.shape == calm.shape
    assert "alert(1)" in hostile.text("main")
    assert not re.search(r"[^\x20-\x7e\n]", hostile.source)
    for _, data in hostile.inside:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028\ud800-\udfff]", data)
    assert r"\x1b[31m\x00\x07\u202e\u2028 \udcff 打" in hostile.text("main")
    assert isinstance(hostile.data, dict)


def test_the_data_cannot_end_their_element(problem, loss, report):
    source = page(report(loss(problem(labels=None)))).source
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', source, re.DOTALL)
    assert not re.search("[<>&\u2028\u2029]", content)


def test_a_megabyte_of_text_is_shortened_and_soon_done(full):
    calm, huge = (page(everywhere(text, full)) for text in ("x", "<" * 10**6))
    assert len(huge.source) < len(calm.source) + 1_500_000
    assert huge.shape == calm.shape
    assert "998,000 more characters" in huge.text("main")
    started = time.perf_counter()
    FORMATS["html"](everywhere("\x1b" * 10**6, full), Options())
    assert time.perf_counter() - started < 5


def test_a_traceback_without_end_keeps_its_first_and_last_lines(loss, report):
    details = "\n".join(f"frame {number}" for number in range(1000))
    shown = page(report(loss(findings=(Finding("raises", "error", "raises RecursionError", "", details),)))).text()
    assert "frame 14 (970 lines left out) frame 985" in shown


def test_ten_thousand_entries_stay_well_below_two_megabytes(problem, loss, report):
    cells = [(row, column) for row in range(0, 100, 3) for column in range(0, 100, 7)]
    size = len(page(report(loss(problem(100, 100, wrong=cells)))).source)
    assert size < 250_000
    assert len(page(report(loss(problem(1000, 10)))).source) < 250_000


def test_many_grids_stay_below_two_megabytes_and_the_gravest_are_kept(problem, loss, report):
    many = [problem(100, 100, errors=3.14e-11 * (1 + n), seed=n) for n in range(20)]
    wrong = problem(100, 100, wrong=[(99, 99)], seed=99)
    shown = page(report(loss(*many, wrong)))
    assert len(shown.source) < 2_000_000
    with_grid = ["errors" in each for each in shown.data["problems"]]
    assert sum(with_grid) == MOST_CELLS // 10_000
    assert with_grid[-1]
    assert with_grid[19]
    assert not with_grid[0]
    assert "A grid of 10,000 entries is too large for this page." in shown.text("main")


def test_a_grid_of_more_than_ten_thousand_entries_is_left_out(problem, loss, report):
    shown = page(report(loss(problem(101, 100))))
    assert "errors" not in shown.data["problems"][0]
    assert "A grid of 10,100 entries is too large for this page." in shown.text()
    assert shown.all("details", **{"class": "worst"})[0].keys() >= {"open"}


def test_the_data_are_those_of_the_report(problem, loss, report):
    shown = problem(2, 3, wrong=[(0, 1)], subgradient=[(1, 0)], unresolved=[(1, 1)], labels=[2, 0])
    data = page(report(loss(shown))).data
    (told,) = data["problems"]
    assert (told["rows"], told["classes"], told["labels"]) == (2, 3, [2, 0])
    assert told["verdicts"] == "030120"
    assert told["errors"] == [3.1e-11, 0.33, 3.1e-11, 0.5, 0.00012, 3.1e-11]
    worst = told["worst"][0]
    assert (worst["at"], worst["verdict"], worst["label"]) == (1, 3, 2)
    numbers = dict(zip(data["names"], worst["numbers"], strict=True))
    assert numbers["analytic"] == "0.25"
    assert numbers["numerical"] == "0.16675"
    assert numbers["central difference"] == ""


def test_a_small_problem_needs_no_script_to_be_read(problem, loss, report):
    finding = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by N")
    shown = page(report(loss(problem(wrong=[(1, 2)]), findings=(finding,), rerun="gradcheck run svm")))
    for said in (
        "1 of 15 entries of svm disagrees",
        "missing-mean",
        "dS is 3 times the numerical gradient",
        "divide by N",
        "gradcheck run svm",
        "batch size 3, 5 classes, normal(0, 1), seed 0",
    ):
        assert said in shown.text("body")
    assert "1 2 1 0.5 0.25 0.16675 1.0e-12 0.33 ✗wrong" in table_rows(shown)[-1]
    assert [attributes.get("hidden", "shown") for attributes in shown.all("button")] == [None]


def table_rows(shown: Page) -> list[str]:
    body = re.sub(r"<(script|template|style).*?</\1>", "", shown.source, flags=re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [" ".join(Page(re.sub("</t[dh]>", r" \g<0>", row)).text().split()) for row in rows]


def test_the_leading_finding_comes_first_and_stands_out(loss, problem, report):
    findings = (
        Finding("sign-flipped", "error", "dS = -1 times the numerical gradient"),
        Finding("shared-buffer", "warning", "two calls return the same memory"),
        Finding("sum-over-rows", "note", "the value is a sum"),
    )
    shown = page(report(loss(problem(wrong=[(0, 0)]), findings=findings)))
    classes = [attributes["class"] for attributes in shown.all("article")]
    assert classes == ["finding error leading", "finding warning", "finding note"]
    order = [shown.source.index(finding.message) for finding in findings]
    assert order == sorted(order)


def test_a_finding_has_the_explanation_of_its_code_closed(loss, report):
    shown = page(report(loss(findings=(Finding("missing-mean", "error", "dS = N times", "`dS / N`"),))))
    (explanation,) = shown.all("details", **{"class": "explanation"})
    assert "open" not in explanation
    text = shown.text("article")
    assert "What it means: The value is the mean over the batch, and dS lacks its 1/N." in text
    assert "Right: value = (r**2).sum() / N" in text
    assert "```" not in text
    assert "# missing-mean" not in text
    assert "<code>dS / N</code>" in shown.source


def test_a_code_without_a_page_has_no_explanation(loss, report):
    shown = page(report(loss(findings=(Finding("no-such-code", "error", "what"),))))
    assert not shown.all("details", **{"class": "explanation"})


def test_the_smallest_case_and_the_command_can_be_copied_whole(full, report):
    snippet = "\n".join(f"line {number}" for number in range(100))
    command = "gradcheck run " + "x" * 5000
    shown = page(report(replace(full, smallest_case=with_case(snippet), rerun=command)))
    by_id = {
        found: re.search(rf'<code id="{found}">(.*?)</code>', shown.source, re.DOTALL)[1]
        for found in (attributes["data-copies"] for attributes in shown.all("button"))
    }
    assert by_id == {"smallest-1": snippet, "again-1": command}


def test_a_run_of_several_losses_begins_with_a_list_of_them(loss, problem, report):
    right, wrong = loss(problem()), loss(problem(wrong=[(0, 0)]), target="mine.py:loss")
    shown = page(report(right, wrong))
    assert [attributes["href"] for attributes in shown.all("a") if "loss" in attributes["href"]] == [
        "#loss-1",
        "#loss-2",
    ]
    assert "wrong 1 of 2 losses, 1 right" in shown.text("h1")
    assert "15 entries of svm agree" in shown.text("main")
    assert "1 of 15 entries of mine.py:loss disagrees" in shown.text("main")
    is_open = ["open" in attributes for attributes in shown.all("details", **{"class": "problem"})]
    assert is_open == [False, True]


def test_the_worst_problem_alone_is_open(loss, problem, report):
    shown = page(report(loss(problem(1), problem(3, wrong=[(0, 0), (0, 1)]), problem(8, wrong=[(0, 0)]))))
    is_open = ["open" in attributes for attributes in shown.all("details", **{"class": "problem"})]
    assert is_open == [False, True, False]


def test_of_many_problems_the_worst_are_shown_and_the_others_counted(loss, problem, report):
    many = [problem(3, seed=n, wrong=[(0, 0)] if n < 2 else ()) for n in range(100)]
    shown = page(report(loss(*many)))
    assert len(shown.all("details", **{"class": "problem"})) == 2
    assert "2 of 100 problems are shown." in shown.text("main")
    everything = page(report(loss(*many)), entries="all")
    assert len(everything.all("details", **{"class": "problem"})) == 100


def test_the_totals_lead_to_the_worst_problem_of_each_line(loss, problem, report):
    shown = page(report(loss(problem(3, seed=1), problem(3, wrong=[(0, 0)], seed=2), problem(8, unresolved=[(0, 0)]))))
    links = [attributes["href"] for attributes in shown.all("a")]
    assert links == ["#problem-2", "#problem-3"]
    heads, three, eight, *_ = table_rows(shown)
    assert heads == "batch size scores problems entries wrong unresolved largest rel. error evaluations time"
    assert three.startswith("3 normal(0, 1) 2 30 1 0 0.33")
    assert eight.startswith("8 normal(0, 1) 1 40 0 1")


def test_what_projections_told_stands_in_place_of_a_grid(loss, problem, report):
    told = Projections(4, True, 1e-7, 1.0, 20, 0, 0, 0, 1e-10)
    shown = page(report(loss(replace(problem(), projections=told, verdicts=None, relative_errors=None))))
    assert "4 random directions agree with dS; a defect of 1.0e-07 in one entry" in shown.text("main")
    assert "20 entries checked one by one" in shown.text("main")
    assert "errors" not in shown.data["problems"][0]
    assert not shown.all("template")


@pytest.mark.parametrize(
    ("options", "problems", "grids", "tables"),
    [({}, 1, 1, 2), ({"entries": "worst"}, 1, 0, 2), ({"entries": "none"}, 0, 0, 1), ({"quiet": True}, 0, 0, 0)],
)
def test_options_leave_out_what_is_not_wanted(loss, problem, report, options, problems, grids, tables):
    shown = page(report(loss(problem(wrong=[(0, 0)]))), **options)
    assert len(shown.data["problems"]) == problems
    assert sum("errors" in each for each in shown.data["problems"]) == grids
    assert len(shown.all("table")) == tables


def test_as_many_worst_entries_are_listed_as_are_wanted(loss, problem, report):
    run = report(loss(problem(wrong=[(0, 0), (0, 1), (1, 1)])))
    assert len([row for row in table_rows(page(run, worst=2)) if "wrong" in row][1:]) == 2
    assert "and 1 more wrong entry" in page(run, worst=2).text("main")
    assert "plain difference" in page(run, verbose=True).text("main")
    assert len(table_rows(page(run, verbose=True))) > len(table_rows(page(run)))


@pytest.mark.parametrize(
    ("fields", "word", "class_"),
    [
        ({}, "right", "good"),
        ({"unchecked": 2}, "right so far", "doubt"),
        ({"error": "there is no such loss"}, "not checked", "bad"),
        ({"strict": True, "findings": (Finding("vacuous", "warning", "nothing"),)}, "failed", "bad"),
    ],
)
def test_every_verdict_has_its_word_sign_and_colour(loss, problem, report, fields, word, class_):
    shown = page(report(loss(problem(), **fields)))
    assert f'<strong class="word {class_}">' in shown.source
    assert word in shown.text("h1", "strong")


@pytest.mark.parametrize("cut", [{"interrupted": True}, {"out_of_time": True}])
def test_a_run_cut_short_says_so_and_shows_what_was_done(loss, problem, report, cut):
    shown = page(report(loss(problem(), unchecked=3, cut_short="batch size 8"), **cut))
    assert "after 1 problem, 15 entries; 3 problems were not checked" in shown.text("h1")
    assert "3 problems were not checked; cut short at batch size 8" in shown.text("main")
    assert page(report(**cut)).text("h1").endswith("before any problem was checked")


def test_numbers_that_are_not_finite_do_not_break_the_data(loss, problem, report):
    shown = problem(1, 3)
    shown.relative_errors[0, :2] = [np.nan, np.inf]
    tried = ((0.1, np.inf), (0.01, np.nan), (0.001, 0.25))
    entry = replace(shown.worst[0], analytic=np.inf, numerical=np.nan, bound=np.inf, tried=tried, step=0.0)
    (told,) = page(report(loss(replace(shown, value=-np.inf, worst=(entry,))))).data["problems"]
    assert told["errors"] == [None, None, 3.1e-11]
    assert told["worst"][0]["plot"]["bound"] is None


def test_neither_rich_nor_a_reader_of_markdown_is_imported_without_need():
    code = """
import sys
from gradcheck.output import FORMATS, Options
from gradcheck.report import Report
FORMATS['html'](Report('0.1.0', {}, ()), Options())
print(sorted({name.split('.')[0] for name in sys.modules} & {'rich', 'markdown_it', 'typer', 'pydantic', 'scipy'}))
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
