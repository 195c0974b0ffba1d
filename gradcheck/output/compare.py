"""Two JSON reports compared: what became better, and what became worse."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.text import Text

from gradcheck.errors import UsageError
from gradcheck.output.json_ import SCHEMA
from gradcheck.output.screen import Screen
from gradcheck.output.text import Options, shorten

#: ``gone``: some of it is not checked any more. ``new``: it was not checked before. In the order of the report.
Direction = Literal["worse", "better", "gone", "new"]
_STYLES = {"worse": "bold red", "better": "green", "gone": "yellow", "new": "cyan"}


class State(NamedTuple):
    """What a report says of one loss: how bad it is as a whole and by problem, its findings, and the same in words."""

    badness: tuple[bool, bool]  # could not be checked, does not pass
    problems: Mapping[tuple[Any, ...], tuple[int, int]]  # wrong and unresolved entries
    findings: Mapping[str, str]  # severity by code
    words: str


class Change(NamedTuple):
    """What became of a loss; ``before`` and ``after`` are in words, and empty where it was not checked."""

    target: str
    direction: Direction
    before: str
    after: str


def read_report(path: Path) -> Mapping[str, State]:
    """Read a report as ``gradcheck run --format json`` writes it.

    Raises:
        UsageError: the file cannot be read, is no JSON, or is no report of schema 1.
    """
    where = "batch_size", "classes", "scores", "input", "seed"
    try:
        report = json.loads(path.read_bytes())
        if report["schema"] != SCHEMA:
            raise ValueError(f"its schema is {report['schema']}, not {SCHEMA}")
        return {
            loss["target"]: State(
                (bool(loss["error"]), not loss["passed"]),
                {tuple(map(batch.get, where)): (batch["wrong"], batch["unresolved"]) for batch in loss["batches"]},
                {finding["code"]: finding["severity"] for finding in loss["findings"]},
                f"{loss['verdict']}: {loss['summary']}",
            )
            for loss in report["losses"]
        }
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    except KeyError as error:
        message = f"is not a report of gradcheck: it has no key {error}"
    except (ValueError, TypeError, AttributeError) as error:
        message = f"is not a report of gradcheck: {error}"
    hint = "write one with `gradcheck run --format json --output json=report.json`"
    raise UsageError(f"{str(path)!r} {message}", hint=hint)


def compare(before: Mapping[str, State], after: Mapping[str, State], strict: bool = False) -> list[Change]:
    """What differs between two reports, the worse first.

    Worse is a loss that passed and does not, more wrong or unresolved entries in the same problem, a new error, or a
    loss that was checked and now could not be; with ``strict`` also a new warning, and what is not checked any more.
    Relative errors of right entries, and times, are not compared: they differ by rounding from run to run.
    """
    changes = []
    for target in {**before, **after}:
        old, new = before.get(target), after.get(target)
        if direction := _direction(old, new, strict):
            changes.append(Change(target, direction, old.words if old else "", new.words if new else ""))
    return sorted(changes, key=lambda change: list(_STYLES).index(change.direction))


def render(changes: Sequence[Change], options: Options) -> str:
    """The changes and a last line that sums them up (with ``quiet`` that alone), as text that ends with a newline."""
    screen = Screen(options)
    for change in () if options.quiet else changes:
        name = Text(screen.escape(shorten(change.target)), "bold")
        screen.say(Text.assemble((f"{change.direction}: ", _STYLES[change.direction]), name))
        for word, text in (("before", change.before), ("after", change.after)):
            if text:
                screen.say(screen.escape(shorten(text)), f"  {word:<6}  ")
        screen.say()
    directions = [change.direction for change in changes]
    word = next((word for word in ("worse", "better") if word in directions), "the same")
    counts = ", ".join(f"{directions.count(each):,} {each}" for each in dict.fromkeys(directions))
    screen.say(Text.assemble((word, _STYLES.get(word, "bold green")), f": {counts}" if counts else ""))
    return screen.text


def _direction(old: State | None, new: State | None, strict: bool) -> Direction | None:
    """Where a loss went; None where it stayed."""
    gone: Direction = "worse" if strict else "gone"
    if old is None or new is None:
        return gone if new is None else "worse" if any(new.badness) else "new"
    pairs: list[tuple[Any, Any]] = [(old.badness, new.badness)]
    if old.badness[0] == new.badness[0]:
        pairs += [(bad, new.problems[where]) for where, bad in old.problems.items() if where in new.problems]
        failing = ("error", "warning") if strict else ("error",)
        codes = {**old.findings, **new.findings}
        pairs += [(old.findings.get(code) in failing, new.findings.get(code) in failing) for code in codes]
    if any(before < after for before, after in pairs):
        return "worse"
    if any(before > after for before, after in pairs):
        return "better"
    return gone if old.problems.keys() - new.problems.keys() else None
