"""Two reports beside each other, as a table."""

from __future__ import annotations

from rich.text import Text

from gradcheck.output import Options
from gradcheck.output.comparing import DIRECTIONS, Change, Comparison
from gradcheck.output.marks import counted
from gradcheck.output.shortening import in_short
from gradcheck.output.view import View, view_of

_STYLES = {"worse": "bold red", "better": "green", "gone": "yellow", "new": "cyan"}


def render(comparison: Comparison, options: Options) -> str:
    """What got better and what worse, and the verdict in words, as text that ends with a newline.

    Args:
        comparison: of two reports.
        options: width, colour and ASCII count; ``quiet`` leaves the verdict alone.
    """
    view = view_of(options)
    if not options.quiet:
        for change in comparison.changes:
            for line in _lines(change, view):
                view.console.print(line)
            view.console.print()
    view.console.print(_sentence(comparison))
    return view.printed


def _lines(change: Change, view: View) -> list[Text]:
    head = Text(overflow="fold").append(f"{change.direction}: ", _STYLES[change.direction])
    head.append(view.inert(in_short(change.target)), "bold")
    if change.where:
        head.append(f", {view.inert(change.where)}")
    told = [(word, text) for word, text in (("before", change.before), ("after", change.after)) if text]
    lines = [Text(f"  {word:<6}  {view.inert(in_short(text))}", overflow="fold") for word, text in told]
    return [head, *lines]


def _sentence(comparison: Comparison) -> Text:
    counts = {
        direction: sum(change.direction == direction for change in comparison.changes) for direction in DIRECTIONS
    }
    word = "worse" if counts["worse"] else "better" if counts["better"] else "the same"
    parts = [f"{count:,} {direction}" for direction, count in counts.items() if count]
    of = f"{counted(comparison.losses, 'loss')} and {counted(comparison.problems, 'problem')} in both reports"
    return Text.assemble((word, _STYLES.get(word, "bold green")), f": {', '.join([*parts, of])}", overflow="fold")
