"""The pages of ``gradcheck explain``: one for each code of a finding, a file of Markdown in ``page_texts``.

A file that stands there is found; no other place names it. It begins

    # missing-mean (error)

    What the code means, in one sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, cast

from gradcheck.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from gradcheck.report import Severity

_SEVERITIES = ("error", "warning", "note")
_HEAD = re.compile(r"# (?P<code>[a-z0-9-]+) \((?P<severity>error|warning|note)\)\n\n(?P<title>.+?)\n\n", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """What there is to say of a code.

    Attributes:
        code: of the finding, for example ``missing-mean``.
        severity: of the finding, where nothing like ``--like`` raises it.
        title: what the code means, in one line.
        text: the whole page, Markdown.
    """

    code: str
    severity: Severity
    title: str
    text: str


def pages() -> tuple[Page, ...]:
    """Every page: errors, then warnings, then notes; each by code, as a dictionary has them.

    Example:
        >>> [each.code for each in pages() if each.severity == "note"]
        ['constant-offset', 'sum-over-rows']
    """
    read = (_read(file) for file in _files().values())
    return tuple(sorted(read, key=lambda page: (_SEVERITIES.index(page.severity), page.code)))


def page(code: str) -> Page:
    """The page of one code.

    Args:
        code: as a finding has it; case and underscores do not count.

    Raises:
        UsageError: there is no such code; it names the nearest.

    Example:
        >>> page("sign-flipped").title
        'dS is minus the gradient of the value.'
    """
    there = _files()
    file = there.get(code.lower().replace("_", "-"))
    if file is None:
        hint = f"{did_you_mean(code, there)} `gradcheck explain` lists all".strip()
        raise UsageError(f"{code!r}: no finding has this code", hint=hint)
    return _read(file)


def _files() -> dict[str, Traversable]:
    folder = files("gradcheck.diagnosis").joinpath("page_texts")
    return {file.name.removesuffix(".md"): file for file in folder.iterdir() if file.name.endswith(".md")}


def _read(file: Traversable) -> Page:
    text = file.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    assert head is not None, f"{file.name} does not begin as a page does"
    severity = cast("Severity", head["severity"])
    return Page(head["code"], severity, " ".join(head["title"].split()), text)
