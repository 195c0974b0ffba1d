"""What ``explain``, ``list`` and ``show`` print: a page of ``page_texts`` for each code, and the built-in losses."""

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

_PARTS = "(?:What it means|How it happens|Wrong|Right|Here)\\b"
#: What one looks at, in the order in which a function is best looked through.
PLACES = (
    "what is returned", "state between calls", "a factor of dS", "the mean over rows", "the label's term",
    "one place in dS", "kinks", "another function", "numbers and scores",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """The explanation of a code: its usual severity, what one looks at in the code, and the whole page."""

    code: str
    severity: Severity
    place: str
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs after the heading, each on one line: what is wrong, then one for each of ``_PARTS``."""
        body = self.text.partition("\n")[2]
        return [" ".join(part.split()) for part in re.split(rf"\n+(?={_PARTS})", body.strip())]


def pages() -> tuple[Page, ...]:
    """Every page: by what one looks at, errors first, then by code."""
    found = []
    for file in (Path(__file__).parent / "page_texts").iterdir():
        text = file.read_text(encoding="utf-8")
        code, severity, place = re.split(r" \(|\): ", text.partition("\n")[0].removeprefix("# "))
        found.append(Page(code, cast("Severity", severity), place, text))
    severities = list(SEVERITY_STYLES)
    return tuple(sorted(found, key=lambda p: (PLACES.index(p.place), severities.index(p.severity), p.code)))


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
    """Every code with its severity and what it means, below what one looks at."""
    screen = Screen(options)
    wide, place = max(len(page.code) for page in pages()), ""
    for page in pages():
        if page.place != place:
            screen.say(f"{page.place}:", "\n" if place else "")
            place = page.place
        severity = (f"{page.severity:<7}", SEVERITY_STYLES[page.severity])
        screen.say(page.paragraphs[0], Text.assemble(("  " + page.code.ljust(wide), "bold"), "  ", severity, "  "))
    return screen.text


def render_page(page: Page, options: Options) -> str:
    """One page, wrapped to the width, but to no more than 120 columns: longer lines are hard to read."""
    screen = Screen(replace(options, width=min(options.width, Options.width)))
    show_page(page, screen)
    return screen.text


def show_page(page: Page, screen: Screen) -> None:
    """Print one page; without colour, code keeps the backticks that alone tell it from prose."""
    screen.say(f"{page.code} ({page.severity}): {page.place}", style=SEVERITY_STYLES[page.severity])
    for paragraph in page.paragraphs:
        if paragraph.startswith(("What", "Wrong")):
            screen.say()
        parts = re.split("`([^`]+)`", paragraph) if screen.options.color else [paragraph]
        shown = Text.assemble(*((part, "cyan" if at % 2 else "") for at, part in enumerate(parts)))
        if paragraph.startswith(("Wrong", "Right")):  # to be copied: never broken
            screen.keep(Text.assemble("  ", shown))
        else:
            screen.say(shown, "  ")


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
