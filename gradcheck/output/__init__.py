"""Renderers: a Report in, text out, all of one shape. They word what the engine found, and compute no numerics."""

from __future__ import annotations

from collections.abc import Callable

from gradcheck.output import github, json_, markdown, table
from gradcheck.output.text import Entries, Options
from gradcheck.report import Report

__all__ = ["FORMATS", "Entries", "Options"]


def _junit(report: Report, options: Options) -> str:
    from gradcheck.output import junit  # xml, which the other formats do without

    return junit.render(report, options)


def _html(report: Report, options: Options) -> str:
    from gradcheck.output import html  # json and html, likewise

    return html.render(report, options)


FORMATS: dict[str, Callable[[Report, Options], str]] = {
    "table": table.render,
    "json": json_.render,
    "junit": _junit,
    "github": github.render,
    "html": _html,
    "markdown": markdown.render,
}
