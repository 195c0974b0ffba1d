"""The report as Markdown: for a pull request, or the summary of a workflow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from gradcheck.output.options import Options
from gradcheck.output.summary import sentences, severity_key, totals_by_kind
from gradcheck.output.text import counted, derivatives, duration, escape_control, number, place_of, relative, shorten
from gradcheck.report import BatchReport, LossReport, Report, Verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
# What GitHub turns into a link to an issue, a person or an address, where something follows that it could belong to.
_LINKS = re.compile(r"[#@:](?=\S)")


def render(report: Report, options: Options) -> str:
    """A report as Markdown, as GitHub reads it, that ends with a newline.

    Args:
        report: any.
        options: ``worst`` entries are shown of the worst problem of a loss.
    """
    lines = [f"## {'✅' if report.passed else '❌'} gradcheck", ""]
    lines += [f"- **{sentence.word}**: {_plain(sentence.rest)}" for sentence in sentences(report)]
    for loss in report.losses:
        lines += ["", *_loss(loss, options)]
    return "\n".join(lines) + "\n"


def _loss(loss: LossReport, options: Options) -> Iterator[str]:
    where = "" if loss.file is None else f" ({_code(place_of(loss.file, loss.line))})"
    yield f"### {_code(loss.target)}{where}"
    if loss.error:
        yield from ["", "Could not be checked:", "", *_fenced(loss.error)]
    for finding in loss.findings:
        hint = f"  \n  → {_plain(finding.hint)}" if finding.hint else ""
        yield from ["", f"- **{finding.severity}: {_plain(finding.code)}**: {_plain(finding.message)}{hint}"]
        if finding.details:
            yield from ["", *_fenced(finding.details)]
    if loss.batches:
        yield from ["", *_totals(loss)]
    worst = max(loss.batches, key=severity_key, default=None)
    if worst is not None and worst.wrong:
        yield from ["", *_entries(worst, options)]
    if loss.smallest_case is not None:
        yield from ["", "Smallest failing case:", "", *_fenced(loss.smallest_case.snippet, "python")]
    if loss.rerun and loss.failed:
        yield from ["", "Repeat the worst:", "", *_fenced(loss.rerun, "sh")]


def _totals(loss: LossReport) -> Iterator[str]:
    heads = "batch size, classes, scores, entries, wrong, subgradient, unresolved, largest rel. error, calls, time"
    rows = [
        [
            str(N), str(C), _plain(scores), f"{t.entries:,}", f"{t.wrong:,}", f"{t.subgradient:,}", f"{t.unresolved:,}",
            relative(t.max_relative_error), f"{t.evaluations:,}", duration(t.seconds),
        ]
        for (N, C, scores), t in totals_by_kind(loss.batches).items()
    ]  # fmt: skip
    return _table(heads.split(", "), rows)


def _entries(problem: BatchReport, options: Options) -> Iterator[str]:
    wrong = [entry for entry in problem.worst if entry.verdict is Verdict.WRONG][: options.worst]
    yield f"Worst entries at batch size {problem.batch_size}, {_plain(problem.scores)}, seed {problem.seed}:"
    yield ""
    heads = ["row", "class", "label", "score", "analytic", "numerical", "bound", "relative error"]
    rows = [
        [
            str(entry.row), str(entry.class_), "" if entry.label is None else str(entry.label), number(entry.score),
            *derivatives(entry), relative(entry.bound), relative(entry.relative_error),
        ]
        for entry in wrong
    ]  # fmt: skip
    yield from _table(heads, rows)
    if problem.wrong > len(wrong):
        yield from ["", f"and {counted(problem.wrong - len(wrong), 'more wrong entry')}"]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' if head == 'scores' else '---:' for head in heads)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text from outside on one line, with nothing in it that Markdown, HTML or GitHub would act on."""
    escaped = html.escape(escape_control(shorten(text)), quote=False)
    return _SPECIAL.sub(r"\\\1", _LINKS.sub(lambda sign: f"&#{ord(sign[0])};", escaped))


def _code(text: str) -> str:
    """Text from outside as a code span, inside of a table too."""
    line = escape_control(shorten(text)).replace("|", "\\|") or " "
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _fenced(text: str, language: str = "text") -> list[str]:
    """Text from outside as a block of code."""
    block = escape_control(shorten(text.strip("\r\n")), lines=True)
    fence = "`" * max(3, _longest_run(block) + 1)
    return [f"{fence}{language}", block, fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
