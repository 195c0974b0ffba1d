"""What ``gradcheck explain``, ``list`` and ``show`` print: the pages of the codes, and the built-in losses."""

from __future__ import annotations

import re
from dataclasses import replace

from rich.text import Text

from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output.explanations import Page, pages
from gradcheck.output.options import Options
from gradcheck.output.screen import DEFAULT_WIDTH, SEVERITY_STYLES, Screen

_CODE = re.compile(r"`([^`]+)`")


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
    """One page, wrapped to the width, but to no more than 120 columns: longer lines are hard to read."""
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
    """Print one page; without colour, code keeps the backticks that alone tell it from prose."""
    screen.say(f"{page.code} ({page.severity})", style=SEVERITY_STYLES[page.severity])
    for paragraph in paragraphs(page):
        screen.say()
        parts = _CODE.split(paragraph) if screen.options.color else [paragraph]
        text = Text.assemble(*((part, "cyan" if at % 2 else "") for at, part in enumerate(parts)))
        screen.say(text, Text("  "))


def paragraphs(page: Page) -> list[str]:
    """The paragraphs of a page after its heading, each on one line."""
    return [" ".join(block.split()) for block in page.text.strip().split("\n\n")[1:]]
