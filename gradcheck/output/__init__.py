"""Renderers: a Report in, text out, all of one shape. They word what the engine found, and compute no numerics."""

from __future__ import annotations

from collections.abc import Callable

from gradcheck.output import table
from gradcheck.output.text import Entries, Options
from gradcheck.report import Report

__all__ = ["FORMATS", "Entries", "Options"]


# The other formats are imported where they are asked for.


def _json(report: Report, options: Options) -> str:
    from gradcheck.output import json_

    return json_.render(report, options)


def _github(report: Report, options: Options) -> str:
    from gradcheck.output import github

    return github.render(report, options)


def _markdown(report: Report, options: Options) -> str:
    from gradcheck.output import markdown

    return markdown.render(report, options)


def _junit(report: Report, options: Options) -> str:
    from gradcheck.output import junit

    return junit.render(report, options)


def _html(report: Report, options: Options) -> str:
    from gradcheck.output import html

    return html.render(report, options)


FORMATS: dict[str, Callable[[Report, Options], str]] = {
    "table": table.render,
    "json": _json,
    "junit": _junit,
    "github": _github,
    "html": _html,
    "markdown": _markdown,
}
