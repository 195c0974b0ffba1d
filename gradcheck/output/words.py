"""The verdict in words: one sentence for each loss, and one for the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gradcheck.output.marks import counted, relative
from gradcheck.output.remarks import not_checked
from gradcheck.output.totals import Totals
from gradcheck.report import BatchReport, LossReport, Report, Verdict

if TYPE_CHECKING:
    from gradcheck.report import Projections

Word = Literal["right", "right so far", "wrong", "failed", "unresolved", "not checked", "interrupted", "out of time"]


@dataclass(frozen=True)
class Sentence:
    """The word that says it all, and the rest of the sentence (untouched text from outside in it)."""

    word: Word
    rest: str

    def __str__(self) -> str:
        return f"{self.word}: {self.rest}"


def sentences(report: Report) -> tuple[Sentence, ...]:
    """What a run says in words: a sentence for each loss, and a last one for the run where that says more."""
    each = tuple(loss_sentence(loss) for loss in report.losses)
    if report.interrupted or report.out_of_time:
        return (*each, _cut_short(report))
    if not each:
        return (Sentence("not checked", "no loss was named"),)
    return each if len(each) == 1 else (*each, _together(report, each))


def loss_sentence(loss: LossReport) -> Sentence:
    """What the check of one loss says in words.

    >>> str(loss_sentence(LossReport("nosuch", None, None, (), (), error="there is no such loss")))
    'not checked: nosuch: there is no such loss'
    """
    if loss.error:
        first, *_ = loss.error.strip().splitlines() or ["for no reason given"]
        return Sentence("not checked", f"{loss.target}: {first}")
    totals = Totals(loss.batches)
    entries, wrong, unresolved = totals.entries, totals.count(Verdict.WRONG), totals.count(Verdict.UNRESOLVED)
    largest = relative(totals.max_relative_error)
    errors = _codes(loss, "error")
    of_all = f"of {counted(entries, 'entry')} of {loss.target}"
    if wrong:
        verb = "disagrees" if wrong == 1 else "disagree"
        because = f": {errors}" if errors else ""
        undecided = f"; {unresolved:,} unresolved" if unresolved else ""
        return Sentence("wrong", f"{wrong:,} {of_all} {verb}, largest relative error {largest}{because}{undecided}")
    if errors:
        agree = f"{entries - unresolved:,} of {counted(entries, 'entry')} agree"
        return Sentence("wrong", f"{loss.target}: {errors}; {agree if entries else 'no entry was checked'}")
    if not entries:
        return Sentence("not checked", f"no entry of {loss.target} was checked")
    projected = [batch for batch in loss.batches if batch.projections is not None]
    if unresolved == entries or any(not told.agree for told in _projections(loss)):
        decided = f"{entries - unresolved:,} {of_all}" if unresolved < entries else f"none {of_all}"
        return Sentence("unresolved", "; ".join([f"{decided} could be decided", *_reservations(loss)]))
    agree = f"{entries - unresolved:,} {of_all}" if unresolved else of_all.removeprefix("of ")
    if len(projected) == len(loss.batches):
        agree = f"projections of {agree}"
        largest += f" of {sum(told.checked for told in _projections(loss)):,} checked one by one"
    reservations = [f"{unresolved:,} unresolved"] if unresolved else []
    if projected:
        by = "" if len(projected) == len(loss.batches) else f"{Totals(projected).entries:,} by projections: "
        defect = relative(max(told.smallest_defect for told in _projections(loss)))
        reservations.append(f"{by}a defect of {defect} in one entry would have shown (99%)")
    return Sentence(
        "failed" if loss.failed else "right so far" if loss.unchecked else "right",
        "; ".join([f"{agree} agree, largest relative error {largest}", *reservations, *_reservations(loss)]),
    )


def _projections(loss: LossReport) -> list[Projections]:
    return [batch.projections for batch in loss.batches if batch.projections is not None]


def _reservations(loss: LossReport) -> list[str]:
    """What else a reader should know of a loss with no wrong entry and no error."""
    subgradient = Totals(loss.batches).count(Verdict.SUBGRADIENT)
    warnings = sum(finding.severity == "warning" for finding in loss.findings)
    reservations = []
    if subgradient:
        reservations.append(counted(subgradient, "subgradient"))
    if warnings:
        reservations.append(f"{counted(warnings, 'warning')}: {_codes(loss, 'warning')}")
    if loss.failed:
        reservations.append("--strict allows no unresolved entry and no warning")
    return reservations


def _codes(loss: LossReport, severity: str) -> str:
    return ", ".join(dict.fromkeys(finding.code for finding in loss.findings if finding.severity == severity))


def _cut_short(report: Report) -> Sentence:
    word: Word = "interrupted" if report.interrupted else "out of time"
    problems = _problems(report)
    if not problems:
        return Sentence(word, "before any problem was checked")
    done = f"{counted(len(problems), 'problem')}, {counted(Totals(problems).entries, 'entry')}"
    return Sentence(word, f"after {done}; {not_checked(sum(loss.unchecked for loss in report.losses))}")


def _problems(report: Report) -> list[BatchReport]:
    return [batch for loss in report.losses for batch in loss.batches]


def _together(report: Report, each: tuple[Sentence, ...]) -> Sentence:
    """The run of several losses: the gravest word of theirs, and how many are what."""
    gravity: tuple[Word, ...] = ("wrong", "failed", "not checked", "unresolved", "right")
    counts = {word: sum(sentence.word == word for sentence in each) for word in gravity}
    word = next(word for word in gravity if counts[word])
    if counts[word] == len(each):
        others = ""
    else:
        others = "".join(f", {count:,} {other}" for other, count in counts.items() if count and other != word)
    entries = counted(Totals(_problems(report)).entries, "entry")
    of = f"{counts[word]:,} of" if others else "all"
    return Sentence(word, f"{of} {counted(len(each), 'loss')}{others}; {entries} in all")
