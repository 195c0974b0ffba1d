"""Two JSON reports compared: what became better, and what became worse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from rich.text import Text

from gradcheck.errors import UsageError
from gradcheck.output.json_ import SCHEMA
from gradcheck.output.options import Options
from gradcheck.output.screen import Screen
from gradcheck.output.text import counted, shorten

#: ``gone``: it was checked, and is not any more. ``new``: it was not checked before. In the order of the report.
Direction = Literal["worse", "better", "gone", "new"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_STYLES = {"worse": "bold red", "better": "green", "gone": "yellow", "new": "cyan"}


class Fact(NamedTuple):
    """Something that a report says: how bad it is (larger is worse, zeros are right), and the same in words."""

    kind: Literal["loss", "problem", "error", "warning"]
    badness: tuple[int, ...]
    words: str


#: What a report says of each loss, by target and by where: the loss as a whole (empty), a problem, a finding's code.
Facts = Mapping[str, Mapping[str, Fact]]


@dataclass(frozen=True)
class Change:
    """One difference between two reports; ``before`` and ``after`` are in words, and empty where there is nothing."""

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


def read_report(path: Path) -> Facts:
    """Read a report as ``gradcheck run --format json`` writes it.

    Raises:
        UsageError: the file cannot be read, is no JSON, or is no report of schema 1.
    """
    hint = "write one with `gradcheck run --format json --output json=report.json`"
    try:
        return facts(json.loads(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}", hint=hint) from None
    except KeyError as error:
        raise UsageError(f"{str(path)!r} is no gradcheck report: it has no key {error}", hint=hint) from None
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{str(path)!r} is no gradcheck report: {error}", hint=hint) from None


def facts(report: Mapping[str, Any]) -> Facts:
    """What a report says.

    Args:
        report: parsed JSON of schema 1; keys may have been added since.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is something else.
    """
    if report["schema"] != SCHEMA:
        raise ValueError(f"its schema is {report['schema']}, not {SCHEMA}")
    return {loss["target"]: _facts(loss) for loss in report["losses"]}


def compare(before: Facts, after: Facts, strict: bool = False) -> Comparison:
    """Compare two reports.

    Worse is a loss that passed and does not, more wrong or unresolved entries in the same problem, a new error, or a
    loss that was checked and now could not be. Relative errors of right entries, and times, are not compared: they
    differ by rounding from run to run.

    Args:
        before, after: two reports.
        strict: a new warning is worse too, and so is what is not checked any more.
    """
    both = before.keys() & after.keys()
    changes = [
        change
        for target in dict.fromkeys([*before, *after])
        for change in _changes(target, before.get(target, {}), after.get(target, {}), strict)
    ]
    changes.sort(key=lambda change: DIRECTIONS.index(change.direction))
    problems = [
        where
        for target in both
        for where, fact in before[target].items()
        if fact.kind == "problem" and where in after[target]
    ]
    return Comparison(tuple(changes), len(both), len(problems))


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


def _facts(loss: Mapping[str, Any]) -> dict[str, Fact]:
    findings, error, passed = loss["findings"], loss.get("error", ""), bool(loss["passed"])
    codes = ", ".join(finding["code"] for finding in findings if finding["severity"] == "error")
    status = "passes" if passed else f"does not pass{f': {codes}' if codes else ''}"
    found = {"": Fact("loss", (bool(error), not passed), error or status)}
    for finding in findings:
        severity = finding["severity"]
        if severity != "note":
            found[finding["code"]] = Fact(severity, (1,), f"{severity}: {finding['message']}")
    for batch in loss["batches"]:
        bad = [f"{batch[word]:,} {word}" for word in ("wrong", "unresolved") if batch[word]]
        where = "batch size {batch_size}, {classes} classes, {scores}, seed {seed}".format_map(batch)
        words = f"{', '.join(bad) or 'none wrong'} of {batch['entries']:,}"
        found[where] = Fact("problem", (batch["wrong"], batch["unresolved"]), words)
    return found


def _changes(target: str, old: Mapping[str, Fact], new: Mapping[str, Fact], strict: bool) -> list[Change]:
    """The changes of one loss; of the loss as a whole only what no other change of the same direction says."""
    comparable = old and new and old[""].badness[0] == new[""].badness[0]
    changes = []
    for where in dict.fromkeys([*new, *old]) if comparable else [""]:
        before, after = old.get(where), new.get(where)
        kind = (after or before or old[""]).kind
        if kind == "warning" and not strict:
            continue
        direction: Direction | None = None
        if before and after:
            if before.badness != after.badness:
                direction = "worse" if after.badness > before.badness else "better"
        elif after:
            direction = "worse" if any(after.badness) else "new" if kind == "loss" else None
        else:
            direction = "better" if kind in ("error", "warning") else "worse" if strict else "gone"
        if direction:
            gone = "not checked" if direction == "gone" or (strict and kind in ("loss", "problem")) else ""
            changes.append(
                Change(target, where, direction, before.words if before else "", after.words if after else gone)
            )
    said = {change.direction for change in changes if change.where}
    return [change for change in changes if change.where or change.direction not in said]
