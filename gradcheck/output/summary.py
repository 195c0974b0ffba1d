"""What a report says as a whole: totals, the verdict in a sentence, remarks. Every format takes them from here."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from gradcheck.output.text import SIGNS, counted, derivatives, digits_of, number, relative
from gradcheck.report import BatchReport, Entry, LossReport, Report, StepEvidence, derivative_of

Word = Literal["right", "right so far", "wrong", "failed", "unresolved", "not checked", "interrupted", "out of time"]

_SYMBOLS = {
    "p_j": "softmax of class j",
    "1{j=y}": "1 in the label's class, else 0",
    "s_j": "score of class j",
    "y_j": "label's number for class j",
}
#: Of a table: the text in each column.
Row = dict[str, str]


class Sentence(NamedTuple):
    """A verdict as a sentence."""

    verdict: Word
    summary: str  # the rest of the sentence; it may hold text from outside, not yet escaped

    def __str__(self) -> str:
        return f"{self.verdict}: {self.summary}"


@dataclass(frozen=True, eq=False)
class Totals:
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


def totals_by_kind(problems: Iterable[BatchReport]) -> dict[tuple[int, int, str, str], Totals]:
    """Totals for each batch size, number of classes, kind of scores and input, in the order of the first of each."""
    groups = grouped(problems, "batch_size", "classes", "scores", "input")
    return {kind: totals(group) for kind, group in groups.items()}


def grouped(problems: Iterable[BatchReport], *attributes: str) -> dict[Any, list[BatchReport]]:
    """The problems by these attributes, each group in the place of its first problem."""
    groups: dict[Any, list[BatchReport]] = {}
    for problem in problems:
        groups.setdefault(attrgetter(*attributes)(problem), []).append(problem)
    return groups


def total_rows(problems: Sequence[BatchReport]) -> list[Row]:
    """A row for each batch size, number of classes and kind of scores."""
    rows, named = [], all(problem.input for problem in problems)
    for (N, C, scores, name), total in totals_by_kind(problems).items():
        kind = f"{scores}, {name}" if name else scores  # second derivatives stand beside what is of scores
        row = {"N": f"{N}"} | ({"input": name} if named else {"C": f"{C}", "scores": kind})
        row |= {"problems": f"{total.problems:,}", "entries": f"{total.entries:,}", "wrong": f"{total.wrong:,}"}
        row |= {"kinks": f"{total.subgradient:,}", "unresolved": f"{total.unresolved:,}"}
        row |= {"error": relative(total.max_relative_error), "calls": f"{total.evaluations:,}"}
        rows.append(row | {"time": f"{total.seconds:.2f} s"})
    return rows


def input_rows(problems: Sequence[BatchReport]) -> list[Row]:
    """A row for each input of a function of named inputs, the worst last."""
    rows = []
    for group in sorted(grouped(problems, "input").values(), key=lambda group: max(map(severity_key, group))):
        total, largest = totals(group), max(group, key=attrgetter("entries"))
        row = {"input": largest.input or "S", "shape": largest.size, "entries": f"{total.entries:,}"}
        row |= {verdict: f"{getattr(total, verdict) or ''}" for verdict in ("subgradient", "unresolved", "wrong")}
        rows.append(row | {"largest error": relative(total.max_relative_error)})
    return rows


def entry_rows(entries: Sequence[Entry], full: bool = False) -> list[Row]:
    """A row for each of these entries; ``full`` adds the plain difference, its step and the reference."""
    rows = []
    for entry in entries:
        label = "" if entry.label is None else f"{entry.label}"
        analytic, numerical = derivatives(entry)
        row = {"row": f"{entry.row}", "class": f"{entry.class_}", "label": label, "score": number(entry.score)}
        if entry.input:
            row = {"entry": entry.name.removeprefix("d"), "at": number(entry.score)}
        row |= {"gradient" if entry.input else "dS": analytic, "numerical": numerical, "bound": relative(entry.bound)}
        if full:
            row |= {"plain": number(entry.plain, digits_of(entry)), "step": relative(entry.step)}
            if any(each.central is not None for each in entries):
                central = entry.numerical if entry.central is None else entry.central
                row |= {"reference": entry.reference, "central": number(central, digits_of(entry))}
        verdict = f"{SIGNS[entry.verdict]} {entry.verdict.value}"
        rows.append(row | {"error": relative(entry.relative_error), "verdict": verdict})
    return rows


def step_rows(evidence: StepEvidence) -> list[Row]:
    """A row for each step of an entry that was asked for."""
    return [
        {
            "h": relative(each.step),
            "difference": number(each.difference, 9),
            "error": relative(each.error),
            "order": "exact" if evidence.exact else "" if each.order is None else f"{round(each.order, 2) + 0.0:.2f}",
            "rounding": relative(each.rounding),
        }
        for each in evidence.steps
    ]


def kind_of(problem: BatchReport) -> str:
    """What a problem is of: ``5 classes, normal(0, 1)``, or ``dW, 4 x 5``; it may hold text from outside."""
    if problem.input:
        return f"{derivative_of(problem.input)}, {problem.size}"
    return f"{counted(problem.classes, 'class')}, {problem.scores}"


def severity_key(problem: BatchReport) -> tuple[int, bool, bool, float]:
    """Orders problems by how bad they are: wrong entries, unresolved ones, kinks, the largest relative error."""
    largest = problem.max_relative_error
    return problem.wrong, problem.unresolved > 0, problem.subgradient > 0, math.inf if math.isnan(largest) else largest


def worst_of_each(problems: Iterable[BatchReport], *attributes: str) -> list[BatchReport]:
    """The worst problem of each group with these attributes in common: batch size, classes and input unless named."""
    groups = grouped(problems, *(attributes or ("batch_size", "classes", "input")))
    return [max(group, key=severity_key) for group in groups.values()]


def sentences(report: Report) -> tuple[Sentence, ...]:
    """One sentence for each loss, and a last one for the run where there are several losses or it was cut short."""
    each = tuple(map(loss_sentence, report.losses))
    total = totals([problem for loss in report.losses for problem in loss.batches])
    entries = counted(total.entries, "entry")
    if report.interrupted or report.out_of_time:
        left = _not_checked(sum(loss.unchecked for loss in report.losses))
        done = f"after {counted(total.problems, 'problem')}, {entries}; {left}"
        word: Word = "interrupted" if report.interrupted else "out of time"
        return (*each, Sentence(word, done if total.problems else "before any problem was checked"))
    if len(each) < 2:
        return each or (Sentence("not checked", "no loss was named"),)
    order: tuple[Word, ...] = ("wrong", "failed", "not checked", "unresolved", "right")
    counts = {word: sum(sentence.verdict == word for sentence in each) for word in order}
    word = next(word for word in order if counts[word])
    others = "".join(f", {count:,} {other}" for other, count in counts.items() if count and other != word)
    share = f"{counts[word]:,} of" if others else "all"
    return (*each, Sentence(word, f"{share} {counted(len(each), 'loss')}{others}; {entries} in all"))


def loss_sentence(loss: LossReport) -> Sentence:
    """The verdict on one loss."""
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
    reservations += [f"value and gradient are those of {loss.alike}"] if loss.alike else []
    word: Word = "failed" if loss.failed else "right so far" if loss.unchecked else "right"
    return Sentence(word, "; ".join([agree, *reservations]))


def disagreement(total: Totals, of: str = "") -> str:
    """How many entries are wrong, and how much; ``of`` says whose they are."""
    verb = "disagrees" if total.wrong == 1 else "disagree"
    largest = relative(total.max_relative_error)
    return f"{total.wrong:,} of {counted(total.entries, 'entry')}{of} {verb}, largest relative error {largest}"


def problem_remarks(problem: BatchReport) -> list[str]:
    """What projections show of a problem that is too large for a verdict on every entry; empty for any other."""
    seen = problem.projections
    if seen is None:
        return []
    dS = "the gradient" if problem.input else "dS"
    outcome = f"agree with {dS}" if seen.agree else f"do not show that {dS} is right"
    line = f"{seen.directions} random directions {outcome}"
    line += ", apart from the wrong entries" if seen.agree and problem.wrong else ""
    if seen.agree and math.isfinite(seen.smallest_defect):
        share = f" ({relative(seen.smallest_relative_defect)} of the largest)" if seen.largest_gradient else ""
        line += f"; a defect of {relative(seen.smallest_defect)} in one entry{share} would have shown (99%)"
    return [line, *([seen.remark] if seen.remark else []), f"{counted(seen.checked, 'entry')} checked one by one"]


def loss_remarks(loss: LossReport) -> list[str]:
    """What was not checked; how values were obtained, and why; how many entries were judged by complex steps."""
    lines = []
    if loss.unchecked and not loss.error:
        where = f"; cut short at {loss.cut_short.removeprefix('at ')}" if loss.cut_short else ""
        lines = [_not_checked(loss.unchecked) + where]
    lines += dict.fromkeys(f"plan {problem.plan}: {problem.why}" for problem in loss.batches if problem.why)
    judged, entries = sum(problem.complex_steps for problem in loss.batches), totals(loss.batches).entries
    if judged:
        others = "" if judged == entries else ", the others by central differences"
        lines.append(f"{judged:,} of {counted(entries, 'entry')} judged by complex steps{others}")
    return lines


def symbols(loss: LossReport) -> str:
    """What the symbols in the findings' messages mean, in a line; empty where there are none."""
    text = "".join(finding.message for finding in loss.findings)
    return "; ".join(f"{symbol}: {meaning}" for symbol, meaning in _SYMBOLS.items() if symbol in text)


def _codes(loss: LossReport, severity: str) -> list[str]:
    return list(dict.fromkeys(finding.code for finding in loss.findings if finding.severity == severity))


def _not_checked(problems: int) -> str:
    return f"{counted(problems, 'problem')} {'was' if problems == 1 else 'were'} not checked"
