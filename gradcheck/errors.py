"""All errors that gradcheck raises."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


class GradcheckError(Exception):
    """Base of every error that gradcheck raises on purpose."""


@dataclass(eq=False, repr=False)
class UsageError(GradcheckError):
    """What was asked for cannot be done, as a report that cannot be written: exit code 2."""

    message: str  # what is wrong and where, in one or a few lines
    hint: str = field(default="", kw_only=True)  # what to do about it; may be empty
    details: str = field(default="", kw_only=True)  # lines of the traceback in the user's own code; may be empty

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.details, self.hint) if part)


class ConfigError(UsageError, ValueError):
    """A configuration file or option that cannot be read or does not validate: names file, line, key."""


class TargetError(UsageError):
    """A target that cannot be found, imported or called."""


class OutOfTime(GradcheckError):  # noqa: N818  (nothing is wrong)
    """The run's time is up, and what was done is reported, with exit code 2; its text says where: ``at a.py:5``."""

    found: Sequence[Any] = ()  # the findings of the current problem


@dataclass(eq=False, repr=False)
class LossDefect(GradcheckError):  # noqa: N818  (the fault is the loss's)
    """The loss broke its contract: it raised, or did not return a value and a gradient; exit code 1."""

    code: str  # of the finding, for example ``wrong-shape``
    message: str  # what the loss did, with the numbers
    details: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return self.message


def nearest(word: str, choices: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """At most ``most`` of the choices that ``word`` may stand for, the likeliest first, whatever the case and hyphens.

    Example:
        >>> nearest("batch_size", ["seed", "batch_sizes"])
        ('batch_sizes',)
    """

    def folded(text: str) -> str:
        return text.lower().replace("_", "-")[:100]  # the time grows with the product of the lengths

    likeness = {choice: difflib.SequenceMatcher(None, folded(choice), folded(word)).ratio() for choice in choices}
    # Beside a nearly right word, one that only shares letters would distract.
    least = max(0.6, max(likeness.values(), default=0.0) - 0.1)
    found = [choice for choice, ratio in likeness.items() if ratio >= least]
    return tuple(sorted(found, key=lambda choice: -likeness[choice])[:most])


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``did you mean a or b?``, or an empty text where nothing is near."""
    return f"did you mean {' or '.join(found)}?" if (found := nearest(word, choices)) else ""
