"""Totals: one line for each batch size, class count and kind of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import JustifyMethod, RenderableType
from rich.text import Text

from gradcheck.output.columns import Column, fitted, without
from gradcheck.output.marks import duration, relative
from gradcheck.output.totals import Totals, totals_by_kind
from gradcheck.output.view import VERDICT_STYLES, View
from gradcheck.report import BatchReport, Verdict


def summary(problems: Sequence[BatchReport], view: View) -> RenderableType:
    """A table of totals over the problems of each kind.

    Args:
        problems: at least one.
        view: where the full table does not fit, columns that say nothing go first (a count that is 0 in
            every line), then time and evaluations; never the wrong entries.
    """
    lines = totals_by_kind(problems)

    def column(head: str, text: Callable[[Totals], str], drop: int = 0, justify: JustifyMethod = "right") -> Column:
        return Column(head, [Text(text(line)) for line in lines], drop, justify)

    def count(head: str, verdict: Verdict, droppable: bool) -> Column:
        counts = [line.count(verdict) for line in lines]
        cells = [Text(f"{n:,}", VERDICT_STYLES[verdict if n else Verdict.OK]) for n in counts]
        return Column(head, cells, drop=2 if droppable and not any(counts) else 0)

    columns = [
        column("batch\nsize", lambda line: str(line.first.batch_size)),
        column("classes", lambda line: str(line.first.classes)),
        column("scores", lambda line: view.inert(line.first.scores), justify="left"),
        column("problems", lambda line: f"{len(line.problems):,}", drop=1 if len(lines) == len(problems) else 0),
        column("entries", lambda line: f"{line.entries:,}"),
        count("wrong", Verdict.WRONG, droppable=False),
        count("sub-\ngradient", Verdict.SUBGRADIENT, droppable=True),
        count("unre-\nsolved", Verdict.UNRESOLVED, droppable=True),
        column("largest\nrel. error", lambda line: relative(line.max_relative_error)),
        column("evalu-\nations", lambda line: f"{line.evaluations:,}", drop=4),
        column("time", lambda line: duration(line.seconds), drop=3),
    ]
    if len({problem.classes for problem in problems}) == 1:
        columns = [column for column in columns if column.head != "classes"]
    return fitted([without(columns, dropped) for dropped in range(5)], view)
