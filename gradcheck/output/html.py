"""The report as one page for a browser: ``report.html`` with the JSON report inside, which its script draws."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

from gradcheck.output import table
from gradcheck.output.json_ import as_data
from gradcheck.output.pages import pages
from gradcheck.output.summary import sentences
from gradcheck.output.text import Options, escape_control, legible
from gradcheck.report import Report


def render(report: Report, options: Options) -> str:
    """A report as an HTML document in ASCII that needs no other file and no network; no option matters."""
    data = as_data(report, legible)
    codes = {finding["code"] for loss in data["losses"] for finding in loss["findings"]}
    data["pages"] = {each.code: each.paragraphs for each in pages() if each.code in codes}
    named = report.losses[0].target if len(report.losses) == 1 else f"{len(report.losses)} losses"
    last = sentences(report)[-1]
    content = json.dumps(data, allow_nan=False, separators=(",", ":"))
    parts = {
        "title": html.escape(legible(f"{last.verdict}: {named[:200]} - gradcheck")),
        "summary": html.escape(legible(str(last))),
        # In ASCII, and without what could end the element it stands in.
        "report": re.sub("[<>&]", lambda sign: f"\\u{ord(sign[0]):04x}", content),
    }
    page = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    filled = re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], page)
    return filled.encode("ascii", "xmlcharrefreplace").decode("ascii")


@dataclass(frozen=True, eq=False, repr=False)
class NotebookReport(Report):
    """A report as ``check`` and ``check_at`` return it: its text is the terminal's; a notebook shows it as a page."""

    def __str__(self) -> str:
        return table.render(self, Options(width=100)).rstrip("\n")

    def __repr__(self) -> str:
        return f"<Report: {escape_control(str(sentences(self)[-1]))}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither page nor notebook changes the other's style."""
        page = html.escape(render(self, Options()), quote=True)
        return f'<iframe title="gradcheck" srcdoc="{page}" width="100%" height="640" style="border:0"></iframe>'
