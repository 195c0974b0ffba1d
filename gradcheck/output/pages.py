"""What ``explain``, ``list`` and ``show`` print: a page of ``page_texts`` for each code, and the built-in losses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from rich.text import Text

from gradcheck.errors import UsageError, did_you_mean
from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output.screen import SEVERITY_STYLES, Screen
from gradcheck.output.text import Options
from gradcheck.report import Severity


@dataclass(frozen=True)
class Page:
    """The explanation of a code: its usual severity, and the whole page, Markdown."""

    code: str
    severity: Severity
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs after the heading, each on one line."""
        return [" ".join(block.split()) for block in self.text.split("\n\n")[1:]]


def pages() -> tuple[Page, ...]:
    """Every page: errors, then warnings, then notes; each by code."""
    found = []
    for file in (Path(__file__).parent / "page_texts").iterdir():
        text = file.read_text(encoding="utf-8")
        code, severity = text.partition("\n")[0].removeprefix("# ").removesuffix(")").split(" (")
        found.append(Page(code, cast("Severity", severity), text))
    return tuple(sorted(found, key=lambda page: (list(SEVERITY_STYLES).index(page.severity), page.code)))


def page(code: str) -> Page:
    """The page of a code; case does not matter, and ``_`` equals ``-``.

    Raises:
        UsageError: there is no such code; the message names the nearest.
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
        severity = (f"{page.severity:<7}", SEVERITY_STYLES[page.severity])
        screen.say(page.paragraphs[0], Text.assemble((page.code.ljust(wide), "bold"), "  ", severity, "  "))
    return screen.text


def render_page(page: Page, options: Options) -> str:
    """One page, wrapped to the width, but to no more than 120 columns: longer lines are hard to read."""
    screen = Screen(replace(options, width=min(options.width, Options.width)))
    show_page(page, screen)
    return screen.text


def show_page(page: Page, screen: Screen) -> None:
    """Print one page; without colour, code keeps the backticks that alone tell it from prose."""
    screen.say(f"{page.code} ({page.severity})", style=SEVERITY_STYLES[page.severity])
    for paragraph in page.paragraphs:
        screen.say()
        parts = re.split("`([^`]+)`", paragraph) if screen.options.color else [paragraph]
        screen.say(Text.assemble(*((part, "cyan" if at % 2 else "") for at, part in enumerate(parts))), "  ")


def render_list(options: Options) -> str:
    """Every built-in loss with its one-line formula."""
    screen = Screen(options)
    for name, entry in BUILT_INS.items():
        screen.say(entry.formula, Text(name.ljust(max(map(len, BUILT_INS)) + 2), "bold"))
    return screen.text


def render_one(entry: BuiltIn, options: Options) -> str:
    """One built-in loss: formula, gradient and derivation."""
    screen = Screen(options)
    screen.say(entry.name, style="bold")
    screen.say(f"\n  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    screen.keep(Text(entry.derivation))  # it is laid out by hand
    return screen.text
