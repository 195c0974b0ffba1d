"""A report that a notebook shows as a page."""

from __future__ import annotations

import html
from dataclasses import dataclass, fields

from gradcheck.output.html import render
from gradcheck.output.options import Options
from gradcheck.report import Report

_HEIGHT = 640  # pixels; what is longer scrolls inside


@dataclass(frozen=True, eq=False)
class NotebookReport(Report):
    """A report as ``check`` and ``check_at`` return it; a notebook shows it as ``--format html`` does."""

    @classmethod
    def of(cls, report: Report) -> NotebookReport:
        """The same report."""
        return cls(**{field.name: getattr(report, field.name) for field in fields(report)})

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither page nor notebook changes the other's style."""
        page = html.escape(render(self, Options()), quote=True)
        return f'<iframe title="gradcheck" srcdoc="{page}" width="100%" height="{_HEIGHT}" style="border:0"></iframe>'
