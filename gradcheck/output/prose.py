"""The pieces of a report that are words: headings, findings, captions, commands, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from gradcheck.output import remarks
from gradcheck.output.marks import counted, number, place_of
from gradcheck.output.selection import Shown
from gradcheck.output.shortening import fewer, shortened
from gradcheck.output.view import SEVERITY_STYLES, VERDICT_STYLES, View
from gradcheck.output.words import Sentence
from gradcheck.report import BatchReport, Finding, LossReport, Verdict

if TYPE_CHECKING:
    from gradcheck.report import SmallestCase

_WORD_STYLES = {
    "right": "bold green",
    "right so far": "bold yellow",
    "unresolved": "bold yellow",
    "interrupted": "bold yellow",
    "out of time": "bold yellow",
}
_LEGEND = {
    Verdict.WRONG: "wrong",
    Verdict.SUBGRADIENT: "subgradient (at a kink)",
    Verdict.UNRESOLVED: "unresolved",
}


def heading(loss: LossReport, view: View) -> Text:
    """The target, its framework, and where it stands: on one line where that holds all."""
    target = Text(view.inert(loss.target), style="bold", overflow="fold")
    if loss.framework != "numpy":
        target.append(f" ({loss.framework})", "not bold")
    if loss.file is None:
        return target
    where = Text(view.inert(place_of(loss.file, loss.line)), style="dim")
    between = "  " if target.cell_len + 2 + where.cell_len <= view.width else "\n  "
    return Text.assemble(target, between, where, overflow="fold")


def error(text: str, view: View) -> Iterator[RenderableType]:
    """Why a target could not be checked at all."""
    yield Padding.indent(Text(f"{view.marks.severities['error']} could not be checked", SEVERITY_STYLES["error"]), 2)
    yield from _lines(text, view)


def finding(finding: Finding, view: View) -> Iterator[RenderableType]:
    """What is wrong and why, in the first words that are read; what to look at, and the user's own traceback."""
    first, *others = finding.message.strip("\r\n").split("\n")
    message = Text(view.inert(first if view.options.verbose else shortened(first)), overflow="fold")
    style = SEVERITY_STYLES[finding.severity]
    severity, code = Text(f"{finding.severity}: ", style), Text(f" ({view.inert(finding.code)})", style)
    body, sign = severity + message + code, f"  {view.marks.severities[finding.severity]} "
    for line in body.wrap(view.console, max(view.width - len(sign), 1), overflow="fold"):
        yield Text.assemble((sign, style), line, overflow="fold")  # the sign stands by itself, left of every line
        sign = " " * len(sign)
    yield from _lines("\n".join(others), view) if others else ()
    if finding.hint:
        yield from _lines(f"{view.marks.hint} {finding.hint}", view)
    if finding.details:
        yield from _lines(finding.details, view, style="dim", indent=6)


def plans(problems: Sequence[BatchReport], view: View) -> Iterator[RenderableType]:
    """Which way was taken to the values, and why; and what judged, where that was complex steps."""
    for line in (*remarks.plans(problems), *remarks.references(problems)):
        yield Padding.indent(Text(view.inert(line), "dim", overflow="fold"), 2)


def caption(shown: Shown, view: View) -> RenderableType:
    """Which problem this is, what it stands for, and what came of it."""
    problem = shown.problem
    text = Text(overflow="fold").append(f"{shown.stands_for} ".lstrip(), "dim")
    text.append(f"batch size {problem.batch_size}", "bold").append(": ")
    text.append(f"{problem.classes} classes, {view.inert(problem.scores)}, seed {problem.seed}")
    if view.options.verbose:
        text.append(f", trial {problem.trial}, value {number(problem.value, 6)}, plan {view.inert(problem.plan)}")
    separator = f" {view.marks.dash} "
    for verdict in (Verdict.WRONG, Verdict.UNRESOLVED):
        if count := problem.count(verdict):
            text.append(separator).append(f"{count:,} {verdict.value}", VERDICT_STYLES[verdict])
            separator = ", "
    return Padding.indent(text, 2)


def projections(problem: BatchReport, view: View) -> Iterator[RenderableType]:
    """What stands in place of a grid where a problem has too many entries; nothing where it has not."""
    style = "" if problem.projections is None or problem.projections.agree else "yellow"
    for line in remarks.projections(problem):
        yield Padding.indent(Text(view.inert(line), style, overflow="fold"), 2)


def legend(problems: Iterable[BatchReport], view: View) -> RenderableType | None:
    """What the signs in these grids mean; None where there are none to explain."""
    problems = list(problems)
    parts = ["[ ] the label's class"] if any(problem.labels is not None for problem in problems) else []
    parts += [
        f"{view.marks.verdicts[verdict]} {meaning}"
        for verdict, meaning in _LEGEND.items()
        if any(problem.count(verdict) for problem in problems)
    ]
    return Padding.indent(Text("   ".join(parts), "dim"), 2) if parts else None


def left_out(count: int, view: View) -> RenderableType:
    """That a table of worst entries stops before the last wrong one."""
    return Padding.indent(Text(f"and {counted(count, 'more wrong entry')}", "dim"), 2)


def unchecked(loss: LossReport, view: View) -> Iterator[RenderableType]:
    """How many problems were not checked, and where the check was cut short."""
    yield Padding.indent(Text(view.inert(remarks.unchecked(loss)), "yellow", overflow="fold"), 2)


def command(label: str, line: str, view: View) -> Iterator[RenderableType]:
    """A command to copy: never broken, whatever the width."""
    text = Text(view.inert(line), no_wrap=True, overflow="ignore")
    if 2 + len(label) + 1 + text.cell_len <= view.width:
        yield Text.assemble("  ", (label, "dim"), " ", text)
    else:
        yield Text(f"  {label}", "dim")
        yield Group(text)  # printed by itself, a Text would lose its no_wrap


def smallest_case(case: SmallestCase, view: View) -> Iterator[RenderableType]:
    """The smallest failing case: Python to copy, so no line of it is broken, nor indented."""
    yield Padding.indent(Text("smallest failing case:", "dim"), 2)
    for line in view.inert(case.snippet.strip("\n"), lines=True).split("\n"):
        yield Group(Text(line, no_wrap=True, overflow="ignore"))


def sentence(sentence: Sentence, view: View) -> Text:
    """The verdict in words."""
    style = _WORD_STYLES.get(sentence.word, "bold red")
    return Text.assemble((sentence.word, style), ": ", view.inert(sentence.rest), overflow="fold")


def _lines(text: str, view: View, style: str = "", indent: int = 4) -> Iterator[RenderableType]:
    lines = view.inert(text.strip("\r\n"), lines=True).split("\n")
    if not view.options.verbose:
        lines = [shortened(line) for line in fewer(lines)]
    return (Padding.indent(Text(line, style, overflow="fold"), indent) for line in lines)
