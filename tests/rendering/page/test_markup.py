"""Markup that text from outside cannot break out of."""

from __future__ import annotations

import pytest

from gradcheck.output.page.markup import NEW_LINE, Html, joined, lines, tag, text


def test_a_string_is_text_and_markup_stays_markup():
    assert tag("p", "a < b", tag("b", "&")) == "<p>a &lt; b<b>&amp;</b></p>"


def test_text_that_was_put_together_from_markup_is_text_again():
    assert tag("p", f"{Html('<b>')}") == "<p>&lt;b&gt;</p>"


def test_attributes_are_escaped_and_left_out_where_there_is_none():
    made = tag("a", "x", href='"><script>', class_=None, hidden=True, open=False, data_place=0, aria_label="a'b")
    assert made == '<a href="&quot;&gt;&lt;script&gt;" hidden data-place="0" aria-label="a&#x27;b">x</a>'


def test_an_element_without_content_is_not_closed():
    assert tag("meta", name="viewport", content="x") == '<meta name="viewport" content="x">'


def test_nothing_is_left_of_what_is_none():
    assert joined([None, tag("i"), "a"], NEW_LINE) == "<i></i>\na"
    assert tag("p", None) == "<p></p>"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u202e", "\u2028", "\udcff", "\n", "\r"])
def test_controls_are_written_out(character):
    assert character not in text(f"a{character}b")
    assert text(f"a{character}b").startswith("a\\")


def test_long_text_is_cut_before_it_is_worked_upon():
    assert text("<" * 3000) == "&lt;" * 2000 + " (1,000 more characters)"
    assert text("abcdef", 3) == "abc (3 more characters)"


def test_lines_stay_lines_and_tabs_are_blanks():
    assert lines("\r\na\tb\r\n<c>\n", 10) == "a   b\n&lt;c&gt;"
    assert lines("a\rb\x1bc", 10) == r"a\rb\x1bc"


def test_the_middle_of_too_many_lines_is_left_out():
    assert lines("\n".join("abcdef"), 4) == "a\nb\n(2 lines left out)\ne\nf"
