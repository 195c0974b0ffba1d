"""Findings, the smallest failing case and commands: what a reader of the page is to read, and to copy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck.output.marks import UNICODE
from gradcheck.output.page.explanations import explanation
from gradcheck.output.page.markup import Html, joined, lines, tag
from gradcheck.output.shortening import MOST_LINES
from gradcheck.report import Finding, Severity, SmallestCase

# A snippet and a command are to be copied whole; this is only so that nothing can swamp the page.
_MOST_OF_A_SNIPPET = 400
_LONGEST_TO_COPY = 20_000

_BACKTICKS = re.compile(r"`([^`\n]+)`")


def findings(found: Sequence[Finding]) -> Html:
    """All findings of a loss, the leading one first; nothing where there is none."""
    return joined(_finding(each, leads=at == 0) for at, each in enumerate(found))


def error(why: str) -> Html:
    """Why a loss could not be checked at all."""
    head = tag("h3", _sign("error"), "could not be checked")
    return tag("article", head, tag("pre", lines(why, MOST_LINES)), class_="finding error leading")


def smallest_case(case: SmallestCase | None, number: int) -> Html | None:
    """The smallest case that a loss fails at, to copy; nothing where there is none.

    Args:
        case: it.
        number: of the loss, for an id that the page has once.
    """
    if case is None:
        return None
    return tag(
        "section",
        tag("h3", "The smallest case that fails"),
        _to_copy("smallest", case.snippet, number, "copy the smallest case"),
        class_="smallest",
    )


def command(line: str, repeats_a_problem: bool, number: int) -> Html | None:
    """The command that checks again, to copy; nothing where there is none."""
    if not line:
        return None
    title = "Check the worst problem again" if repeats_a_problem else "Check it again"
    return tag("section", tag("h3", title), _to_copy("again", line, number, "copy the command"), class_="again")


def _finding(found: Finding, leads: bool) -> Html:
    head = tag("h3", _sign(found.severity), found.severity, ": ", tag("code", found.code))
    arrow = tag("span", UNICODE.hint, class_="arrow", aria_hidden="true")
    return tag(
        "article",
        head,
        tag("div", _prose(found.message), class_="message"),
        tag("div", arrow, tag("span", _prose(found.hint)), class_="hint") if found.hint else None,
        tag("pre", lines(found.details, MOST_LINES), class_="trace", tabindex=0) if found.details else None,
        explanation(found.code),
        class_=f"finding {found.severity}" + (" leading" if leads else ""),
    )


def _prose(several: str) -> Html:
    """A message or a hint, with what stands between backticks set as code."""
    return Html(_BACKTICKS.sub(r"<code>\1</code>", lines(several, MOST_LINES)))


def _sign(severity: Severity) -> Html:
    return tag("span", UNICODE.severities[severity], class_="sign", aria_hidden="true")


def _to_copy(kind: str, content: str, number: int, label: str) -> Html:
    shown = lines(content, _MOST_OF_A_SNIPPET, _LONGEST_TO_COPY)
    identity = f"{kind}-{number}"
    return tag(
        "div",
        tag("pre", tag("code", shown, id=identity), tabindex=0),
        tag("button", "Copy", type="button", hidden=True, data_copies=identity, aria_label=label),
        class_="to-copy",
    )
