"""The report as workflow commands of GitHub Actions: one annotation a loss, on its file and line."""

from __future__ import annotations

from gradcheck.output import Options
from gradcheck.output.marks import inert, short_path
from gradcheck.output.shortening import in_short
from gradcheck.output.words import loss_sentence
from gradcheck.report import LossReport, Report


def render(report: Report, options: Options) -> str:
    """Annotations, a line each; empty where every loss is right and nothing is to be said of any.

    One a loss, since a step shows only a few of them.

    Args:
        report: any.
        options: none of them changes what is written.

    Source of the escapes: https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and the
    toolkit's ``command.ts``: ``%``, CR and LF everywhere, ``:`` and ``,`` in properties.
    """
    return "".join(f"{_annotation(loss)}\n" for loss in report.losses if _level(loss))


def _level(loss: LossReport) -> str:
    if loss.error or loss.failed:
        return "error"
    if loss.unchecked or not loss.batches or any(finding.severity == "warning" for finding in loss.findings):
        return "warning"
    return "notice" if loss.findings else ""


def _annotation(loss: LossReport) -> str:
    leading = loss.findings[0] if loss.findings else None
    title = f"gradcheck: {loss.target}" + (f": {leading.code}" if leading else "")
    properties = {"title": title}
    if loss.file is not None:
        properties["file"] = short_path(loss.file)
        if loss.line is not None:
            properties["line"] = str(loss.line)
    lines = [leading.message, *([leading.hint] if leading.hint else [])] if leading else []
    lines = [*lines, str(loss_sentence(loss)), *([f"repeat: {loss.rerun}"] if loss.rerun and loss.failed else [])]
    spelt = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{_level(loss)} {spelt}::{_data(in_short(chr(10).join(lines)))}"


def _data(text: str) -> str:
    return inert(text.replace("\r\n", "\n"), lines=True).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return inert(in_short(text)).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
