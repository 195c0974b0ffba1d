"""The verdict in words: one sentence for each loss, and one for the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gradcheck.rendering.marks import counted, relative
from gradcheck.report import LossReport, Report

Word = Literal["right", "right so far", "wrong", "failed", "unresolved", "not checked", "interrupted"]


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
    if report.interrupted:
        # Only the last one can have been cut short, and what it left out may be wrong.
        each = (
            *each[:-1],
            *(replace(last, word="right so far") if last.word == "right" else last for last in each[-1:]),
        )
        return (*each, _interrupted(report))
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
    entries = sum(batch.entries for batch in loss.batches)
    wrong = sum(batch.wrong for batch in loss.batches)
    unresolved = sum(batch.unresolved for batch in loss.batches)
    largest = relative(max((batch.max_relative_error for batch in loss.batches), default=0.0))
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
    if unresolved == entries:
        return Sentence("unresolved", "; ".join([f"none {of_all} could be decided", *_reservations(loss)]))
    agree = f"{entries - unresolved:,} {of_all}" if unresolved else of_all.removeprefix("of ")
    reservations = [f"{unresolved:,} unresolved"] if unresolved else []
    return Sentence(
        "right" if loss.passed else "failed",
        "; ".join([f"{agree} agree, largest relative error {largest}", *reservations, *_reservations(loss)]),
    )


def _reservations(loss: LossReport) -> list[str]:
    """What else a reader should know of a loss with no wrong entry and no error."""
    subgradient = sum(batch.subgradient for batch in loss.batches)
    warnings = sum(finding.severity == "warning" for finding in loss.findings)
    reservations = []
    if subgradient:
        reservations.append(counted(subgradient, "subgradient"))
    if warnings:
        reservations.append(f"{counted(warnings, 'warning')}: {_codes(loss, 'warning')}")
    if not loss.passed:
        reservations.append("--strict allows no unresolved entry and no warning")
    return reservations


def _codes(loss: LossReport, severity: str) -> str:
    return ", ".join(dict.fromkeys(finding.code for finding in loss.findings if finding.severity == severity))


def _interrupted(report: Report) -> Sentence:
    problems = [batch for loss in report.losses for batch in loss.batches]
    if not problems:
        return Sentence("interrupted", "before any problem was checked")
    done = f"{counted(len(problems), 'problem')}, {counted(sum(batch.entries for batch in problems), 'entry')}"
    return Sentence("interrupted", f"after {done}; the rest was not checked")


def _together(report: Report, each: tuple[Sentence, ...]) -> Sentence:
    """The run of several losses: the gravest word of theirs, and how many are what."""
    gravity: tuple[Word, ...] = ("wrong", "failed", "not checked", "unresolved", "right")
    counts = {word: sum(sentence.word == word for sentence in each) for word in gravity}
    word = next(word for word in gravity if counts[word])
    if counts[word] == len(each):
        others = ""
    else:
        others = "".join(f", {count:,} {other}" for other, count in counts.items() if count and other != word)
    entries = counted(sum(batch.entries for loss in report.losses for batch in loss.batches), "entry")
    of = f"{counts[word]:,} of" if others else "all"
    return Sentence(word, f"{of} {counted(len(each), 'loss')}{others}; {entries} in all")
