"""Two reports beside each other: what got better, and what got worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from gradcheck.output.stored import StoredBatch, StoredLoss, StoredReport

#: ``gone``: it was checked, and is not any more. ``new``: the other way round. In the order in which they are told.
Direction = Literal["worse", "better", "gone", "new"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True)
class Change:
    """One difference between two reports.

    Attributes:
        target: the loss.
        where: the problems, in words; empty for the loss as a whole.
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
    """What became of the losses of an earlier report in a later one.

    Attributes:
        changes: the worse ones first, each group in the order of the reports.
        losses: how many losses both reports hold.
        problems: how many problems both hold.
    """

    changes: tuple[Change, ...]
    losses: int
    problems: int

    @property
    def worse(self) -> tuple[Change, ...]:
        """The regressions."""
        return tuple(change for change in self.changes if change.direction == "worse")


def compare(before: StoredReport, after: StoredReport, strict: bool = False) -> Comparison:
    """What became better and what worse.

    Worse is a loss that passed and does not, more wrong or unresolved entries in the same problem, an error that was
    not there, or a loss that was checked and now could not be. Numbers of right entries, and times, are no news: they
    differ by rounding from run to run.

    Args:
        before, after: two reports.
        strict: a new warning is worse too, and so is what is not checked any more.
    """
    earlier, later = ({loss.target: loss for loss in report.losses} for report in (before, after))
    both = [target for target in earlier if target in later]
    changes = [change for target in both for change in _changes(earlier[target], later[target], strict)]
    changes += [_gone(target, "", strict) for target in earlier if target not in later]
    changes += [_arrived(later[target]) for target in later if target not in earlier]
    changes.sort(key=lambda change: DIRECTIONS.index(change.direction))
    problems = sum(len(_by_problem(earlier[target]).keys() & _by_problem(later[target]).keys()) for target in both)
    return Comparison(tuple(changes), len(both), problems)


def _changes(before: StoredLoss, after: StoredLoss, strict: bool) -> Iterator[Change]:
    target = after.target
    if bool(before.error) != bool(after.error):
        direction: Direction = "worse" if after.error else "better"
        yield Change(target, "", direction, before.error or "checked", after.error or "checked")
        return
    changes = [*_findings(before, after, strict), *_problems(before, after, strict)]
    yield from changes
    direction = "worse" if before.passed else "better"
    if before.passed != after.passed and not any(change.direction == direction for change in changes):
        yield Change(target, "", direction, *("passes" if loss.passed else "does not pass" for loss in (before, after)))


def _findings(before: StoredLoss, after: StoredLoss, strict: bool) -> Iterator[Change]:
    grave = ("error", "warning") if strict else ("error",)
    earlier, later = (
        {
            found.code: f"{found.severity}: {found.code}: {found.message}"
            for found in loss.findings
            if found.severity in grave
        }
        for loss in (before, after)
    )
    for code, text in later.items():
        if code not in earlier:
            yield Change(after.target, "", "worse", "", text)
    for code, text in earlier.items():
        if code not in later:
            yield Change(after.target, "", "better", text, "")


def _problems(before: StoredLoss, after: StoredLoss, strict: bool) -> Iterator[Change]:
    earlier, later = _by_problem(before), _by_problem(after)
    for problem, batch in later.items():
        if problem in earlier:
            yield from _entries(after.target, problem, earlier[problem], batch)
        elif batch.wrong and before.passed:
            yield Change(after.target, problem, "worse", "not checked", _counted(batch))
    for problem in earlier:
        if problem not in later:
            yield _gone(after.target, problem, strict)


def _entries(target: str, problem: str, before: StoredBatch, after: StoredBatch) -> Iterator[Change]:
    was, now = (before.wrong, before.unresolved), (after.wrong, after.unresolved)
    if was != now:
        worse = now[0] > was[0] or (now[0] == was[0] and now[1] > was[1])
        yield Change(target, problem, "worse" if worse else "better", _counted(before), _counted(after))


def _counted(batch: StoredBatch) -> str:
    counts = [(batch.wrong, "wrong"), (batch.unresolved, "unresolved")]
    bad = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"{bad or 'none wrong'} of {batch.entries:,}"


def _gone(target: str, problem: str, strict: bool) -> Change:
    return Change(target, problem, "worse" if strict else "gone", "checked", "not checked")


def _arrived(loss: StoredLoss) -> Change:
    """A loss that was not there before; a wrong one is worse than none."""
    if loss.passed:
        return Change(loss.target, "", "new", "", "passes")
    codes = ", ".join(finding.code for finding in loss.findings if finding.severity == "error")
    return Change(loss.target, "", "worse", "", loss.error or f"does not pass{f': {codes}' if codes else ''}")


def _by_problem(loss: StoredLoss) -> dict[str, StoredBatch]:
    """The problems of a loss, by what draws them, in words."""
    return {
        f"batch size {batch.batch_size}, {batch.classes} classes, {batch.scores}, seed {batch.seed}": batch
        for batch in loss.batches
    }
