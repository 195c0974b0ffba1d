"""The errors that gradcheck raises, all of them.

    GradcheckError
    ├── UsageError            the run could not be done as asked: exit code 2
    │   ├── ConfigError       a configuration file or option: names file, line, key
    │   ├── TargetError       a target that cannot be found, imported or called
    │   └── OutputError       a report that cannot be written
    ├── OutOfTime             the run's time is up: what was done is reported, with exit code 2
    └── LossDefect            the loss broke its contract: exit code 1

Each message is written for the person who has to act on it: what is wrong, where, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class GradcheckError(Exception):
    """Base of every error that gradcheck raises on purpose."""


class UsageError(GradcheckError):
    """What was asked for cannot be done; nothing was judged.

    Args:
        message: what is wrong and where, in one or a few lines.
        hint: what to do about it; empty where the message says it already.
        details: lines of the user's own traceback, trimmed to their code; empty where there is none.
    """

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.details, self.hint) if part)


class ConfigError(UsageError):
    """A configuration that cannot be read or does not validate."""


class TargetError(UsageError):
    """A target that does not lead to a loss."""


class OutputError(UsageError):
    """A report that cannot be written where it was asked for."""


class OutOfTime(GradcheckError):  # noqa: N818  (nothing is wrong)
    """No further call of a loss may begin: the run's time is up.

    Attributes:
        found: the findings of the problem at hand, up to then.
    """

    found: Sequence[Any] = ()


class LossDefect(GradcheckError):  # noqa: N818  (the fault is the loss's: its code is a finding's)
    """The loss broke its contract: it raised, or returned what is no value and gradient.

    Args:
        code: the finding's stable code, for example ``wrong-shape``.
        message: what the loss did, with the numbers.
        details: lines of the user's own traceback, trimmed to their code; empty where there is none.
    """

    def __init__(self, code: str, message: str, *, details: str = "") -> None:
        super().__init__(code, message)  # with these, pickle makes it again
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message


def nearest(word: str, choices: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The choices that a person who typed ``word`` may have meant, the likeliest first.

    Case, hyphens and underscores do not count as differences.

    Args:
        word: what was typed.
        choices: what could have been typed.
        most: how many choices to return at most.

    Example:
        >>> nearest("batch_size", ["seed", "batch_sizes"])
        ('batch_sizes',)
    """
    import difflib

    # A longer word is no key and no name, and the time grows with the product of the lengths.
    typed = _folded(word)[:100]
    likeness = {choice: difflib.SequenceMatcher(None, _folded(choice), typed).ratio() for choice in choices}
    # Beside a word that is nearly right, one that merely shares letters would only distract.
    least = max(0.6, max(likeness.values(), default=0.0) - 0.1)
    found = [choice for choice, ratio in likeness.items() if ratio >= least]
    return tuple(sorted(found, key=lambda choice: -likeness[choice])[:most])


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``did you mean a or b?``, or an empty text where nothing is near."""
    found = nearest(word, choices)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _folded(word: str) -> str:
    return word.lower().replace("_", "-")
