"""Renderers: a Report in, text out, all of one shape. They word what the engine found, and compute no numerics."""

from collections.abc import Callable

from gradcheck.output import github, html, json_, junit, markdown, table
from gradcheck.output.text import Entries, Options
from gradcheck.report import Report

__all__ = ["FORMATS", "Entries", "Options"]


FORMATS: dict[str, Callable[[Report, Options], str]] = {
    "table": table.render,
    "json": json_.render,
    "junit": junit.render,
    "github": github.render,
    "html": html.render,
    "markdown": markdown.render,
}
