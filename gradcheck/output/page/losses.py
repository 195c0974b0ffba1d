"""One loss: its verdict in words, findings, smallest case, totals, and its problems up close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.output import Options, remarks
from gradcheck.output.marks import place_of
from gradcheck.output.page.findings import command, error, findings, smallest_case
from gradcheck.output.page.markup import Html, joined, tag, text
from gradcheck.output.page.problems import identity, problem
from gradcheck.output.page.tables import totals
from gradcheck.output.selection import Shown, gravity
from gradcheck.output.words import Sentence
from gradcheck.report import LossReport

#: The sign beside the verdict in words, and what colours it.
WORDS = {
    "right": ("\N{CHECK MARK}", "good"),
    "right so far": ("\N{CHECK MARK}", "doubt"),
    "unresolved": ("?", "doubt"),
    "interrupted": ("!", "doubt"),
    "out of time": ("!", "doubt"),
    "not checked": ("!", "bad"),
    "wrong": ("\N{BALLOT X}", "bad"),
    "failed": ("\N{BALLOT X}", "bad"),
}


@dataclass(frozen=True)
class Room:
    """What the page shows of one loss.

    Attributes:
        number: of the loss, from 1.
        shown: its problems up close.
        first: the place of the first of them among those of all losses.
        grids: the places of the problems with a grid.
        is_open: the worst of its problems can be seen without a click.
    """

    number: int
    shown: Sequence[Shown]
    first: int
    grids: set[int]
    is_open: bool


def loss(of: LossReport, sentence: Sentence | None, room: Room, options: Options) -> Html:
    """A section of the page.

    Args:
        of: the loss.
        sentence: its verdict; None where that is said already.
        room: what is shown of it.
        options: how much.
    """
    found = [each for each in of.findings if each.severity == "error"] if options.quiet else of.findings
    name = f"loss-{room.number}"
    return tag(
        "section",
        _heading(of, name),
        None if sentence is None else verdict(sentence, of.target, "p"),
        error(of.error) if of.error else None,
        findings(found),
        None if options.quiet else smallest_case(of.smallest_case, room.number),
        None if options.quiet else _problems(of, room, options),
        class_="loss",
        id=name,
        aria_labelledby=f"{name}-name",
    )


def verdict(sentence: Sentence, target: str, element: str) -> Html:
    """The verdict in words, the target in it set as code."""
    sign, class_ = WORDS[sentence.word]
    before, named, after = sentence.rest.partition(target) if target else (sentence.rest, "", "")
    return tag(
        element,
        tag("strong", tag("span", sign, class_="sign", aria_hidden="true"), sentence.word, class_=f"word {class_}"),
        " ",
        tag("span", before, tag("code", text(named, 300)) if named else None, after, class_="rest"),
        class_="verdict",
    )


def _heading(of: LossReport, name: str) -> Html:
    title = tag("h2", tag("code", of.target), id=f"{name}-name")
    facts = [of.framework] if of.framework != "numpy" else []
    facts += [] if of.file is None else [place_of(of.file, of.line)]
    return tag("header", title, tag("p", ", ".join(facts), class_="place") if facts else None)


def _problems(of: LossReport, room: Room, options: Options) -> Html:
    places = {id(each.problem): room.first + at for at, each in enumerate(room.shown)}
    worst = max((each.problem for each in room.shown), key=gravity, default=None)
    shown = joined(
        problem(each, place, place in room.grids, room.is_open and each.problem is worst, options)
        for place, each in enumerate(room.shown, room.first)
    )
    more = len(of.batches) - len(room.shown)
    return joined(
        [
            _totals(of, {key: identity(place) for key, place in places.items()}) if of.batches else None,
            tag("p", remarks.unchecked(of), class_="remark doubt") if of.unchecked and not of.error else None,
            command(of.rerun, bool(of.batches), room.number),
            _up_close(shown, len(room.shown), more) if room.shown else None,
        ]
    )


def _totals(of: LossReport, links: dict[int, str]) -> Html:
    notes = [*remarks.plans(of.batches), *remarks.references(of.batches)]
    return tag(
        "section",
        tag("h3", "Problems"),
        totals(of.batches, links),
        joined(tag("p", line, class_="remark") for line in notes),
    )


def _up_close(shown: Html, count: int, more: int) -> Html:
    told = f"{count:,} of {count + more:,} problems are shown." if more else None
    return tag(
        "section",
        tag("h3", "Entries"),
        tag("p", told, class_="remark") if told else None,
        shown,
        class_="entries",
    )
