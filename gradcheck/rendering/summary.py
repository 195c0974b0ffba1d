"""Totals: one line for each batch size, class count and kind of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import JustifyMethod, RenderableType
from rich.text import Text

from gradcheck.rendering.columns import Column, fitted, without
from gradcheck.rendering.marks import duration, relative
from gradcheck.rendering.selection import grouped, kind
from gradcheck.rendering.view import VERDICT_STYLES, View
from gradcheck.report import BatchReport, Verdict


def summary(problems: Sequence[BatchReport], view: View) -> RenderableType:
    """A table of totals over the problems of each kind.

    Args:
        problems: at least one.
        view: where the full table does not fit, columns that say nothing go first (a count that is 0 in
            every line), then time and evaluations; never the wrong entries.
    """
    groups = grouped(problems, kind)

    def column(
        head: str, text: Callable[[list[BatchReport]], str], drop: int = 0, justify: JustifyMethod = "right"
    ) -> Column:
        return Column(head, [Text(text(group)) for group in groups], drop, justify)

    def count(head: str, verdict: Verdict, droppable: bool) -> Column:
        counts = [sum(problem.count(verdict) for problem in group) for group in groups]
        cells = [Text(f"{n:,}", VERDICT_STYLES[verdict if n else Verdict.OK]) for n in counts]
        return Column(head, cells, drop=2 if droppable and not any(counts) else 0)

    columns = [
        column("batch\nsize", lambda group: str(group[0].batch_size)),
        column("classes", lambda group: str(group[0].classes)),
        column("scores", lambda group: view.inert(group[0].scores), justify="left"),
        column("problems", lambda group: f"{len(group):,}", drop=1 if len(groups) == len(problems) else 0),
        column("entries", lambda group: f"{sum(problem.entries for problem in group):,}"),
        count("wrong", Verdict.WRONG, droppable=False),
        count("sub-\ngradient", Verdict.SUBGRADIENT, droppable=True),
        count("unre-\nsolved", Verdict.UNRESOLVED, droppable=True),
        column(
            "largest\nrel. error",
            lambda group: relative(max(problem.max_relative_error for problem in group)),
        ),
        column("evalu-\nations", lambda group: f"{sum(problem.evaluations for problem in group):,}", drop=4),
        column("time", lambda group: duration(sum(problem.seconds for problem in group)), drop=3),
    ]
    if len({problem.classes for problem in problems}) == 1:
        columns = [column for column in columns if column.head != "classes"]
    return fitted([without(columns, dropped) for dropped in range(5)], view)
