"""The picture of a table."""

from __future__ import annotations

from gradcheck.output import Options
from gradcheck.output.svg import to_svg


def test_the_picture_holds_the_table_and_its_title(mixed, report):
    svg = to_svg(report(mixed), Options(width=80), title="gradcheck run svm\x1b")
    assert svg.startswith("<svg")
    assert "gradcheck&#160;run&#160;svm" in svg
    assert "missing-mean" in svg
    assert "\x1b" not in svg
