"""The kinds of scores that problems are drawn from, as mappings and as text."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gradcheck.config_source import read_text
from gradcheck.errors import ConfigError

# Sums of squares and the step beside it stay finite in float64, the scores themselves also in float32.
_LARGEST = 1e30

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-_LARGEST, le=_LARGEST)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=_LARGEST)]
# Up to here float64 holds every integer.
Integer = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]


def rule(problem: str, *keys: str) -> PydanticCustomError:
    """What a validator of ours raises: plain words, and the path to the key they are about."""
    return PydanticCustomError("said", "{problem}", {"problem": problem, "keys": keys})


class _Kind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    distribution: str

    def describe(self) -> str:
        """For example ``normal(0, 0.001)``; `parse_scores` reads it back."""
        return f"{self.distribution}({', '.join(_short(value) for value in self.parameters().values())})"

    def parameters(self) -> dict[str, float]:
        """The distribution's parameters by name, in order."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "distribution"}


class Normal(_Kind):
    """Independent normal scores."""

    distribution: Literal["normal"] = Field(default="normal", description="Independent normal scores.")
    loc: Finite = Field(default=0.0, description="Mean of the scores.")
    scale: Positive = Field(default=1.0, description="Standard deviation of the scores.")


class Integers(_Kind):
    """Whole scores: exact ties, and margins of exactly 0 and 1."""

    distribution: Literal["integers"] = Field(
        default="integers", description="Whole scores: exact ties, margins of 0."
    )
    low: Integer = Field(default=-2, description="Least score.")
    high: Integer = Field(default=2, description="Largest score, itself included.")

    @model_validator(mode="after")
    def _in_order(self) -> Integers:
        if self.low > self.high:
            raise rule(f"low is {self.low} and high is {self.high}; low must be at most high", "low")
        return self


class Uniform(_Kind):
    """Scores spread evenly over an interval."""

    distribution: Literal["uniform"] = Field(
        default="uniform", description="Scores spread evenly over an interval."
    )
    low: Finite = Field(default=-1.0, description="Lower end of the scores.")
    high: Finite = Field(default=1.0, description="Upper end of the scores.")

    @model_validator(mode="after")
    def _in_order(self) -> Uniform:
        if not self.low < self.high:
            problem = f"low is {_short(self.low)} and high is {_short(self.high)}; low must be below high"
            raise rule(problem, "low")
        return self


class StudentT(_Kind):
    """Heavy-tailed scores: a few are very large."""

    distribution: Literal["student-t"] = Field(
        default="student-t", description="Heavy tails: a few scores are large."
    )
    df: Positive = Field(default=2.0, description="Degrees of freedom; the fewer, the heavier the tails.")
    scale: Positive = Field(default=1.0, description="What the scores are multiplied by.")


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
    if text.lstrip().startswith("{"):
        return read_text(text, "this text", is_file=False).data
    call = _CALL.fullmatch(text)
    if call is None:
        raise ConfigError('must read like "normal" or "normal(0, 0.001)"')
    name, arguments = call.groups()
    kind = KINDS.get(name)
    if kind is None or arguments is None:
        return {"distribution": name}
    names = [field for field in kind.model_fields if field != "distribution"]
    values = read_text(f"[{arguments}]", "the text in parentheses", is_file=False).data
    if not isinstance(values, list) or len(values) > len(names):
        raise ConfigError(f"{name} takes at most {len(names)} numbers, {name}({', '.join(names)})")
    return {"distribution": name, **dict(zip(names, values, strict=False))}


def _short(number: float) -> str:
    """The shortest text that reads back as this very number, without a needless ``.0``."""
    return repr(number + 0.0 if isinstance(number, float) else number).removesuffix(".0")  # + 0.0: no "-0"
