"""The report as workflow commands of GitHub Actions: one annotation for each loss, on its file and line."""

from __future__ import annotations

from gradcheck.output.options import Options
from gradcheck.output.summary import loss_sentence
from gradcheck.output.text import escape_control, short_path, shorten
from gradcheck.report import LossReport, Report


def render(report: Report, options: Options) -> str:
    """Annotations, one a loss (GitHub shows only a few of a step); empty where all is right. No option matters.

    Source of the escapes (``%``, CR and LF everywhere, ``:`` and ``,`` in properties):
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(f"{_annotation(loss)}\n" for loss in report.losses if _level(loss))


def _level(loss: LossReport) -> str:
    if loss.error or loss.failed:
        return "error"
    if loss.unchecked or not loss.batches or any(finding.severity == "warning" for finding in loss.findings):
        return "warning"
    return "notice" if loss.findings else ""


def _annotation(loss: LossReport) -> str:
    properties, lines = {"title": f"gradcheck: {loss.target}"}, []
    for leading in loss.findings[:1]:
        properties["title"] += f": {leading.code}"
        lines += [leading.message, *([leading.hint] if leading.hint else [])]
    if loss.file is not None:
        properties["file"] = short_path(loss.file)
        if loss.line is not None:
            properties["line"] = str(loss.line)
    lines += [str(loss_sentence(loss)), *([f"repeat: {loss.rerun}"] if loss.rerun and loss.failed else [])]
    message = escape_control(shorten("\n".join(lines)), lines=True).replace("%", "%25").replace("\n", "%0A")
    return f"::{_level(loss)} {','.join(f'{key}={_property(text)}' for key, text in properties.items())}::{message}"


def _property(text: str) -> str:
    return escape_control(shorten(text)).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
