"""The report as workflow commands of GitHub Actions: one annotation for each loss, on its file and line."""

from gradcheck.output.summary import loss_sentence
from gradcheck.output.text import Options, legible, place_of
from gradcheck.report import LossReport, Report


def render(report: Report, options: Options) -> str:
    """Annotations, one a loss (GitHub shows only a few of a step); empty where all is right. No option matters.

    Source of the escapes (``%``, CR and LF everywhere, ``:`` and ``,`` in properties):
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(map(_annotation, report.losses))


def _annotation(loss: LossReport) -> str:
    level = "notice"
    if loss.error or loss.failed:
        level = "error"
    elif not loss.passed or any(finding.severity == "warning" for finding in loss.findings):
        level = "warning"
    elif not loss.findings:
        return ""
    properties, lines = {"title": f"gradcheck: {loss.target}"}, []
    for leading in loss.findings[:1]:
        properties["title"] += f": {leading.code}"
        lines = [leading.message, leading.hint]
    if loss.file is not None:
        properties |= {"file": place_of(loss.file)} | ({} if loss.line is None else {"line": str(loss.line)})
    lines += [str(loss_sentence(loss)), f"repeat: {loss.rerun}" if loss.rerun and loss.failed else ""]
    text = legible("\n".join(filter(None, lines)))
    message = text.replace("%", "%25").replace("\n", "%0A")
    return f"::{level} {','.join(f'{key}={_property(text)}' for key, text in properties.items())}::{message}\n"


def _property(text: str) -> str:
    return legible(text, lines=False).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
