"""HTML whose text cannot be anything else: a string that is no ``Html`` is escaped, made inert and held to a length."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from gradcheck.output.marks import inert
from gradcheck.output.shortening import LONGEST_LINE, fewer, shortened

_VOID = frozenset({"link", "meta"})

Attribute = str | int | bool | None


class Html(str):
    """Markup: what ``tag``, ``text`` and ``joined`` made, or a file of gradcheck's own. Nothing from outside."""

    __slots__ = ()


NOTHING, NEW_LINE, SPACE = map(Html, ("", "\n", " "))


def tag(name: str, /, *children: str | None, **attributes: Attribute) -> Html:
    """An element.

    Args:
        name: of the element.
        children: markup stands as it is, any other string is text; None is nothing.
        attributes: as in HTML, but a trailing underscore is dropped and others are hyphens. True is an attribute
            without a value; None and False are none.

    Example:
        >>> tag("p", "a < b", class_="note", hidden=True)
        '<p class="note" hidden>a &lt; b</p>'
    """
    head = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = "".join(text(child) for child in children if child is not None)
    return Html(f"<{name}{head}>" if name in _VOID else f"<{name}{head}>{inner}</{name}>")


def text(line: str, longest: int = LONGEST_LINE) -> Html:
    """One line of text as markup; markup as it is.

    Example:
        >>> text("1 < 2 & \\x1b[31m")
        '1 &lt; 2 &amp; \\\\x1b[31m'
    """
    return line if isinstance(line, Html) else Html(escape(inert(shortened(line, longest))))


def joined(parts: Iterable[str | None], between: Html = NOTHING) -> Html:
    """One after the other; what is no markup is text."""
    return Html(between.join(text(part) for part in parts if part is not None))


def lines(several: str, most: int, longest: int = LONGEST_LINE) -> Html:
    """Text of several lines as markup for a ``pre``, with the middle left out where they are more than ``most``."""
    kept = fewer(several.strip("\r\n").replace("\r\n", "\n").split("\n"), most)
    return Html("\n".join(text(line.expandtabs(4) if len(line) <= longest else line, longest) for line in kept))
