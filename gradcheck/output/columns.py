"""Tables that never cut a number: columns are dropped, whole, until rich can draw the rest at its full width.

Left to itself rich would shrink every column a little, and put an ellipsis into numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD, Box
from rich.cells import cell_len
from rich.console import JustifyMethod, RenderableType
from rich.padding import Padding
from rich.segment import SegmentLines
from rich.table import Table
from rich.text import Text

from gradcheck.output.view import View

# Far wider than any table: what rich is told when it is asked for a table's natural width.
_UNBOUNDED = 1_000_000


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        head: its heading; may have several lines.
        cells: one for each row, of one line each.
        drop: 0 is never dropped; of the others the lowest goes first.
        justify: numbers to the right, words to the left.
    """

    head: str | Text
    cells: Sequence[str | Text]
    drop: int = 0
    justify: JustifyMethod = "right"


def drawn(columns: Sequence[Column], view: View, padding: int = 1) -> Padding:
    """These columns as a table, set wide (two blanks between them) or, without padding, narrow (one)."""
    table = Table(
        box=Box(str(SIMPLE_HEAD).replace("─", view.marks.rule)),
        padding=(0, padding),
        collapse_padding=True,
        show_edge=False,  # its upper and lower edges would be blank lines
        header_style="",
        border_style="dim",
    )
    for column in columns:
        table.add_column(column.head, justify=column.justify, no_wrap=True)
    # A column's cells as the lines of one: rich spends more on a cell than on a line.
    table.add_row(*(Text("\n").join(map(_text, column.cells)) for column in columns))
    return Padding(table, (0, 0, 0, 1))  # as wide as it may be: else rich measures every cell twice more


def natural_width(table: Padding, view: View) -> int:
    """The columns of a terminal that this table takes with nothing wrapped or cut."""
    return view.console.measure(table, options=view.console.options.update_width(_UNBOUNDED)).maximum


def without(columns: Sequence[Column], dropped: int) -> list[Column]:
    """The columns left when those up to this rank are dropped."""
    return [column for column in columns if column.drop == 0 or column.drop > dropped]


def fits(layouts: Iterable[Sequence[Column]], view: View) -> Padding | None:
    """The first of these layouts that the view holds, set wide if that fits, else narrow; or None."""
    for columns in layouts:
        for padding in (1, 0):
            table = drawn(columns, view, padding)
            if _at_most(columns, padding) <= view.width or natural_width(table, view) <= view.width:
                return table
    return None


def _at_most(columns: Sequence[Column], padding: int) -> int:
    """A width that these columns surely fit into. It saves rich from measuring every cell once more."""

    def width(column: Column) -> int:
        return max(cell_len(line) for cell in (column.head, *column.cells) for line in _text(cell).plain.split("\n"))

    return 2 + sum(width(column) + 2 * padding + 1 for column in columns)


def _text(cell: str | Text) -> Text:
    return Text(cell) if isinstance(cell, str) else cell


def fitted(layouts: Sequence[Sequence[Column]], view: View) -> RenderableType:
    """As ``fits``; where nothing fits, the last layout and wider than the view: a number is never cut."""
    table = fits(layouts, view)
    if table is not None:
        return table
    table = drawn(layouts[-1], view, padding=0)
    wide = view.console.options.update_width(natural_width(table, view))
    return SegmentLines(view.console.render_lines(table, wide), new_lines=True)
