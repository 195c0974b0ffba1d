"""Tables of numbers, as text by column, and as a terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.summary import totals_by_kind
from gradcheck.output.text import SIGNS, derivatives, digits_of, number, relative
from gradcheck.report import BatchReport, Entry

Row = dict[str, str]

#: Columns that a narrow terminal does without, the first ones first.
_OPTIONAL = ("problems", "time", "calls", "score", "label", "bound", "step", "reference", "plain", "central")


def totals(problems: Sequence[BatchReport]) -> list[Row]:
    """A row for each batch size, number of classes and kind of scores."""
    return [
        {
            "N": f"{N}",
            "C": f"{C}",
            "scores": scores,
            "problems": f"{total.problems:,}",
            "entries": f"{total.entries:,}",
            "wrong": f"{total.wrong:,}",
            "kinks": f"{total.subgradient:,}",
            "unresolved": f"{total.unresolved:,}",
            "error": relative(total.max_relative_error),
            "calls": f"{total.evaluations:,}",
            "time": f"{total.seconds:.2f} s",
        }
        for (N, C, scores), total in totals_by_kind(problems).items()
    ]


def worst_entries(entries: Sequence[Entry], full: bool = False) -> list[Row]:
    """A row for each of these entries; ``full`` adds the plain difference, its step and the reference."""
    rows = []
    for entry in entries:
        analytic, numerical = derivatives(entry)
        row = {
            "row": f"{entry.row}",
            "class": f"{entry.class_}",
            "label": "" if entry.label is None else f"{entry.label}",
            "score": number(entry.score),
            "dS": analytic,
            "numerical": numerical,
            "bound": relative(entry.bound),
        }
        if full:
            row |= {"plain": number(entry.plain, digits_of(entry)), "step": relative(entry.step)}
            if any(each.central is not None for each in entries):
                central = entry.numerical if entry.central is None else entry.central
                row |= {"reference": entry.reference, "central": number(central, digits_of(entry))}
        verdict = f"{SIGNS[entry.verdict]} {entry.verdict.value}"
        rows.append(row | {"error": relative(entry.relative_error), "verdict": verdict})
    return rows


def draw(rows: Sequence[Row], screen: Screen, styles: Sequence[str] = ()) -> None:
    """Print a table without blank columns, nor those it can do without where the width asks for it; no number is cut.

    ``styles`` are those of the last cell of each row.
    """
    rows = [{head: screen.escape(text) if head == "scores" else text for head, text in row.items()} for row in rows]
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in rows[0] if any(r[head] for r in rows)}
    for head in _OPTIONAL:
        if sum(widths.values()) + 2 * len(widths) - 2 > screen.width:
            widths.pop(head, None)
    screen.keep(Text("  ".join(head.rjust(wide) for head, wide in widths.items()), "dim"))
    for row, style in zip(rows, styles or [""] * len(rows), strict=True):
        *cells, (last, wide) = ((row[head], wide) for head, wide in widths.items())
        line = Text("".join(f"{text.rjust(wide)}  " for text, wide in cells))
        screen.keep(line.append(last.ljust(wide) if styles else last.rjust(wide), style))


def draw_entries(entries: Sequence[Entry], screen: Screen) -> None:
    """Print a table of entries, each verdict in its colour."""
    draw(worst_entries(entries, screen.options.full), screen, [VERDICT_STYLES[entry.verdict] for entry in entries])
