"""The pages of `gradcheck explain`: one for each code, and what they show is what gradcheck says."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradcheck.api import as_loss
from gradcheck.config import Config
from gradcheck.diagnosis.driver import RULES
from gradcheck.diagnosis.pages import Page, page, pages
from gradcheck.errors import UsageError
from gradcheck.report import Report
from gradcheck.run import check_targets
from gradcheck.settings import Settings

CODES = {
    "error": [
        "averaged-twice", "batch-size-dependent", "constant-factor", "gradient-of-another-loss", "hangs",
        "label-column", "labels-misaligned", "log-guard", "missing-label-term", "missing-mean", "missing-regularizer",
        "mutates-input", "not-a-gradient", "not-a-subgradient", "not-deterministic", "not-finite", "one-class",
        "one-row", "other-columns",
        "projections-disagree", "raises", "removable-jump", "sign-flipped", "transposed", "truncated-to-integer",
        "unlike", "value-of-another-loss", "wrong-dtype", "wrong-shape",
    ],
    "warning": ["not-the-mean", "overflows", "reductions-disagree", "shared-buffer", "vacuous"],
    "note": ["constant-offset", "sum-over-rows"],
}  # fmt: skip
SECTIONS = ["What it means", "How it happens", "Wrong", "Right", "Why"]

#: What a page's own example needs beside the defaults.
CONFIGS = {
    "hangs": Config(batch_sizes=[1], scores="normal"),
    "projections-disagree": Config(batch_sizes=[8], classes=[20], scores="integers(0, 0)", max_entries=100),
}
SETTINGS: dict[str, dict[str, Any]] = {"hangs": {"timeout": 0.2}, "unlike": {"like": "svm"}}

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)


def block(page: Page, section: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", page.text.partition(f"## {section}\n")[2].partition("\n## ")[0], re.S)
    return str(code)


@cache
def checked(page: Page, section: str, strict: bool = False) -> Report:
    scope: dict[str, Any] = {"np": np}
    exec(block(page, section), scope)
    settings = Settings(strict=strict, **SETTINGS.get(page.code, {}))
    return check_targets([as_loss(scope["loss"])], CONFIGS.get(page.code, Config()), settings)


def found(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in report.losses[0].findings]


# --- which there are --------------------------------------------------------------------------------------


def test_every_code_has_a_page_and_every_page_a_code_errors_first() -> None:
    expected = [(code, severity) for severity, codes in CODES.items() for code in codes]
    assert [(page.code, page.severity) for page in pages()] == expected


def test_every_code_that_a_rule_may_tell_has_a_page() -> None:
    assert {code for rule in RULES for code in rule.codes} - {page.code for page in pages()} == set()


def test_a_page_is_found_by_its_code_however_it_is_typed() -> None:
    assert page("missing-mean").code == page("Missing_Mean").code == "missing-mean"
    assert page("missing-mean") in pages()


@pytest.mark.parametrize(
    ("typed", "meant"), [("missing-men", "missing-mean"), ("overflow", "overflows"), ("notfinite", "not-finite")]
)
def test_an_unknown_code_is_told_with_the_nearest_that_there_is(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(typed))) as error:
        page(typed)
    assert f"did you mean {meant}" in error.value.hint
    assert "gradcheck explain" in error.value.hint


@pytest.mark.parametrize("typed", ["", ".", "../pages", "raises.md", "../page_texts/raises", "\x00"])
def test_what_is_no_code_opens_no_file(typed: str) -> None:
    with pytest.raises(UsageError, match="no finding has this code"):
        page(typed)


# --- how they are laid out --------------------------------------------------------------------------------


@each_page
def test_a_page_has_its_sections_in_order_and_is_short(page: Page) -> None:
    lines = page.text.splitlines()
    assert lines[0] == f"# {page.code} ({page.severity})"
    assert re.findall(r"^## (.*)$", page.text, re.MULTILINE) == SECTIONS
    assert 25 <= len(lines) <= 60
    assert max(map(len, lines)) <= 100
    assert page.text.isascii()
    assert page.text.endswith("\n")
    assert not re.search(r"\n\n\n(?!def)|[ \t]\n", page.text)


@each_page
def test_its_title_is_one_sentence_that_a_line_of_the_list_holds(page: Page) -> None:
    assert page.title.endswith(".")
    assert "\n" not in page.title
    assert len(page.title) <= 85
    assert page.title in " ".join(page.text.split())


@each_page
@pytest.mark.parametrize("section", ["Wrong", "Right"])
def test_its_examples_are_complete_and_of_six_lines_at_most(page: Page, section: str) -> None:
    code = block(page, section)
    head, _, body = code.partition("def loss(S, y")
    assert len(body.splitlines()) - 1 <= 6
    assert "def " not in head
    assert "..." not in code


@each_page
def test_the_codes_that_it_refers_to_exist(page: Page) -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page.text))
    assert named <= {other.code for other in pages()} - {page.code}


# --- that they are true -----------------------------------------------------------------------------------


@each_page
def test_the_wrong_block_fails_if_the_code_is_an_errors_and_else_passes(page: Page) -> None:
    report = checked(page, "Wrong")
    assert not report.losses[0].error
    assert report.exit_code == (1 if page.severity == "error" else 0)


@each_page
def test_the_wrong_block_shows_the_code(page: Page) -> None:
    assert (page.code, page.severity) in found(checked(page, "Wrong"))


@each_page
def test_the_right_block_passes_with_nothing_to_be_said_of_it(page: Page) -> None:
    report = checked(page, "Right", strict=True)
    assert found(report) == []
    assert report.exit_code == 0
