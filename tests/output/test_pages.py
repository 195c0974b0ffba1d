"""The pages of `gradcheck explain` as text."""

from __future__ import annotations

import re

import pytest

from gradcheck.diagnosis.pages import Page, pages
from gradcheck.losses import BUILT_INS
from gradcheck.output import Options
from gradcheck.output.pages import render_codes, render_list, render_one, render_page

SAMPLE = Page(
    "a-code",
    "warning",
    "It is so.",
    """\
# a-code (warning)

It is so.

## What it means

Prose that is long enough, with `some code` in it, to be set anew to a width that is other than the page's own.

    dS_ij  =  n_ij

## How it happens

1. First, at some length, so that it takes more than a line where the terminal is a narrow one.
2. Second.

## Wrong

```python
def loss(S, y):
    # a line of code that is far longer than the width, and that must be left alone: it is copied

    return S.sum(), np.ones_like(S)
```
""",
)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_page_is_set_with_its_headings_at_the_margin_and_all_else_below_them() -> None:
    assert (
        render_page(SAMPLE, Options(width=60))
        == """\
a-code (warning)

  It is so.

What it means

  Prose that is long enough, with `some code` in it, to be
  set anew to a width that is other than the page's own.

    dS_ij  =  n_ij

How it happens

  1. First, at some length, so that it takes more than a
     line where the terminal is a narrow one.
  2. Second.

Wrong

    def loss(S, y):
        # a line of code that is far longer than the width, and that must be left alone: it is copied

        return S.sum(), np.ones_like(S)
"""
    )


def test_color_takes_the_place_of_backticks_and_changes_nothing_else() -> None:
    colored = render_page(SAMPLE, Options(width=200, color=True))
    assert "\x1b[1;33ma-code (warning)\x1b[0m" in colored
    assert "\x1b[36msome code\x1b[0m" in colored
    assert "\x1b[94mdef\x1b[0m" in colored
    assert "\x1b" not in render_page(SAMPLE, Options(width=200))
    assert plain(colored) == render_page(SAMPLE, Options(width=200)).replace("`", "")


def test_no_color_is_laid_behind_the_text() -> None:
    """What suits a dark terminal is a box in a light one."""
    colored = "".join(render_page(each, Options(color=True)) for each in pages())
    codes = {int(code) for codes in re.findall(r"\x1b\[([\d;]+)m", colored) for code in codes.split(";")}
    assert codes
    assert not codes & ({7} | set(range(40, 50)) | set(range(100, 108)))


def test_prose_is_no_wider_than_120_where_the_terminal_is() -> None:
    wide = render_page(SAMPLE, Options(width=300)).splitlines()
    assert wide[6].startswith("  Prose that is long enough, with `some code` in it, to be set anew to a width that is")
    assert max(map(len, wide)) <= 120


@pytest.mark.parametrize("width", [20, 80, 120, 140])
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_nothing_of_a_page_is_lost_at_any_width(page: Page, width: int) -> None:
    rendered = render_page(page, Options(width=width))
    blocks = re.findall(r"```python\n(.*?)```", page.text, re.DOTALL)
    formulas = re.findall(r"^    .*", re.sub(r"```.*?```", "", page.text, flags=re.DOTALL), re.MULTILINE)
    lines = rendered.splitlines()
    for line in [f"    {line}".rstrip() for block in blocks for line in block.splitlines()] + formulas:
        assert line in lines
    marks = re.sub(r"^(#+ |```.*$)", "", page.text, flags=re.MULTILINE)
    assert "".join(rendered.split()) == "".join(marks.split())
    assert rendered.isascii()
    assert width < 80 or max(map(len, lines)) <= width


def test_the_list_has_a_line_for_each_code_with_its_severity_and_its_meaning() -> None:
    lines = render_codes(Options(width=120)).splitlines()
    assert [line.split(maxsplit=2) for line in lines] == [[each.code, each.severity, each.title] for each in pages()]
    assert lines[0].index("error") == lines[-1].index("note")


def test_the_list_is_no_wider_than_the_terminal_and_only_a_severity_has_colour() -> None:
    text = render_codes(Options(width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert re.findall(r"^\S+", text, re.MULTILINE) == [each.code for each in pages()]
    coloured = render_codes(Options(width=80, color=True))
    assert "\x1b[1;31merror" in coloured
    assert plain(coloured) == text


def test_the_built_in_losses_are_listed_and_one_is_derived() -> None:
    lines = render_list(Options(width=120)).splitlines()
    assert [line.split()[0] for line in lines] == list(BUILT_INS)
    text = render_one(BUILT_INS["softmax"], Options(width=40))
    assert text.startswith("softmax\n\n  L       = -log p_y")
    assert BUILT_INS["softmax"].derivation.rstrip() in text
