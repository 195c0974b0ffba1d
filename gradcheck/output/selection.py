"""Which problems are worth a look up close: all where they are few, else the wrong ones, else the worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from gradcheck.output import Options
from gradcheck.report import BatchReport, Entry, Verdict

#: Problems whose grids take no more lines than this are all shown.
FEW_LINES = 24
#: More wrong problems than this are shown by the worst of each batch size, class count and kind of scores.
MANY_WRONG = 8

_AROUND = 4  # lines of a grid beside its rows


@dataclass(frozen=True)
class Shown:
    """A problem to show, and what it stands for: ``worst of 2 problems of``; empty where that is itself."""

    problem: BatchReport
    stands_for: str = ""


def selected(problems: Sequence[BatchReport], options: Options) -> list[Shown]:
    """The problems to show up close, in the order in which they were checked."""
    if options.entries == "none":
        return []
    lines = sum(problem.batch_size + _AROUND for problem in problems)
    if options.entries == "all" or lines <= FEW_LINES:
        return [Shown(problem) for problem in problems]
    wrong = [problem for problem in problems if problem.wrong]
    if not wrong:
        return _worst_of_each(problems, lambda problem: problem.batch_size, "problems")
    if len(wrong) <= MANY_WRONG:
        return [Shown(problem) for problem in wrong]
    return _worst_of_each(wrong, kind, "wrong problems")


def worst_of(problem: BatchReport, options: Options, most: int | None = None) -> tuple[tuple[Entry, ...], int]:
    """The entries of a problem to list, and how many wrong ones are not among them.

    Where some are wrong, none that are right are listed, unless verbose; and then all that are known are.

    Args:
        problem: any.
        options: ``worst`` and ``verbose`` count.
        most: fewer than ``worst``, where there is no room.
    """
    entries = problem.worst
    if not options.verbose:
        doubtful = tuple(entry for entry in entries if entry.verdict is not Verdict.OK)
        entries = (doubtful if problem.wrong else entries)[: options.worst][:most]
    return entries, problem.wrong - sum(entry.verdict is Verdict.WRONG for entry in entries)


def kind(problem: BatchReport) -> Hashable:
    """What the problems of one line of totals have in common."""
    return problem.batch_size, problem.classes, problem.scores


def grouped(problems: Sequence[BatchReport], by: Callable[[BatchReport], Hashable]) -> list[list[BatchReport]]:
    """The problems alike in this, each group where its first problem stands."""
    groups: dict[Hashable, list[BatchReport]] = {}
    for problem in problems:
        groups.setdefault(by(problem), []).append(problem)
    return list(groups.values())


def gravity(problem: BatchReport) -> tuple[int, bool, float]:
    """What makes a problem worse than another: wrong entries, unresolved ones, the largest relative error."""
    largest = problem.max_relative_error
    return problem.wrong, problem.unresolved > 0, math.inf if math.isnan(largest) else largest


def _worst_of_each(problems: Sequence[BatchReport], by: Callable[[BatchReport], Hashable], which: str) -> list[Shown]:
    return [
        Shown(max(alike, key=gravity), f"worst of {len(alike)} {which} of" if len(alike) > 1 else "")
        for alike in grouped(problems, by)
    ]
