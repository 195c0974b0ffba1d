"""The report as Markdown: for a pull request, or the summary of a workflow."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from gradcheck.output.summary import Row, entry_rows, kind_of, sentences, severity_key, symbols, total_rows
from gradcheck.output.text import Options, counted, legible, place_of
from gradcheck.report import LossReport, Report, Verdict

_WORDS = ("scores", "input", "entry", "verdict")  # columns that begin at the left
_SPECIAL = r"([\\`*_\[\]|~])"
# What GitHub turns into a link to an issue, a person or an address, where something follows that it could belong to.
_LINKS = r"[#@:](?=\S)"


def render(report: Report, options: Options) -> str:
    """A report as Markdown, as GitHub reads it, that ends with a newline; of the options only ``worst`` matters."""
    lines = [f"## {'✅' if report.passed else '❌'} gradcheck", ""]
    lines += [f"- **{sentence.verdict}**: {_plain(sentence.summary)}" for sentence in sentences(report)]
    for loss in report.losses:
        lines += ["", *_loss(loss, options.worst)]
    return "\n".join(lines) + "\n"


def _loss(loss: LossReport, most: int) -> Iterator[str]:
    where = "" if loss.file is None else f" ({_plain(place_of(loss.file, loss.line))})"
    yield f"### {_plain(loss.target)}{where}"
    if loss.error:
        yield from ["", "Could not be checked:", "", _fenced(loss.error)]
    for finding in loss.findings:
        hint = f"  \n  → {_plain(finding.hint)}" if finding.hint else ""
        yield from ["", f"- **{finding.severity}: {_plain(finding.code)}**: {_plain(finding.message)}{hint}"]
        if finding.details:
            yield from ["", _fenced(finding.details)]
    if meanings := symbols(loss):
        yield from ["", _plain(meanings)]
    if loss.batches:
        yield from ["", *_table(total_rows(loss.batches))]
        worst = max(loss.batches, key=severity_key)
        if wrong := [entry for entry in worst.worst if entry.verdict is Verdict.WRONG][:most]:
            where = f"batch size {worst.batch_size}, {_plain(kind_of(worst))}, seed {worst.seed}"
            yield from ["", f"Worst entries at {where}:", "", *_table(entry_rows(wrong))]
            if worst.wrong > len(wrong):
                yield from ["", f"and {counted(worst.wrong - len(wrong), 'more wrong entry')}"]
    if loss.smallest_case is not None:
        yield from ["", "Smallest failing case:", "", _fenced(loss.smallest_case.snippet, "python")]
    if loss.rerun and loss.failed:
        yield from ["", "Repeat the worst:", "", _fenced(loss.rerun, "sh")]


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| {' | '.join(rows[0])} |"
    yield f"| {' | '.join('---' if head in _WORDS else '---:' for head in rows[0])} |"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row.values()))} |"


def _plain(text: str) -> str:
    """Text from outside on one line, with nothing in it that Markdown, HTML or GitHub would act on."""
    escaped = escape(legible(text, lines=False), quote=False)
    return re.sub(_SPECIAL, r"\\\1", re.sub(_LINKS, lambda sign: f"&#{ord(sign[0])};", escaped))


def _fenced(text: str, language: str = "text") -> str:
    """Text from outside as a block of code, between more backticks than stand together in it."""
    block = legible(text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block)), default=0))
    return f"{fence}{language}\n{block}\n{fence}"
