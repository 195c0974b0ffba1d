"""Tables of numbers for the terminal: the worst entries of a problem, and the totals of a loss."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from gradcheck.output.screen import VERDICT_STYLES, Screen
from gradcheck.output.summary import totals_by_kind
from gradcheck.output.text import SIGNS, derivatives, digits_of, duration, number, relative
from gradcheck.report import BatchReport, Entry, Verdict

_STYLES = {
    "wrong": VERDICT_STYLES[Verdict.WRONG],
    "kinks": VERDICT_STYLES[Verdict.SUBGRADIENT],
    "unresolved": VERDICT_STYLES[Verdict.UNRESOLVED],
}


def worst_entries(entries: Sequence[Entry], screen: Screen) -> None:
    """A line for each of these entries; where it is verbose, with what else is known of them."""
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
        if screen.options.verbose:
            row |= {"plain": number(entry.plain, digits_of(entry)), "step": relative(entry.step)}
            by_complex = entry.central is not None
            row["reference"] = entry.reference if by_complex else ""
            row["central"] = number(entry.central, digits_of(entry)) if entry.central is not None else ""
        rows.append(row | {"error": relative(entry.relative_error)})
    ends = [Text(screen.signs(f"  {SIGNS[e.verdict]} {e.verdict.value}"), VERDICT_STYLES[e.verdict]) for e in entries]
    _draw(rows, ("score", "label", "bound", "step", "reference", "plain", "central"), screen, ends)


def totals(problems: Sequence[BatchReport], screen: Screen) -> None:
    """A line for each batch size, number of classes and kind of scores."""
    several = len({problem.classes for problem in problems}) > 1
    rows = [
        {
            "N": f"{N}",
            "C": f"{C}" if several else "",
            "scores": screen.escape(scores),
            "problems": f"{total.problems:,}",
            "entries": f"{total.entries:,}",
            "wrong": f"{total.wrong:,}",
            "kinks": f"{total.subgradient:,}",
            "unresolved": f"{total.unresolved:,}",
            "error": relative(total.max_relative_error),
            "calls": f"{total.evaluations:,}",
            "time": duration(total.seconds),
        }
        for (N, C, scores), total in totals_by_kind(problems).items()
    ]
    _draw(rows, ("problems", "time", "calls"), screen, [Text()] * len(rows))


def _draw(rows: Sequence[dict[str, str]], less_needed: Sequence[str], screen: Screen, ends: Sequence[Text]) -> None:
    """Print a table. Columns are left out where all is blank, and, in this order, until it fits; no number is cut."""
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in rows[0] if any(r[head] for r in rows)}
    end = max(text.cell_len for text in ends)
    for head in less_needed:
        if sum(widths.values()) + 2 * len(widths) - 2 + end > screen.width:
            widths.pop(head, None)
    screen.keep(Text("  ".join(head.rjust(wide) for head, wide in widths.items()), "dim"))
    for row, text in zip(rows, ends, strict=True):
        cells = [Text(row[h].rjust(wide), _STYLES.get(h, "") if row[h] != "0" else "") for h, wide in widths.items()]
        screen.keep(Text("  ").join(cells).append_text(text))
