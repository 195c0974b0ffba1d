"""What is remarked of problems in words, whatever the format: plain lines, with untouched text from outside in them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck.output.marks import counted, relative
from gradcheck.report import BatchReport, LossReport


def plans(problems: Sequence[BatchReport]) -> list[str]:
    """Which way was taken to the values, and why: a line for each way that has a reason."""
    ways: dict[tuple[str, str], dict[int, None]] = {}
    for problem in problems:
        ways.setdefault((problem.plan, problem.why), {})[problem.batch_size] = None
    lines = []
    for (plan, why), sizes in ways.items():
        if why:
            several = "" if len(ways) == 1 else f" at batch size {', '.join(map(str, sizes))}"
            lines.append(f"plan {plan}{several}: {why}")
    return lines


def references(problems: Sequence[BatchReport]) -> list[str]:
    """How many entries were judged by complex steps; nothing where none was."""
    judged, entries = sum(each.complex_steps for each in problems), sum(each.entries for each in problems)
    if not judged:
        return []
    others = "" if judged == entries else ", the others by central differences"
    return [f"{judged:,} of {counted(entries, 'entry')} judged by complex steps{others}"]


def projections(problem: BatchReport) -> list[str]:
    """What stands in place of every entry's verdict where a problem has too many; nothing where it has not."""
    told = problem.projections
    if told is None:
        return []
    lines = [f"{told.directions} random directions {'agree with dS' if told.agree else 'do not tell that dS is right'}"]
    if told.agree and math.isfinite(told.smallest_defect):
        share = f" ({relative(told.smallest_relative_defect)} of the largest)" if told.largest_gradient else ""
        lines[0] += f"; a defect of {relative(told.smallest_defect)} in one entry{share} would have shown (99%)"
    lines += [told.remark] if told.remark else []
    return [*lines, f"{counted(told.checked, 'entry')} checked one by one"]


def unchecked(loss: LossReport) -> str:
    """How many problems were not checked, and where the check was cut short."""
    text = not_checked(loss.unchecked)
    return f"{text}; cut short at {loss.cut_short}" if loss.cut_short else text


def not_checked(problems: int) -> str:
    """That so many problems were not checked."""
    return f"{counted(problems, 'problem')} {'was' if problems == 1 else 'were'} not checked"
