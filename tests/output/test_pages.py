"""The pages of `gradcheck explain` as text."""

import pytest

from gradcheck.losses import BUILT_INS
from gradcheck.output import Options
from gradcheck.output.pages import pages, render_list, render_page


@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_nothing_of_a_page_is_lost_at_any_width(page, width):
    rendered = render_page(page, Options(width=width))
    assert "".join(rendered.split()) == "".join(page.text.removeprefix("#").split())
    assert max(map(len, rendered.splitlines())) <= min(width, 120)
    assert rendered.isascii()


def test_the_built_in_losses_are_listed():
    lines = render_list(Options(width=120)).splitlines()
    assert [line.split()[0] for line in lines] == list(BUILT_INS)
