"""Markdown, as a parser of Markdown reads it."""

from __future__ import annotations

import re

import pytest
from hostile_text import HOSTILE, LONG
from markdown_it import MarkdownIt

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, Report

PARSER = MarkdownIt("gfm-like", {"linkify": False})


def tokens(report: Report) -> list[tuple[str, str]]:
    flat = []
    for token in PARSER.parse(FORMATS["markdown"](report, Options())):
        flat.append((token.type, token.content))
        flat += [(child.type, child.content) for child in token.children or ()]
    return flat


def test_it_begins_with_the_verdict_and_holds_findings_tables_and_the_command(report, mixed):
    text = FORMATS["markdown"](report(mixed), Options())
    assert text.startswith("## ❌ gradcheck\n\n- **wrong**: 4 of 110 entries of svm disagree")
    kinds = [kind for kind, _ in tokens(report(mixed))]
    assert kinds.count("table_open") == 2
    contents = [content for _, content in tokens(report(mixed))]
    assert "error: missing-mean" in contents
    assert "gradcheck run svm --batch-size 3\n" in contents


def test_every_row_of_a_table_has_as_many_cells_as_its_head(report, loss, problem):
    one = loss(problem(3, wrong=[(0, 0)], scores="a | b"))
    kinds = [kind for kind, _ in tokens(report(one))]
    assert kinds.count("td_open") == 11 + 9


@pytest.mark.parametrize("text", [HOSTILE, LONG])
def test_text_from_outside_stays_text(report, loss, problem, text):
    findings = (Finding("raises", "error", text, text, text),)
    one = loss(problem(3, wrong=[(0, 0)], scores=text), target=text, file=text, line=1, findings=findings, rerun=text)
    told = report(one, loss(error=text))
    rendered = FORMATS["markdown"](told, Options())
    assert len(rendered) < 600_000
    assert "\x1b" not in rendered
    kinds = [kind for kind, _ in tokens(told)]
    assert not {"html_inline", "html_block", "link_open", "image", "s_open", "em_open"} & set(kinds)
    assert kinds.count("heading_open") == 3
    if "@" in text:
        (line,) = [line for line in rendered.splitlines() if line.startswith("- **error: raises**")]
        assert "&#64;somebody &#35;1" in line  # no one is called, and no issue is linked


def test_named_inputs_have_a_row_for_each_and_entries_their_names(wrong_layer):
    contents = [content for _, content in tokens(wrong_layer)]
    assert {"input", "x", "w", "b", "entry", "gradient"} <= set(contents)
    assert re.search(r"Worst entries at batch size 8, dx, 8 x 2 x 3, seed 0", " ".join(contents))
    assert "x[0, 1, 2]" in contents
