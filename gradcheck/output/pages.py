"""What ``gradcheck explain``, ``list`` and ``show`` print: a page for each code of a finding, and the built-in losses.

A page is a file of Markdown in ``page_texts``.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import NamedTuple, cast

from rich.text import Text

from gradcheck.errors import UsageError, did_you_mean
from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output.options import Options
from gradcheck.output.screen import DEFAULT_WIDTH, SEVERITY_STYLES, Screen
from gradcheck.report import Severity

_HEAD = r"# (?P<code>[a-z0-9-]+) \((?P<severity>error|warning|note)\)\n\n(?P<title>.+?)\n\n"
_CODE = r"`([^`]+)`"


class Page(NamedTuple):
    """The explanation of a code: its usual severity, what it means in one line, and the whole page, Markdown."""

    code: str
    severity: Severity
    title: str
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs after the heading, each on one line."""
        return [" ".join(block.split()) for block in self.text.strip().split("\n\n")[1:]]


def pages() -> tuple[Page, ...]:
    """Every page: errors, then warnings, then notes; each by code.

    Example:
        >>> [each.code for each in pages() if each.severity == "note"]
        ['constant-offset', 'sum-over-rows']
    """
    found = []
    for file in (files("gradcheck.output") / "page_texts").iterdir():
        text = file.read_text(encoding="utf-8")
        head = re.match(_HEAD, text)
        assert head is not None, f"{file.name} does not begin as a page does"
        found.append(Page(head["code"], cast("Severity", head["severity"]), head["title"], text))
    return tuple(sorted(found, key=lambda page: (list(SEVERITY_STYLES).index(page.severity), page.code)))


def page(code: str) -> Page:
    """The page of a code; case does not matter, and ``_`` equals ``-``.

    Raises:
        UsageError: there is no such code; the message names the nearest.

    Example:
        >>> page("sign-flipped").title
        'dS is minus the gradient of the value.'
    """
    known = {each.code: each for each in pages()}
    found = known.get(code.lower().replace("_", "-"))
    if found is None:
        hint = f"{did_you_mean(code, known)} `gradcheck explain` lists all".strip()
        raise UsageError(f"{code!r}: no finding has this code", hint=hint)
    return found


def render_codes(options: Options) -> str:
    """Every code with its severity and what it means."""
    screen = Screen(options)
    wide = max(len(page.code) for page in pages())
    for page in pages():
        code, severity = page.code.ljust(wide), page.severity.ljust(7)
        screen.say(page.title, Text.assemble((code, "bold"), "  ", (severity, SEVERITY_STYLES[page.severity]), "  "))
    return screen.text


def render_page(page: Page, options: Options) -> str:
    """One page, wrapped to the width, but to no more than 120 columns: longer lines are hard to read."""
    screen = Screen(options._replace(width=min(options.width or DEFAULT_WIDTH, DEFAULT_WIDTH)))
    show_page(page, screen)
    return screen.text


def show_page(page: Page, screen: Screen) -> None:
    """Print one page; without colour, code keeps the backticks that alone tell it from prose."""
    screen.say(f"{page.code} ({page.severity})", style=SEVERITY_STYLES[page.severity])
    for paragraph in page.paragraphs:
        screen.say()
        parts = re.split(_CODE, paragraph) if screen.options.color else [paragraph]
        screen.say(Text.assemble(*((part, "cyan" if at % 2 else "") for at, part in enumerate(parts))), "  ")


def render_list(options: Options) -> str:
    """Every built-in loss with its one-line formula."""
    screen = Screen(options)
    for entry in BUILT_INS.values():
        screen.say(entry.formula, Text(entry.name.ljust(max(map(len, BUILT_INS)) + 2), "bold"))
    return screen.text


def render_one(entry: BuiltIn, options: Options) -> str:
    """One built-in loss: formula, gradient and derivation."""
    screen = Screen(options)
    screen.say(entry.name, style="bold")
    screen.say(f"\n  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    for line in entry.derivation.split("\n"):  # it is laid out by hand
        screen.keep(line)
    return screen.text
