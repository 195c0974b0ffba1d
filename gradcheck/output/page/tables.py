"""Plain tables: totals over the problems of a loss, and the worst entries of one problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gradcheck.output.marks import UNICODE, digits_of, duration, number, relative
from gradcheck.output.page.markup import Html, joined, tag
from gradcheck.output.selection import gravity
from gradcheck.output.totals import Totals, totals_by_kind
from gradcheck.report import BatchReport, Entry, Verdict

#: The numbers of an entry, by the names under which the page shows them.
NUMBERS = (
    "score",
    "analytic",
    "numerical",
    "bound",
    "relative error",
    "plain difference",
    "step",
    "central difference",
)


def numbers(entry: Entry) -> tuple[str, ...]:
    """Every number of an entry as text, in the order of ``NUMBERS``; the last is empty where it says nothing new.

    Of a wrong entry, analytic and numerical have the digits that it takes to tell them apart.
    """
    digits = digits_of(entry)
    return (
        number(entry.score),
        number(entry.analytic, digits),
        number(entry.numerical, digits),
        relative(entry.bound),
        relative(entry.relative_error),
        number(entry.plain, digits),
        relative(entry.step),
        "" if entry.central is None else number(entry.central, digits),
    )


def totals(problems: Sequence[BatchReport], links: Mapping[int, str]) -> Html:
    """A line of totals over the problems of each batch size, class count and kind of scores.

    Args:
        problems: at least one.
        links: from a problem's ``id()`` to the id of its element on the page, for those that are shown.
    """
    lines, whole = totals_by_kind(problems), Totals(problems)

    def linked(line: Totals) -> Html | str:
        shown = [problem for problem in line.problems if id(problem) in links]
        size = str(line.first.batch_size)
        return tag("a", size, href=f"#{links[id(max(shown, key=gravity))]}") if shown else size

    Column = tuple[str, Callable[[Totals], str], bool]
    columns: list[Column] = [
        ("batch size", linked, True),
        ("classes", lambda line: str(line.first.classes), len({problem.classes for problem in problems}) > 1),
        ("scores", lambda line: line.first.scores, True),
        ("problems", lambda line: f"{len(line.problems):,}", len(lines) < len(problems)),
        ("entries", lambda line: f"{line.entries:,}", True),
        ("wrong", lambda line: _count(line, Verdict.WRONG), True),
        ("subgradient", lambda line: _count(line, Verdict.SUBGRADIENT), whole.count(Verdict.SUBGRADIENT) > 0),
        ("unresolved", lambda line: _count(line, Verdict.UNRESOLVED), whole.count(Verdict.UNRESOLVED) > 0),
        ("largest rel. error", lambda line: relative(line.max_relative_error), True),
        ("evaluations", lambda line: f"{line.evaluations:,}", True),
        ("time", lambda line: duration(line.seconds), True),
    ]
    said = [(name, text) for name, text, says_something in columns if says_something]
    rows = [[text(line) for _, text in said] for line in lines]
    return _table([name for name, _ in said], rows, "Totals of the problems", words={"scores"})


def worst_entries(entries: Sequence[Entry], verbose: bool) -> Html:
    """At least one entry, one a line.

    Args:
        entries: in this order.
        verbose: also the plain difference and its step.
    """
    shown = [name for name in NUMBERS if verbose or name not in ("plain difference", "step", "central difference")]
    labelled = any(entry.label is not None for entry in entries)

    def row(entry: Entry) -> list[str]:
        known = dict(zip(NUMBERS, numbers(entry), strict=True))
        place = [str(entry.row), str(entry.class_)]
        label = ["" if entry.label is None else str(entry.label)] if labelled else []
        return [*place, *label, *(known[name] for name in shown), verdict(entry.verdict)]

    names = ["row", "class", *(["label"] if labelled else []), *shown, "verdict"]
    return _table(names, [row(entry) for entry in entries], "The worst entries", words={"verdict"})


def verdict(of: Verdict) -> Html:
    """A verdict with its sign."""
    sign = UNICODE.verdicts[of].strip()
    return tag(
        "span", tag("span", sign, class_="sign", aria_hidden="true") if sign else None, of.value, class_=of.value
    )


def _count(line: Totals, of: Verdict) -> Html:
    count = line.count(of)
    return tag("span", f"{count:,}", class_=of.value if count else "none")


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], label: str, words: set[str]) -> Html:
    """A table that scrolls in itself; columns of ``words`` are set to the left."""
    classes = ["word" if name in words else None for name in names]
    head = tag(
        "tr", *(tag("th", name, scope="col", class_=class_) for name, class_ in zip(names, classes, strict=True))
    )
    body = joined(
        tag("tr", *(tag("td", cell, class_=class_) for cell, class_ in zip(row, classes, strict=True))) for row in rows
    )
    table = tag("table", tag("thead", head), tag("tbody", body))
    return tag("div", table, class_="scroll", role="region", aria_label=label, tabindex=0)
