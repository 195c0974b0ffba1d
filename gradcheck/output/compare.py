"""Two JSON reports compared: what became better, and what became worse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, Field, ValidationError
from rich.text import Text

from gradcheck.errors import UsageError
from gradcheck.output.options import Options
from gradcheck.output.screen import Screen
from gradcheck.output.text import counted, shorten

#: ``gone``: it was checked, and is not any more. ``new``: it was not checked before. In the order of the report.
Direction = Literal["worse", "better", "gone", "new"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_STYLES = {"worse": "bold red", "better": "green", "gone": "yellow", "new": "cyan"}


class StoredFinding(BaseModel):
    """A finding."""

    code: str
    severity: Literal["error", "warning", "note"]
    message: str


class StoredProblem(BaseModel):
    """A problem: what it is drawn from, and how many of its entries are wrong or unresolved."""

    batch_size: int
    classes: int
    scores: str
    seed: int
    entries: int
    wrong: int
    unresolved: int


class StoredLoss(BaseModel):
    """A loss; ``error`` says why it could not be checked."""

    target: str
    passed: bool
    batches: list[StoredProblem]
    findings: list[StoredFinding]
    error: str = ""


class StoredReport(BaseModel):
    """As much of a JSON report as a comparison needs; keys may have been added to schema 1 since."""

    schema_: Literal[1] = Field(alias="schema")
    losses: list[StoredLoss]


@dataclass(frozen=True)
class Change:
    """One difference between two reports.

    Attributes:
        target: the loss.
        where: the problem, in words, or a finding's code; empty for the loss as a whole.
        direction: for better or worse.
        before, after: in words; empty where there is nothing.
    """

    target: str
    where: str
    direction: Direction
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """The changes, the worse ones first, and how many losses and problems both reports hold."""

    changes: tuple[Change, ...]
    losses: int
    problems: int

    @property
    def worse(self) -> tuple[Change, ...]:
        """The regressions."""
        return tuple(change for change in self.changes if change.direction == "worse")


class _Fact(NamedTuple):
    """Something that a report says: how bad it is (larger is worse, zeros are right), and the same in words."""

    kind: Literal["loss", "problem", "finding"]
    badness: tuple[int, ...]
    words: str


def read_report(path: Path) -> StoredReport:
    """Read a report as ``gradcheck run --format json`` writes it.

    Raises:
        UsageError: the file cannot be read, is no JSON, or is no report of schema 1.
    """
    hint = "write one with `gradcheck run --format json --output json=report.json`"
    try:
        return StoredReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}", hint=hint) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = f", at {'.'.join(map(str, first['loc']))}" if first["loc"] else ""
        raise UsageError(f"{str(path)!r} is no gradcheck report{where}: {first['msg']}", hint=hint) from None


def compare(before: StoredReport, after: StoredReport, strict: bool = False) -> Comparison:
    """Compare two reports.

    Worse is a loss that passed and does not, more wrong or unresolved entries in the same problem, a new error, or a
    loss that was checked and now could not be. Relative errors of right entries, and times, are not compared: they
    differ by rounding from run to run.

    Args:
        before, after: two reports.
        strict: a new warning is worse too, and so is what is not checked any more.
    """
    earlier, later = ({loss.target: loss for loss in report.losses} for report in (before, after))
    changes: list[Change] = []
    problems = 0
    for target in dict.fromkeys([*earlier, *later]):
        was, now = earlier.get(target), later.get(target)
        comparable = was is not None and now is not None and bool(was.error) == bool(now.error)
        old, new = (_facts(loss, comparable, strict) for loss in (was, now))
        changes += _changes(target, old, new, strict)
        problems += sum(fact.kind == "problem" and where in new for where, fact in old.items())
    changes.sort(key=lambda change: DIRECTIONS.index(change.direction))
    return Comparison(tuple(changes), len(earlier.keys() & later.keys()), problems)


def render(comparison: Comparison, options: Options) -> str:
    """The changes and a last line that sums them up (with ``quiet`` that alone), as text that ends with a newline."""
    screen = Screen(options)
    for change in () if options.quiet else comparison.changes:
        name = Text(screen.escape(shorten(change.target)), "bold")
        where = f", {screen.escape(change.where)}" if change.where else ""
        screen.say(Text.assemble((f"{change.direction}: ", _STYLES[change.direction]), name, where))
        for word, text in (("before", change.before), ("after", change.after)):
            if text:
                screen.say(screen.escape(shorten(text)), f"  {word:<6}  ")
        screen.say()
    counts = {each: sum(change.direction == each for change in comparison.changes) for each in DIRECTIONS}
    word = "worse" if counts["worse"] else "better" if counts["better"] else "the same"
    parts = [f"{count:,} {direction}" for direction, count in counts.items() if count]
    parts.append(f"{counted(comparison.losses, 'loss')} and {counted(comparison.problems, 'problem')} in both reports")
    screen.say(Text.assemble((word, _STYLES.get(word, "bold green")), f": {', '.join(parts)}"))
    return screen.text


def _facts(loss: StoredLoss | None, in_detail: bool, strict: bool) -> dict[str, _Fact]:
    """What a report says of a loss, by where: of the loss as a whole; in detail also of each problem and finding."""
    if loss is None:
        return {}
    codes = ", ".join(finding.code for finding in loss.findings if finding.severity == "error")
    status = "passes" if loss.passed else f"does not pass{f': {codes}' if codes else ''}"
    facts = {"": _Fact("loss", (bool(loss.error), not loss.passed), loss.error or status)}
    if not in_detail:
        return facts
    for finding in loss.findings:
        if finding.severity == "error" or (strict and finding.severity == "warning"):
            facts[finding.code] = _Fact("finding", (1,), f"{finding.severity}: {finding.message}")
    for batch in loss.batches:
        bad = [f"{n:,} {word}" for n, word in ((batch.wrong, "wrong"), (batch.unresolved, "unresolved")) if n]
        where = f"batch size {batch.batch_size}, {batch.classes} classes, {batch.scores}, seed {batch.seed}"
        words = f"{', '.join(bad) or 'none wrong'} of {batch.entries:,}"
        facts[where] = _Fact("problem", (batch.wrong, batch.unresolved), words)
    return facts


def _changes(target: str, old: dict[str, _Fact], new: dict[str, _Fact], strict: bool) -> list[Change]:
    """The changes of one loss; of the loss as a whole only what no other change of the same direction says."""
    changes = []
    for where in dict.fromkeys([*new, *old]):
        before, after = old.get(where), new.get(where)
        if before and after:
            if before.badness != after.badness:
                worse = after.badness > before.badness
                changes.append(Change(target, where, "worse" if worse else "better", before.words, after.words))
        elif after and any(after.badness):
            changes.append(Change(target, where, "worse", "", after.words))
        elif after and after.kind == "loss":
            changes.append(Change(target, where, "new", "", after.words))
        elif before and before.kind == "finding":
            changes.append(Change(target, where, "better", before.words, ""))
        elif before:
            changes.append(Change(target, where, "worse" if strict else "gone", before.words, "not checked"))
    said = {change.direction for change in changes if change.where}
    return [change for change in changes if change.where or change.direction not in said]
