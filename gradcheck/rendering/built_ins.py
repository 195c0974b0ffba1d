"""The built-in losses as text: the list, and one with its derivation."""

from __future__ import annotations

from gradcheck.losses import BUILT_INS, BuiltIn


def render_list(width: int, color: bool) -> str:
    """Every built-in with its one-line formula.

    Args:
        width: columns.
        color: write ANSI codes.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for entry in BUILT_INS.values():
        table.add_row(Text(entry.name), Text(entry.formula))
    return _printed(table, width, color)


def render_one(entry: BuiltIn, width: int, color: bool) -> str:
    """One built-in: formula, gradient and derivation.

    Args:
        entry: of ``BUILT_INS``.
        width: columns.
        color: write ANSI codes.
    """
    from rich.console import Group
    from rich.text import Text

    head = Text.assemble((entry.name, "bold"), "\n\n")
    head.append(f"  L       = {entry.formula}\n  dL/ds_j = {entry.gradient}\n")
    # The derivation is laid out by hand: its lines must not be wrapped anew.
    return _printed(Group(head, Text(entry.derivation, no_wrap=True, overflow="ignore")), width, color)


def _printed(thing: object, width: int, color: bool) -> str:
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    console.print(thing, crop=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
