"""What a notebook shows of a report."""

from __future__ import annotations

from html.parser import HTMLParser

import gradcheck


class Frames(HTMLParser):
    """The documents that frames hold, unescaped."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.documents: list[str] = []
        self.elements: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.documents += [value or "" for name, value in attrs if name == "srcdoc"]


def test_a_notebook_shows_the_page_in_a_frame() -> None:
    report = gradcheck.check_at("svm", [[0.0, 1.0, 0.5]], [0])
    frames = Frames(report._repr_html_())  # type: ignore[attr-defined]
    assert frames.elements == ["iframe"]
    (document,) = frames.documents
    assert document.startswith("<!DOCTYPE html>")
    assert "right" in document


def test_a_hostile_name_stays_inside_of_the_frame() -> None:
    def loss(S, y):
        return float((S**2).sum()), S

    loss.__qualname__ = '"></iframe><script>alert(1)</script>'
    frames = Frames(gradcheck.check(loss)._repr_html_())  # type: ignore[attr-defined]
    assert frames.elements == ["iframe"]
    assert "<script>alert" not in frames.documents[0]


def test_it_is_a_report_like_any_other() -> None:
    report = gradcheck.check("softmax", gradcheck.Config(batch_sizes=1))
    assert isinstance(report, gradcheck.Report)
    assert report.passed
