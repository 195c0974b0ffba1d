"""The pages of `gradcheck explain` as text."""

from __future__ import annotations

import pytest

from gradcheck.losses import BUILT_INS
from gradcheck.output import Options
from gradcheck.output.pages import PLACES, Page, pages, render_codes, render_list, render_one, render_page


@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_nothing_of_a_page_is_lost_at_any_width(page: Page, width: int) -> None:
    rendered = render_page(page, Options(width=width))
    assert "".join(rendered.split()) == "".join(page.text.removeprefix("#").split())
    lines = [line for line in rendered.splitlines() if not line.startswith(("  Wrong: ", "  Right: "))]
    assert max(map(len, lines)) <= min(width, 120)
    assert rendered.isascii()


def test_the_list_has_a_line_for_each_code_with_its_severity_and_its_meaning_below_what_one_looks_at() -> None:
    lines = render_codes(Options(width=140)).splitlines()
    assert [line.split(maxsplit=2) for line in lines if line.startswith("  ")] == [
        [each.code, each.severity, each.paragraphs[0]] for each in pages()
    ]
    assert [line for line in lines if line and not line.startswith("  ")] == [f"{place}:" for place in PLACES]


def test_the_built_in_losses_are_listed_and_one_is_derived() -> None:
    lines = render_list(Options(width=120)).splitlines()
    assert [line.split()[0] for line in lines] == list(BUILT_INS)
    text = render_one(BUILT_INS["softmax"], Options(width=40))
    assert text.startswith("softmax\n\n  L       = -log p_y")
    assert BUILT_INS["softmax"].derivation.rstrip() in text
