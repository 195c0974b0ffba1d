"""One problem up close, and which of a loss's problems are."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.output import Options, remarks
from gradcheck.output.marks import UNICODE, counted, number, relative
from gradcheck.output.page.markup import SPACE, Html, joined, tag
from gradcheck.output.page.tables import worst_entries
from gradcheck.output.selection import Shown, gravity, selected, worst_of
from gradcheck.report import BatchReport, Verdict

#: So many problems of a loss are all shown; of more, those that a table in a terminal would show.
MOST_PROBLEMS = 24


def to_show(problems: Sequence[BatchReport], options: Options) -> list[Shown]:
    """The problems that the page shows up close, in the order in which they were checked."""
    if options.entries == "none" or options.quiet:
        return []
    if options.entries == "all" or len(problems) <= MOST_PROBLEMS:
        return [Shown(problem) for problem in problems]
    shown = selected(problems, options)
    kept = {id(each) for each in sorted(shown, key=lambda each: gravity(each.problem), reverse=True)[:MOST_PROBLEMS]}
    return [each for each in shown if id(each) in kept]


def problem(shown: Shown, place: int, grid: bool, is_open: bool, options: Options) -> Html:
    """One problem: its caption, and below it what is drawn of it and its worst entries.

    Args:
        shown: it.
        place: of its data among those of all problems.
        grid: there are data for a grid.
        is_open: without a click.
        options: how many of the worst entries.
    """
    of = shown.problem
    caption = tag("summary", *_caption(shown))
    facts = f"trial {of.trial}, value {number(of.value, 6)}, plan {of.plan}" if options.verbose else None
    return tag(
        "details",
        caption,
        tag("p", facts, class_="remark") if facts else None,
        joined(tag("p", line, class_="remark") for line in remarks.projections(of)),
        tag("noscript", tag("p", "The grid of all entries is drawn by the page's script.", class_="remark"))
        if grid
        else None,
        _no_grid(of) if not grid and of.verdicts is not None and options.entries != "worst" else None,
        tag("div", _worst(of, grid, options), class_="close-up") if grid or of.worst else None,
        class_="problem",
        id=identity(place),
        data_place=place,
        open=is_open,
    )


def identity(place: int) -> str:
    """The id of a problem's element."""
    return f"problem-{place + 1}"


def _caption(shown: Shown) -> list[str]:
    of = shown.problem
    parts = [f"{shown.stands_for} "] if shown.stands_for else []
    parts += [tag("strong", f"batch size {of.batch_size}"), f", {of.classes} classes, {of.scores}, seed {of.seed} "]
    told = [
        tag("span", f"{UNICODE.verdicts[verdict]} {count:,} {verdict.value}", class_=f"chip {verdict.value}")
        for verdict in (Verdict.WRONG, Verdict.UNRESOLVED, Verdict.SUBGRADIENT)
        if (count := of.count(verdict))
    ]
    if not of.wrong:
        told.append(tag("span", f"largest relative error {relative(of.max_relative_error)}", class_="quiet"))
    return [tag("span", *parts, class_="which"), tag("span", joined(told, SPACE), class_="told")]


def _no_grid(of: BatchReport) -> Html:
    return tag("p", f"A grid of {counted(of.entries, 'entry')} is too large for this page.", class_="remark")


def _worst(of: BatchReport, grid: bool, options: Options) -> Html | None:
    shown, more = worst_of(of, options)
    if not shown:
        return None
    title = "The worst entry" if len(shown) == 1 else f"The {len(shown)} worst entries"
    return tag(
        "details",
        tag("summary", title),
        worst_entries(shown, options.verbose),
        tag("p", f"and {counted(more, 'more wrong entry')}", class_="remark") if more else None,
        class_="worst",
        open=bool(of.wrong) or not grid,
    )
