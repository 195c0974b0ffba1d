"""The pages of ``gradcheck explain``: a file of Markdown in ``page_texts`` for each code of a finding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

from gradcheck.errors import UsageError, did_you_mean
from gradcheck.report import Severity

_SEVERITIES = ("error", "warning", "note")
_HEAD = re.compile(r"# (?P<code>[a-z0-9-]+) \((?P<severity>error|warning|note)\)\n\n(?P<title>.+?)\n\n")


@dataclass(frozen=True)
class Page:
    """The explanation of a code.

    Attributes:
        code: of a finding, for example ``missing-mean``.
        severity: of the finding, unless an option such as ``--like`` raises it.
        title: what the code means, in one line.
        text: the whole page, Markdown.
    """

    code: str
    severity: Severity
    title: str
    text: str


def pages() -> tuple[Page, ...]:
    """Every page: errors, then warnings, then notes; each by code.

    Example:
        >>> [each.code for each in pages() if each.severity == "note"]
        ['constant-offset', 'sum-over-rows']
    """
    return tuple(sorted(map(_read, _files().values()), key=lambda page: (_SEVERITIES.index(page.severity), page.code)))


def page(code: str) -> Page:
    """The page of a code; case does not matter, and ``_`` equals ``-``.

    Raises:
        UsageError: there is no such code; the message names the nearest.

    Example:
        >>> page("sign-flipped").title
        'dS is minus the gradient of the value.'
    """
    known = _files()
    file = known.get(code.lower().replace("_", "-"))
    if file is None:
        hint = f"{did_you_mean(code, known)} `gradcheck explain` lists all".strip()
        raise UsageError(f"{code!r}: no finding has this code", hint=hint)
    return _read(file)


def _files() -> dict[str, Traversable]:
    folder = files("gradcheck.output") / "page_texts"
    return {file.name.removesuffix(".md"): file for file in folder.iterdir() if file.name.endswith(".md")}


def _read(file: Traversable) -> Page:
    text = file.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    assert head is not None, f"{file.name} does not begin as a page does"
    return Page(head["code"], cast("Severity", head["severity"]), head["title"], text)
