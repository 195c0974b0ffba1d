"""The built-in losses as text: the list, and one with its derivation."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gradcheck.losses import BUILT_INS, BuiltIn
from gradcheck.output import Options
from gradcheck.output.view import view_of


def render_list(options: Options) -> str:
    """Every built-in with its one-line formula.

    Args:
        options: width and colour; the others do not matter.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for entry in BUILT_INS.values():
        table.add_row(Text(entry.name), Text(entry.formula))
    return _printed(table, options)


def render_one(entry: BuiltIn, options: Options) -> str:
    """One built-in: formula, gradient and derivation.

    Args:
        entry: of ``BUILT_INS``.
        options: width and colour; the others do not matter.
    """
    head = Text.assemble((entry.name, "bold"), "\n\n")
    head.append(f"  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    # The derivation is laid out by hand: its lines must not be wrapped anew.
    return _printed(Group(head, Text(entry.derivation, no_wrap=True, overflow="ignore")), options)


def _printed(thing: RenderableType, options: Options) -> str:
    view = view_of(options)
    view.console.print(thing, crop=False)
    return view.printed
