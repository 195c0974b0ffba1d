"""Renderers: a Report in, text out. They lay out and word what the engine found, and compute no numerics.

``FORMATS`` is the registry. Each renderer is imported when it is first used, so that neither a library
user nor another format pays for rich.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gradcheck.report import Report

Entries = Literal["auto", "all", "worst", "none"]


@dataclass(frozen=True)
class Options:
    """How a report is to look; a format ignores what does not concern it.

    Attributes:
        width: columns to fill; None is 120, what a log or a file holds well.
        height: lines of the terminal; None where there is none.
        color: write ANSI colour codes.
        entries: ``auto`` shows a grid where it fits and the worst entries elsewhere, ``all`` the whole grid
            of every problem, ``worst`` the worst entries only, ``none`` neither.
        verbose: also the plain difference and its step, and every worst entry.
        quiet: only the verdict in words, and errors.
        worst: entries that are shown of a problem without a grid, unless verbose.
        explain: below the findings, also the pages of their codes.
        ascii: nothing beyond ASCII, for an output whose encoding is not UTF-8.
    """

    width: int | None = None
    height: int | None = None
    color: bool = False
    entries: Entries = "auto"
    verbose: bool = False
    quiet: bool = False
    ascii: bool = False
    worst: int = 10
    explain: bool = False


Renderer = Callable[[Report, Options], str]


def _in(module: str) -> Renderer:
    """The renderer in a module, which is imported when it is first used."""

    def render(report: Report, options: Options) -> str:
        renderer: Renderer = importlib.import_module(f"gradcheck.output.{module}").render
        return renderer(report, options)

    return render


FORMATS: dict[str, Renderer] = {
    "table": _in("table"),
    "json": _in("json_"),
    "junit": _in("junit"),
    "github": _in("github"),
    "html": _in("html"),
    "markdown": _in("markdown"),
}
