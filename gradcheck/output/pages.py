"""What ``gradcheck explain``, ``list`` and ``show`` print: the pages of the codes, and the built-in losses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from rich.text import Text

from gradcheck.diagnosis.pages import Page, pages
from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output.options import Options
from gradcheck.output.screen import DEFAULT_WIDTH, SEVERITY_STYLES, Screen

Block = tuple[Literal["title", "heading", "paragraph", "item", "formula", "code"], str]

_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_ITEM = re.compile(r"\d+\. ")


def render_codes(options: Options) -> str:
    """Every code with its severity and what it means."""
    screen = Screen(options)
    listed = pages()
    wide = max(len(page.code) for page in listed)
    for page in listed:
        code, severity = page.code.ljust(wide), page.severity.ljust(7)
        screen.say(page.title, Text.assemble((code, "bold"), "  ", (severity, SEVERITY_STYLES[page.severity]), "  "))
    return screen.text


def render_page(page: Page, options: Options) -> str:
    """One page, its prose wrapped to the width; code and formulas stand as they are, however wide."""
    # Longer lines of prose are hard to read, whatever the terminal holds.
    screen = Screen(replace(options, width=min(options.width or DEFAULT_WIDTH, DEFAULT_WIDTH)))
    show_page(page, screen)
    return screen.text


def render_list(options: Options) -> str:
    """Every built-in loss with its one-line formula."""
    screen = Screen(options)
    wide = max(map(len, BUILT_INS)) + 2
    for entry in BUILT_INS.values():
        screen.say(entry.formula, Text(entry.name.ljust(wide), "bold"))
    return screen.text


def render_one(entry: BuiltIn, options: Options) -> str:
    """One built-in loss: formula, gradient and derivation."""
    screen = Screen(options)
    screen.say(entry.name, style="bold")
    screen.say(f"\n  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    for line in entry.derivation.split("\n"):  # it is laid out by hand
        screen.keep(line)
    return screen.text


def show_page(page: Page, screen: Screen) -> None:
    """Print one page."""
    before = ""
    for kind, text in blocks(page.text):
        if before and not kind == before == "item":
            screen.say()
        match kind:
            case "title" | "heading":
                screen.say(text, style=SEVERITY_STYLES[page.severity] if kind == "title" else "bold")
            case "formula" | "code":
                for line in _highlighted(text, screen) if kind == "code" else Text(text).split("\n"):
                    screen.keep(Text.assemble("    ", line))
            case _:
                number = _ITEM.match(text)
                first = number[0] if number else ""
                screen.say(_prose(text[len(first) :], screen), f"  {first}")
        before = kind


def blocks(markdown: str) -> list[Block]:
    """A page's Markdown in blocks: a title, headings, paragraphs, numbered items, indented formulas, fenced code.

    >>> blocks("# a (note)\\n\\nOne\\nline.\\n\\n    x = 1\\n")
    [('title', 'a (note)'), ('paragraph', 'One line.'), ('formula', 'x = 1')]
    """
    return list(_blocks(markdown))


def _blocks(markdown: str) -> Iterator[Block]:
    lines = iter([*markdown.splitlines(), ""])
    prose: list[str] = []
    formula: list[str] = []
    for line in lines:
        starts = line.startswith(("#", "```")) or _ITEM.match(line)
        if prose and (starts or not line.strip()):
            yield ("item" if _ITEM.match(prose[0]) else "paragraph", " ".join(prose))
            prose = []
        if formula and not line.startswith("    "):
            yield "formula", "\n".join(formula)
            formula = []
        if line.startswith("```"):
            yield "code", "\n".join(iter(lambda: next(lines), "```"))
        elif line.startswith("#"):
            yield ("title" if line.startswith("# ") else "heading"), line.lstrip("# ")
        elif line.startswith("    ") and not prose:
            formula.append(line[4:])
        elif line.strip():
            prose.append(line.strip())


def _prose(text: str, screen: Screen) -> Text:
    """Code spans in colour; without colour they keep their backticks, which then alone tell them from prose."""
    if not screen.options.color:
        return Text(text)
    parts = _CODE_SPAN.split(text)
    return Text.assemble(*((part, "cyan" if at % 2 else "") for at, part in enumerate(parts)))


def _highlighted(code: str, screen: Screen) -> list[Text]:
    if not screen.options.color:
        return list(Text(code).split("\n", allow_blank=True))
    from rich.syntax import Syntax  # its import takes long, and only these pages need it

    return list(Syntax("", "python", theme="ansi_dark").highlight(code).split("\n", allow_blank=False))
