"""The report as Markdown: for a pull request, or the summary of a workflow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from gradcheck.output.options import Options
from gradcheck.output.summary import sentences, severity_key, totals_by_kind
from gradcheck.output.text import counted, derivatives, duration, escape_control, number, place_of, relative, shorten
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
# What GitHub turns into a link to an issue, a person or an address, where something follows that it could belong to.
_LINKS = re.compile(r"[#@:](?=\S)")


def render(report: Report, options: Options) -> str:
    """A report as Markdown, as GitHub reads it, that ends with a newline; of the options only ``worst`` matters."""
    lines = [f"## {'✅' if report.passed else '❌'} gradcheck", ""]
    lines += [f"- **{sentence.word}**: {_plain(sentence.rest)}" for sentence in sentences(report)]
    for loss in report.losses:
        lines += ["", *_loss(loss, options.worst)]
    return "\n".join(lines) + "\n"


def _loss(loss: LossReport, most: int) -> Iterator[str]:
    where = "" if loss.file is None else f" ({_code(place_of(loss.file, loss.line))})"
    yield f"### {_code(loss.target)}{where}"
    if loss.error:
        yield from ["", "Could not be checked:", "", _fenced(loss.error)]
    for finding in loss.findings:
        hint = f"  \n  → {_plain(finding.hint)}" if finding.hint else ""
        yield from ["", f"- **{finding.severity}: {_plain(finding.code)}**: {_plain(finding.message)}{hint}"]
        if finding.details:
            yield from ["", _fenced(finding.details)]
    if loss.batches:
        yield from ["", *_totals(loss)]
        worst = max(loss.batches, key=severity_key)
        if worst.wrong:
            yield from ["", *_entries(worst, most)]
    if loss.smallest_case is not None:
        yield from ["", "Smallest failing case:", "", _fenced(loss.smallest_case.snippet, "python")]
    if loss.rerun and loss.failed:
        yield from ["", "Repeat the worst:", "", _fenced(loss.rerun, "sh")]


def _totals(loss: LossReport) -> Iterator[str]:
    yield "| N | classes | scores | entries | wrong | subgradient | unresolved | largest rel. error | calls | time |"
    yield "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (N, C, scores), t in totals_by_kind(loss.batches).items():
        yield (
            f"| {N} | {C} | {_plain(scores)} | {t.entries:,} | {t.wrong:,} | {t.subgradient:,} | {t.unresolved:,} "
            f"| {relative(t.max_relative_error)} | {t.evaluations:,} | {duration(t.seconds)} |"
        )


def _entries(problem: BatchReport, most: int) -> Iterator[str]:
    wrong = [entry for entry in problem.worst if entry.verdict is Verdict.WRONG][:most]
    yield f"Worst entries at batch size {problem.batch_size}, {_plain(problem.scores)}, seed {problem.seed}:"
    yield from ["", "| row | class | label | score | analytic | numerical | bound | relative error |"]
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for entry in wrong:
        label = "" if entry.label is None else entry.label
        analytic, numerical = derivatives(entry)
        yield (
            f"| {entry.row} | {entry.class_} | {label} | {number(entry.score)} | {analytic} | {numerical} "
            f"| {relative(entry.bound)} | {relative(entry.relative_error)} |"
        )
    if problem.wrong > len(wrong):
        yield from ["", f"and {counted(problem.wrong - len(wrong), 'more wrong entry')}"]


def _plain(text: str) -> str:
    """Text from outside on one line, with nothing in it that Markdown, HTML or GitHub would act on."""
    escaped = html.escape(escape_control(shorten(text)), quote=False)
    return _SPECIAL.sub(r"\\\1", _LINKS.sub(lambda sign: f"&#{ord(sign[0])};", escaped))


def _code(text: str) -> str:
    """Text from outside as a code span, inside of a table too."""
    line = escape_control(shorten(text)).replace("|", "\\|") or " "
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{_fence(line, 1)}{pad}{line}{pad}{_fence(line, 1)}"


def _fenced(text: str, language: str = "text") -> str:
    """Text from outside as a block of code."""
    block = escape_control(shorten(text.strip("\r\n")), lines=True)
    return f"{_fence(block, 3)}{language}\n{block}\n{_fence(block, 3)}"


def _fence(text: str, least: int) -> str:
    """More backticks than stand together anywhere in a text."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))
