"""A picture of the table, as a README shows it."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.output import Options
from gradcheck.output.table import show
from gradcheck.output.view import view_of
from gradcheck.report import Report


def to_svg(report: Report, options: Options, title: str) -> str:
    """The table of this report in a drawn terminal window with this title, in colour."""
    picture = view_of(replace(options, color=True), record=True)
    show(report, picture)
    return picture.console.export_svg(title=picture.inert(title))
