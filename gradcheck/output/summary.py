"""What a report says as a whole: totals, the verdict in a sentence, remarks. Every format takes them from here."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal, NamedTuple, TypeVar

from gradcheck.output.text import counted, relative
from gradcheck.report import BatchReport, LossReport, Report

Word = Literal["right", "right so far", "wrong", "failed", "unresolved", "not checked", "interrupted", "out of time"]
Key = TypeVar("Key", bound=Hashable)


class Sentence(NamedTuple):
    """The verdict in one word, and the rest of the sentence (it may hold text from outside, not yet escaped)."""

    word: Word
    rest: str

    def __str__(self) -> str:
        return f"{self.word}: {self.rest}"


class Totals(NamedTuple):
    """Sums over several problems; ``max_relative_error`` is the largest of theirs."""

    problems: int
    entries: int
    wrong: int
    subgradient: int
    unresolved: int
    max_relative_error: float
    evaluations: int
    seconds: float


def totals(problems: Sequence[BatchReport]) -> Totals:
    """Sums over these problems; zeros where there are none."""
    names = ("entries", "wrong", "subgradient", "unresolved", "evaluations", "seconds")
    sums = {name: sum(getattr(problem, name) for problem in problems) for name in names}
    largest = max((problem.max_relative_error for problem in problems), default=0.0)
    return Totals(problems=len(problems), max_relative_error=largest, **sums)


def disagreement(total: Totals, of: str = "") -> str:
    """How many entries are wrong, and how much; ``of`` says whose they are."""
    verb = "disagrees" if total.wrong == 1 else "disagree"
    largest = relative(total.max_relative_error)
    return f"{total.wrong:,} of {counted(total.entries, 'entry')}{of} {verb}, largest relative error {largest}"


def totals_by_kind(problems: Iterable[BatchReport]) -> dict[tuple[int, int, str], Totals]:
    """Totals for each batch size, number of classes and kind of scores, in the order of the first of each."""
    groups = grouped(problems, lambda problem: (problem.batch_size, problem.classes, problem.scores))
    return {kind: totals(group) for kind, group in groups.items()}


def grouped(problems: Iterable[BatchReport], key: Callable[[BatchReport], Key]) -> dict[Key, list[BatchReport]]:
    """The problems by this key, each group in the place of its first problem."""
    groups: dict[Key, list[BatchReport]] = {}
    for problem in problems:
        groups.setdefault(key(problem), []).append(problem)
    return groups


def severity_key(problem: BatchReport) -> tuple[int, bool, float]:
    """Orders problems by how bad they are: wrong entries, unresolved ones, the largest relative error."""
    largest = problem.max_relative_error
    return problem.wrong, problem.unresolved > 0, math.inf if math.isnan(largest) else largest


def worst_of_each_size(problems: Iterable[BatchReport]) -> list[BatchReport]:
    """The worst problem of each batch size and number of classes."""
    groups = grouped(problems, lambda problem: (problem.batch_size, problem.classes))
    return [max(group, key=severity_key) for group in groups.values()]


def sentences(report: Report) -> tuple[Sentence, ...]:
    """One sentence for each loss, and a last one for the run where there are several losses or it was cut short."""
    each = tuple(map(loss_sentence, report.losses))
    problems = [problem for loss in report.losses for problem in loss.batches]
    if report.interrupted or report.out_of_time:
        word: Word = "interrupted" if report.interrupted else "out of time"
        if not problems:
            return (*each, Sentence(word, "before any problem was checked"))
        done = f"{counted(len(problems), 'problem')}, {counted(totals(problems).entries, 'entry')}"
        left = _not_checked(sum(loss.unchecked for loss in report.losses))
        return (*each, Sentence(word, f"after {done}; {left}"))
    if not each:
        return (Sentence("not checked", "no loss was named"),)
    return each if len(each) == 1 else (*each, _run_sentence(each, totals(problems).entries))


def loss_sentence(loss: LossReport) -> Sentence:
    """The verdict on one loss.

    >>> str(loss_sentence(LossReport("nosuch", None, None, (), (), error="there is no such loss")))
    'not checked: nosuch: there is no such loss'
    """
    if loss.error:
        first, *_ = loss.error.strip().split("\n")
        return Sentence("not checked", f"{loss.target}: {first}")
    total, errors, warnings = totals(loss.batches), _codes(loss, "error"), _codes(loss, "warning")
    entries, decided = counted(total.entries, "entry"), total.entries - total.unresolved
    of_all = f"{entries} of {loss.target}"
    unresolved = f"; {total.unresolved:,} unresolved" if total.unresolved else ""
    if total.wrong:
        because = f": {', '.join(errors)}" if errors else ""
        return Sentence("wrong", disagreement(total, f" of {loss.target}") + because + unresolved)
    if errors:
        agree = f"{decided:,} of {entries} agree" if total.entries else "no entry was checked"
        return Sentence("wrong", f"{loss.target}: {', '.join(errors)}; {agree}")
    if not total.entries:
        return Sentence("not checked", f"no entry of {loss.target} was checked")

    reservations = [counted(total.subgradient, "subgradient")] if total.subgradient else []
    if warnings:
        reservations.append(f"{counted(len(warnings), 'warning')}: {', '.join(warnings)}")
    if loss.failed:
        reservations.append("--strict allows no unresolved entry and no warning")
    projected = [problem for problem in loss.batches if problem.projections is not None]
    if not decided or any(each.projections and not each.projections.agree for each in projected):
        share = f"{decided:,}" if decided else "none"
        return Sentence("unresolved", "; ".join([f"{share} of {of_all} could be decided", *reservations]))
    if projected:
        reservations.insert(0, f"{totals(projected).entries:,} by random directions")
    share = f"{decided:,} of {of_all}" if total.unresolved else of_all
    agree = f"{share} agree, largest relative error {relative(total.max_relative_error)}{unresolved}"
    word: Word = "failed" if loss.failed else "right so far" if loss.unchecked else "right"
    return Sentence(word, "; ".join([agree, *reservations]))


def problem_remarks(problem: BatchReport) -> list[str]:
    """What projections show of a problem that is too large for a verdict on every entry; empty for any other."""
    seen = problem.projections
    if seen is None:
        return []
    line = f"{seen.directions} random directions {'agree with dS' if seen.agree else 'do not show that dS is right'}"
    if seen.agree and math.isfinite(seen.smallest_defect):
        share = f" ({relative(seen.smallest_relative_defect)} of the largest)" if seen.largest_gradient else ""
        line += f"; a defect of {relative(seen.smallest_defect)} in one entry{share} would have shown (99%)"
    return [line, *([seen.remark] if seen.remark else []), f"{counted(seen.checked, 'entry')} checked one by one"]


def loss_remarks(loss: LossReport) -> list[str]:
    """What was not checked; how values were obtained, and why; how many entries were judged by complex steps."""
    ways = {f"plan {problem.plan}: {problem.why}": None for problem in loss.batches if problem.why}
    lines = [*unchecked_remarks(loss), *ways]
    judged, entries = sum(problem.complex_steps for problem in loss.batches), totals(loss.batches).entries
    if judged:
        others = "" if judged == entries else ", the others by central differences"
        lines.append(f"{judged:,} of {counted(entries, 'entry')} judged by complex steps{others}")
    return lines


def unchecked_remarks(loss: LossReport) -> list[str]:
    """How many problems were not checked, and where the check was cut short; empty where all were checked."""
    if not loss.unchecked or loss.error:
        return []
    return [_not_checked(loss.unchecked) + (f"; cut short at {loss.cut_short}" if loss.cut_short else "")]


def _run_sentence(each: tuple[Sentence, ...], entries: int) -> Sentence:
    order: tuple[Word, ...] = ("wrong", "failed", "not checked", "unresolved", "right")
    counts = {word: sum(sentence.word == word for sentence in each) for word in order}
    word = next(word for word in order if counts[word])
    others = "".join(f", {count:,} {other}" for other, count in counts.items() if count and other != word)
    share = f"{counts[word]:,} of" if others else "all"
    return Sentence(word, f"{share} {counted(len(each), 'loss')}{others}; {counted(entries, 'entry')} in all")


def _codes(loss: LossReport, severity: str) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in loss.findings if finding.severity == severity))


def _not_checked(problems: int) -> str:
    return f"{counted(problems, 'problem')} {'was' if problems == 1 else 'were'} not checked"
