"""The report as one page for a browser: ``report.html`` with the JSON report inside, which its script draws."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from gradcheck.diagnosis.pages import page
from gradcheck.errors import UsageError
from gradcheck.output.json_ import as_data
from gradcheck.output.options import Options
from gradcheck.output.pages import blocks
from gradcheck.output.summary import sentences, severity_key
from gradcheck.output.text import escape_control, shorten
from gradcheck.report import Report

#: Entries of all grids together; beyond, the grids of the less severe problems are left out.
MOST_CELLS = 120_000
#: Worst entries, with all their numbers, of all problems together.
_MOST_WORST = 4_000
#: Digits of the relative errors in a grid: what is shown.
_DIGITS = 2


def render(report: Report, options: Options) -> str:
    """A report as an HTML document in ASCII that ends with a newline; it needs no other file and no network.

    Args:
        report: any.
        options: none of them changes what is written.
    """
    data = _bounded(report, as_data(report))
    codes = {finding["code"] for loss in data["losses"] for finding in loss["findings"]}
    data["pages"] = {code: text for code in sorted(codes) if (text := _page(code))}
    named = report.losses[0].target if len(report.losses) == 1 else f"{len(report.losses)} losses"
    last = sentences(report)[-1]
    parts = {
        "title": html.escape(_texts(f"{last.word}: {named[:200]} - gradcheck")),
        "policy": _policy(),
        "summary": html.escape(_texts(str(last))),
        "report": _inside_a_script(json.dumps(data, allow_nan=False, separators=(",", ":"))),
    }
    filled = re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _document())
    return filled.encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _document() -> str:
    return files("gradcheck.output").joinpath("report.html").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """A Content-Security-Policy that allows the page's own style and script, and nothing else."""
    hashes = []
    for element in ("style", "script"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", _document(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes.append(f"{element}-src 'sha256-{digest}'")
    return "; ".join(["default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"])


def _inside_a_script(content: str) -> str:
    """JSON in ASCII, written so that it cannot end the element it stands in.

    >>> _inside_a_script('["</script>"]')
    '["\\\\u003c/script\\\\u003e"]'
    """
    return re.sub("[<>&]", lambda sign: f"\\u{ord(sign[0]):04x}", content)


def _bounded(report: Report, data: dict[str, Any]) -> dict[str, Any]:
    """The data of a report, bounded in size: numbers of grids rounded, grids and entries limited, texts shortened."""
    problems = [problem for loss in report.losses for problem in loss.batches]
    batches = [batch for loss in data["losses"] for batch in loss["batches"]]
    most = max(1, _MOST_WORST // max(1, len(batches)))
    room = MOST_CELLS
    for at in sorted(range(len(problems)), key=lambda at: severity_key(problems[at]), reverse=True):
        batch = batches[at]
        batch["worst"] = batch["worst"][:most]
        batch.pop("references", None)
        if "verdicts" not in batch:
            continue
        room -= batch["entries"]
        if room < 0:
            del batch["relative_errors"], batch["verdicts"], batch["labels"]
        else:
            batch["relative_errors"] = [[_rounded(error) for error in row] for row in batch["relative_errors"]]
    bounded: dict[str, Any] = _texts(data)
    return bounded


def _rounded(error: float | None) -> float | None:
    return error if error is None else float(f"{error:.{_DIGITS}g}")


def _texts(value: Any) -> Any:
    """The same with every text shortened, and without characters that act without being visible."""
    match value:
        case str():
            return escape_control(shorten(value), lines=True)
        case dict():
            return {_texts(name): _texts(item) for name, item in value.items()}
        case list() if value and isinstance(value[0], str | dict | list):
            return [_texts(item) for item in value]
        case _:
            return value


def _page(code: str) -> dict[str, Any] | None:
    """What ``gradcheck explain`` says of a code, without the title; None where there is no page."""
    try:
        found = page(code)
    except UsageError:
        return None
    return {"title": found.title, "blocks": blocks(found.text)[2:]}
