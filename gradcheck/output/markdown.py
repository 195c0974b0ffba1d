"""The report as Markdown: for a pull request, or the summary of a workflow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from gradcheck.output import Options
from gradcheck.output.marks import UNICODE, counted, digits_of, duration, inert, number, place_of, relative
from gradcheck.output.selection import gravity
from gradcheck.output.shortening import in_short
from gradcheck.output.totals import totals_by_kind
from gradcheck.output.words import sentences
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
#: What calls an issue, a person or an address, where something follows that it could belong to.
_CALLING = re.compile(r"[#@:](?=\S)")
_SIGNS = {True: "✅", False: "❌"}


def render(report: Report, options: Options) -> str:
    """A report as Markdown, as GitHub reads it, that ends with a newline.

    Args:
        report: any.
        options: ``worst`` entries are shown of the worst problem of a loss; with ``quiet`` only the verdicts.
    """
    lines = [f"## {_SIGNS[report.passed]} gradcheck", ""]
    lines += [f"- **{sentence.word}**: {plain(sentence.rest)}" for sentence in sentences(report)]
    if not options.quiet:
        for loss in report.losses:
            lines += ["", *_loss(loss, options)]
    return "\n".join(lines) + "\n"


def _loss(loss: LossReport, options: Options) -> Iterator[str]:
    where = "" if loss.file is None else f" ({code(place_of(loss.file, loss.line))})"
    yield f"### {code(loss.target)}{where}"
    if loss.error:
        yield from ["", "Could not be checked:", "", *fenced(loss.error)]
    for finding in loss.findings:
        hint = f"  \n  {UNICODE.hint} {plain(finding.hint)}" if finding.hint else ""
        yield from ["", f"- **{finding.severity}: {plain(finding.code)}**: {plain(finding.message)}{hint}"]
        if finding.details:
            yield from ["", *fenced(finding.details)]
    if loss.batches:
        yield from ["", *_problems(loss)]
    worst = max(loss.batches, key=gravity, default=None)
    if worst is not None and worst.wrong:
        yield from ["", *_entries(worst, options)]
    if loss.smallest_case is not None:
        yield from ["", "Smallest failing case:", "", *fenced(loss.smallest_case.snippet, "python")]
    if loss.rerun and loss.failed:
        yield from ["", "Repeat the worst:", "", *fenced(loss.rerun, "sh")]


def _problems(loss: LossReport) -> Iterator[str]:
    heads = "batch size, classes, scores, entries, wrong, subgradient, unresolved, largest rel. error, calls, time"
    yield f"| {heads.replace(', ', ' | ')} |"
    yield "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for totals in totals_by_kind(loss.batches):
        cells = [
            str(totals.first.batch_size),
            str(totals.first.classes),
            plain(totals.first.scores),
            f"{totals.entries:,}",
            *(f"{totals.count(verdict):,}" for verdict in (Verdict.WRONG, Verdict.SUBGRADIENT, Verdict.UNRESOLVED)),
            relative(totals.max_relative_error),
            f"{totals.evaluations:,}",
            duration(totals.seconds),
        ]
        yield f"| {' | '.join(cells)} |"


def _entries(problem: BatchReport, options: Options) -> Iterator[str]:
    wrong = [entry for entry in problem.worst if entry.verdict is Verdict.WRONG][: options.worst]
    yield f"Worst entries at batch size {problem.batch_size}, {plain(problem.scores)}, seed {problem.seed}:"
    yield ""
    yield "| row | class | label | score | analytic | numerical | bound | relative error |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for entry in wrong:
        label = "" if entry.label is None else str(entry.label)
        analytic, numerical = (number(each, digits_of(entry)) for each in (entry.analytic, entry.numerical))
        yield (
            f"| {entry.row} | {entry.class_} | {label} | {number(entry.score)} | {analytic} "
            f"| {numerical} | {relative(entry.bound)} | {relative(entry.relative_error)} |"
        )
    if problem.wrong > len(wrong):
        yield from ["", f"and {counted(problem.wrong - len(wrong), 'more wrong entry')}"]


def plain(text: str) -> str:
    """Text from outside on one line of Markdown, with nothing in it that Markdown, HTML or GitHub would act on."""
    escaped = html.escape(inert(in_short(text)), quote=False)
    return _SPECIAL.sub(r"\\\1", _CALLING.sub(lambda sign: f"&#{ord(sign[0])};", escaped))


def code(text: str) -> str:
    """Text from outside as a code span, inside of a table too."""
    line = inert(in_short(text)).replace("|", "\\|") or " "
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "text") -> list[str]:
    """Text from outside as a block of code."""
    lines = inert(in_short(text.strip("\r\n")), lines=True).split("\n")
    fence = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return [f"{fence}{language}", *lines, fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
