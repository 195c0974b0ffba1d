"""The pages of `gradcheck explain` as text."""

import pytest

from gradcheck.output import Options
from gradcheck.output.pages import PLACES, pages, render_codes, render_page


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
