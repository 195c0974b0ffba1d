"""The built-in losses as text: the list, and one with its derivation."""

from __future__ import annotations

from rich.text import Text

from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output.options import Options
from gradcheck.output.screen import Screen


def render_list(options: Options) -> str:
    """Every built-in with its one-line formula.

    Args:
        options: width and colour; the others do not matter.
    """
    screen = Screen(options)
    wide = max(map(len, BUILT_INS)) + 2
    for entry in BUILT_INS.values():
        screen.say(entry.formula, Text(entry.name.ljust(wide), "bold"))
    return screen.text


def render_one(entry: BuiltIn, options: Options) -> str:
    """One built-in: formula, gradient and derivation.

    Args:
        entry: of ``BUILT_INS``.
        options: width and colour; the others do not matter.
    """
    screen = Screen(options)
    screen.say(entry.name, style="bold")
    screen.say(f"\n  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    for line in entry.derivation.split("\n"):  # it is laid out by hand
        screen.keep(line)
    return screen.text
