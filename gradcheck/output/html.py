"""The report as one page for a browser: ``report.html`` with the JSON report inside, which its script draws."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from gradcheck.output.json_ import as_data
from gradcheck.output.options import Options
from gradcheck.output.pages import pages
from gradcheck.output.summary import sentences, severity_key
from gradcheck.output.text import escape_control, shorten
from gradcheck.report import Report

#: Entries of all grids together; beyond, the grids of the less severe problems are left out.
MOST_CELLS = 120_000


def render(report: Report, options: Options) -> str:
    """A report as an HTML document in ASCII that needs no other file and no network; no option matters."""
    data = as_data(report, _text)
    _bound_grids(report, data)
    codes = {finding["code"] for loss in data["losses"] for finding in loss["findings"]}
    explained = [each for each in pages() if each.code in codes]
    data["pages"] = {each.code: {"title": each.title, "paragraphs": each.paragraphs[1:]} for each in explained}
    named = report.losses[0].target if len(report.losses) == 1 else f"{len(report.losses)} losses"
    last = sentences(report)[-1]
    content = json.dumps(data, allow_nan=False, separators=(",", ":"))
    parts = {
        "title": html.escape(_text(f"{last.word}: {named[:200]} - gradcheck")),
        "policy": _policy(),
        "summary": html.escape(_text(str(last))),
        # In ASCII, and without what could end the element it stands in.
        "report": re.sub("[<>&]", lambda sign: f"\\u{ord(sign[0]):04x}", content),
    }
    filled = re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _page())
    return filled.encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _page() -> str:
    return files("gradcheck.output").joinpath("report.html").read_text(encoding="utf-8")


def _policy() -> str:
    """A Content-Security-Policy that allows the page's own style and script, and nothing else."""
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'"]
    for element in ("style", "script"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", _page(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        rules.append(f"{element}-src 'sha256-{digest}'")
    return "; ".join(rules)


def _bound_grids(report: Report, data: dict[str, Any]) -> None:
    """Keep the grids of the most severe problems, in two digits."""
    problems = [problem for loss in report.losses for problem in loss.batches]
    batches = [batch for loss in data["losses"] for batch in loss["batches"]]
    room = MOST_CELLS
    for at in sorted(range(len(problems)), key=lambda at: severity_key(problems[at]), reverse=True):
        batch = batches[at]
        batch.pop("references", None)
        if "verdicts" not in batch:
            continue
        room -= batch["entries"]
        if room < 0:
            del batch["relative_errors"], batch["verdicts"], batch["labels"]
        else:
            rows = batch["relative_errors"]
            batch["relative_errors"] = [[None if x is None else float(f"{x:.2g}") for x in row] for row in rows]


def _text(text: str) -> str:
    """Text shortened, and without characters that act without being visible."""
    return escape_control(shorten(text), lines=True)


@dataclass(frozen=True, eq=False)
class NotebookReport(Report):
    """A report as ``check`` and ``check_at`` return it; a notebook shows it as a page."""

    def __repr__(self) -> str:
        return f"<Report: {escape_control(str(sentences(self)[-1]))}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither page nor notebook changes the other's style."""
        page = html.escape(render(self, Options()), quote=True)
        return f'<iframe title="gradcheck" srcdoc="{page}" width="100%" height="640" style="border:0"></iframe>'
