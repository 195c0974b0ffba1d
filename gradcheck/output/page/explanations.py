"""The explanation of a finding's code, as ``gradcheck explain`` has it, for the page."""

from __future__ import annotations

from functools import cache

from gradcheck.diagnosis.pages import Page, page
from gradcheck.errors import UsageError
from gradcheck.output.page.markup import Html, tag

#: The headings of an explanation stand below those of the loss and the finding.
_LEVELS_DOWN = 2


def explanation(code: str) -> Html | None:
    """A closed element that opens to the explanation; None where there is none for this code.

    Args:
        code: of a finding.
    """
    try:
        told = page(code)
    except UsageError:
        return None
    return tag(
        "details",
        tag("summary", "What it means: ", told.title),
        tag("div", _body(told), class_="prose"),
        class_="explanation",
    )


@cache
def _body(told: Page) -> Html:
    """The explanation but for its heading."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False})
    tokens = reader.parse(told.text)
    after_heading = 1 + next(at for at, token in enumerate(tokens) if token.type == "paragraph_close")
    tokens = tokens[after_heading:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + _LEVELS_DOWN)}"
    return Html(reader.renderer.render(tokens, reader.options, {}))
