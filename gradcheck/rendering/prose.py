"""The pieces of a report that are words: headings, findings, captions, commands, the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from gradcheck.rendering.marks import counted, number, relative, short_path
from gradcheck.rendering.selection import Shown
from gradcheck.rendering.view import SEVERITY_STYLES, VERDICT_STYLES, View
from gradcheck.rendering.words import Sentence
from gradcheck.report import BatchReport, Finding, LossReport, Verdict

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

# The most that is shown of a line and of how many lines, unless verbose: the repr of an array, or the frames
# of a loss that calls itself for ever, would push everything else off the screen.
_LONGEST_MESSAGE = 2_000
_MOST_DETAILS = 30


def heading(loss: LossReport, view: View) -> Text:
    """The target, its framework, and where it stands: on one line where that holds all."""
    target = Text(view.inert(loss.target), style="bold", overflow="fold")
    if loss.framework != "numpy":
        target.append(f" ({loss.framework})", "not bold")
    if loss.file is None:
        return target
    place = Text(view.inert(short_path(loss.file)), style="dim")
    if loss.line is not None:
        place.append(f":{loss.line}")
    between = "  " if target.cell_len + 2 + place.cell_len <= view.width else "\n  "
    return Text.assemble(target, between, place, overflow="fold")


def error(text: str, view: View) -> Iterator[RenderableType]:
    """Why a target could not be checked at all."""
    yield Padding.indent(Text(f"{view.marks.severities['error']} could not be checked", SEVERITY_STYLES["error"]), 2)
    yield from _lines(text, view)


def finding(finding: Finding, view: View) -> Iterator[RenderableType]:
    """What is wrong and why, what to look at, and the user's own traceback."""
    sign = view.marks.severities[finding.severity]
    title = Text(f"{sign} {finding.severity}: {view.inert(finding.code)}", SEVERITY_STYLES[finding.severity])
    yield Padding.indent(title, 2)
    yield from _lines(finding.message, view)
    if finding.hint:
        yield from _lines(f"{view.marks.hint} {finding.hint}", view)
    if finding.details:
        yield from _lines(finding.details, view, style="dim", indent=6)


def plans(problems: Sequence[BatchReport], view: View) -> Iterator[RenderableType]:
    """Which way was taken to the values, and why."""
    ways: dict[tuple[str, str], dict[int, None]] = {}
    for problem in problems:
        ways.setdefault((problem.plan, problem.why), {})[problem.batch_size] = None
    for (plan, why), sizes in ways.items():
        if why:
            several = "" if len(ways) == 1 else f" at batch size {', '.join(map(str, sizes))}"
            line = f"plan {view.inert(plan)}{several}: {view.inert(why)}"
            yield Padding.indent(Text(line, "dim", overflow="fold"), 2)


def references(problems: Sequence[BatchReport], view: View) -> Iterator[RenderableType]:
    """How many entries were judged by complex steps; nothing where none was."""
    judged, entries = sum(each.complex_steps for each in problems), sum(each.entries for each in problems)
    if judged:
        others = "" if judged == entries else ", the others by central differences"
        text = f"{judged:,} of {counted(entries, 'entry')} judged by complex steps{others}"
        yield Padding.indent(Text(text, "dim", overflow="fold"), 2)


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
    told = problem.projections
    if told is None:
        return
    lines = [f"{told.directions} random directions {'agree with dS' if told.agree else 'do not tell that dS is right'}"]
    if told.agree and math.isfinite(told.smallest_defect):
        share = f" ({relative(told.smallest_relative_defect)} of the largest)" if told.largest_gradient else ""
        lines[0] += f"; a defect of {relative(told.smallest_defect)} in one entry{share} would have shown (99%)"
    lines += [told.remark] if told.remark else []
    lines.append(f"{counted(told.checked, 'entry')} checked one by one")
    for line in lines:
        yield Padding.indent(Text(view.inert(line), "" if told.agree else "yellow", overflow="fold"), 2)


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
    verb = "was" if loss.unchecked == 1 else "were"
    text = f"{counted(loss.unchecked, 'problem')} {verb} not checked"
    if loss.cut_short:
        text += f"; cut short at {loss.cut_short}"
    yield Padding.indent(Text(view.inert(text), "yellow", overflow="fold"), 2)


def command(label: str, line: str, view: View) -> Iterator[RenderableType]:
    """A command to copy: never broken, whatever the width."""
    text = Text(view.inert(line), no_wrap=True, overflow="ignore")
    if 2 + len(label) + 1 + text.cell_len <= view.width:
        yield Text.assemble("  ", (label, "dim"), " ", text)
    else:
        yield Text(f"  {label}", "dim")
        yield Group(text)  # printed by itself, a Text would lose its no_wrap


def sentence(sentence: Sentence, view: View) -> Text:
    """The verdict in words."""
    style = _WORD_STYLES.get(sentence.word, "bold red")
    return Text.assemble((sentence.word, style), ": ", view.inert(sentence.rest), overflow="fold")


def _lines(text: str, view: View, style: str = "", indent: int = 4) -> Iterator[RenderableType]:
    lines = view.inert(text.strip("\r\n"), lines=True).split("\n")
    if not view.options.verbose:
        lines = [_shortened(line, view) for line in _fewer(lines)]
    return (Padding.indent(Text(line, style, overflow="fold"), indent) for line in lines)


def _fewer(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_DETAILS:
        return lines
    half = _MOST_DETAILS // 2
    return [*lines[:half], f"({counted(len(lines) - 2 * half, 'line')} left out)", *lines[-half:]]


def _shortened(line: str, view: View) -> str:
    if len(line) <= _LONGEST_MESSAGE:
        return line
    return f"{line[:_LONGEST_MESSAGE]} ({counted(len(line) - _LONGEST_MESSAGE, 'more character')})"
