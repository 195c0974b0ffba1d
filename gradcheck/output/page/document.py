"""The document around the page's parts: head, styles, scripts, and the policy that allows these alone."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from gradcheck.output.page import colours
from gradcheck.output.page.markup import NEW_LINE, Html, joined, tag

_STYLES = ("base.css", "findings.css", "grid.css", "print.css")
_SCRIPTS = ("elements.js", "plot.js", "panel.js", "grid.js", "page.js")

#: A sign on the browser's tab.
_ICON = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<path d='{path}' fill='none' stroke='{colour}' stroke-width='3' stroke-linecap='round'/></svg>"
)
_PATHS = {
    "good": ("M2 9l4 4 8-10", "%231a7f4b"),
    "doubt": ("M8 2v7m0 4v.1", "%23a66a00"),
    "bad": ("M3 3l10 10m0-10l-10 10", "%23c0342b"),
}


def document(title: str, mood: str, body: Html, data: Html) -> str:
    """The whole page, in ASCII.

    Args:
        title: for the browser's tab; text.
        mood: ``good``, ``doubt`` or ``bad``.
        body: what stands in ``body``, but for the scripts.
        data: JSON for the scripts.
    """
    style, script = _style(), _script()
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    path, colour = _PATHS[mood]
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href=_ICON.format(path=path, colour=colour)),
        tag("style", style),
    )
    scripts = tag("script", data, type="application/json", id="data"), tag("script", script)
    parts = tag("head", joined(head, NEW_LINE)), tag("body", joined([body, *scripts], NEW_LINE))
    page = tag("html", joined(parts, NEW_LINE), lang="en")
    return f"<!DOCTYPE html>\n{page}\n".encode("ascii", "xmlcharrefreplace").decode("ascii")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _style() -> Html:
    return Html("\n" + "\n".join([*map(_file, _STYLES), colours.styles()]))


@cache
def _script() -> Html:
    content = "\n".join(map(_file, _SCRIPTS))
    return Html(f'\n"use strict";\n{{\n{content}\n}}\n')


def _file(name: str) -> str:
    return files("gradcheck.output.page").joinpath(name).read_text(encoding="ascii")
