"""The kinds of scores that problems are drawn from, as values and as text.

Which parameters are allowed is `gradcheck.config.model`'s to say, once a configuration is made of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal

from gradcheck.errors import ConfigError


class _Kind:
    """What the kinds have in common: a name, and parameters that are numbers."""

    __slots__ = ()

    distribution: str

    def describe(self) -> str:
        """For example ``normal(0, 0.001)``; `parse_scores` reads it back."""
        return f"{self.distribution}({', '.join(short(value) for value in self.parameters().values())})"

    def parameters(self) -> dict[str, float]:
        """The distribution's parameters by name, in order."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    @classmethod
    def parameter_names(cls) -> list[str]:
        """The names of the distribution's parameters, in order."""
        return [key.name for key in fields(cls) if key.name != "distribution"]  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Normal(_Kind):
    """Independent normal scores.

    Attributes:
        loc: their mean.
        scale: their standard deviation.
    """

    distribution: Literal["normal"] = "normal"
    loc: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Integers(_Kind):
    """Whole scores: exact ties, and margins of exactly 0 and 1.

    Attributes:
        low, high: the least and the largest score, both included.
    """

    distribution: Literal["integers"] = "integers"
    low: int = -2
    high: int = 2


@dataclass(frozen=True, kw_only=True)
class Uniform(_Kind):
    """Scores spread evenly over an interval.

    Attributes:
        low, high: its ends.
    """

    distribution: Literal["uniform"] = "uniform"
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StudentT(_Kind):
    """Heavy-tailed scores: a few are very large.

    Attributes:
        df: degrees of freedom; the fewer, the heavier the tails.
        scale: what the scores are multiplied by.
    """

    distribution: Literal["student-t"] = "student-t"
    df: float = 2.0
    scale: float = 1.0


ScoresKind = Normal | Integers | Uniform | StudentT

#: Each kind of scores by its distribution.
KINDS: dict[str, type[ScoresKind]] = {
    "normal": Normal,
    "integers": Integers,
    "uniform": Uniform,
    "student-t": StudentT,
}

_CALL = re.compile(r"\s*([A-Za-z][\w-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


def opened(text: str) -> Any:
    """A kind of scores written as text, as the mapping it stands for, not yet validated.

    Args:
        text: ``normal``, ``normal(0, 0.001)`` or ``{distribution: normal, scale: 0.001}``.

    Raises:
        ConfigError: neither a name, nor a name with numbers, nor YAML.

    Example:
        >>> opened("normal(0, 0.001)")
        {'distribution': 'normal', 'loc': 0, 'scale': 0.001}
    """
    from gradcheck.config.source import read_text  # PyYAML: only a run that has YAML to read pays for it

    if text.lstrip().startswith("{"):
        return read_text(text, "this text", is_file=False).data
    call = _CALL.fullmatch(text)
    if call is None:
        raise ConfigError('must read like "normal" or "normal(0, 0.001)"')
    name, arguments = call.groups()
    kind = KINDS.get(name)
    if kind is None or arguments is None:
        return {"distribution": name}
    names = kind.parameter_names()
    values = read_text(f"[{arguments}]", "the text in parentheses", is_file=False).data
    if not isinstance(values, list) or len(values) > len(names):
        raise ConfigError(f"{name} takes at most {len(names)} numbers, {name}({', '.join(names)})")
    return {"distribution": name, **dict(zip(names, values, strict=False))}


def short(number: float) -> str:
    """The shortest text that reads back as this very number, without a needless ``.0``."""
    return repr(number + 0.0 if isinstance(number, float) else number).removesuffix(".0")  # + 0.0: no "-0"
