"""How problems are drawn: the distributions of scores, as values and as text, and the labels."""

import re
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gradcheck.config.source import read_text
from gradcheck.errors import ConfigError

# Up to 1e30 sums of squares, and the steps taken, stay finite in float64, and the scores themselves in float32.
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e30, le=1e30)]
_Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e30)]
_Integer = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]  # float64 holds each of them


class _Distribution:
    def describe(self) -> str:
        """The distribution as text, for example ``normal(0, 0.001)``; `parse_distribution` reads it back."""
        name, *values = vars(self).values()
        # The shortest text that reads back as the same number; + 0 turns -0.0 into 0.0.
        return f"{name}({', '.join(repr(value + 0).removesuffix('.0') for value in values)})"

    __str__ = describe


@dataclass(frozen=True, kw_only=True)
class Normal(_Distribution):
    """Independent normal scores, without ties."""

    distribution: Literal["normal"] = "normal"
    loc: Annotated[_Number, Field(description="Mean of the scores.")] = 0.0
    scale: Annotated[_Positive, Field(description="Standard deviation of the scores.")] = 1.0


@dataclass(frozen=True, kw_only=True)
class Integers(_Distribution):
    """Integer scores, all equally likely: exact ties, and margins of exactly 0, where losses have kinks."""

    distribution: Literal["integers"] = "integers"
    low: Annotated[_Integer, Field(description="Smallest score.")] = -2
    high: Annotated[_Integer, Field(description="Largest score (included).")] = 2


@dataclass(frozen=True, kw_only=True)
class Uniform(_Distribution):
    """Scores spread evenly over an interval."""

    distribution: Literal["uniform"] = "uniform"
    low: Annotated[_Number, Field(description="Lower end of the interval.")] = -1.0
    high: Annotated[_Number, Field(description="Upper end of the interval.")] = 1.0


@dataclass(frozen=True, kw_only=True)
class StudentT(_Distribution):
    """Student's t distribution: heavy tails, so that a few scores are very large."""

    distribution: Literal["student-t"] = "student-t"
    df: Annotated[_Positive, Field(description="Degrees of freedom; the fewer, the heavier the tails.")] = 2.0
    scale: Annotated[_Positive, Field(description="Factor that the scores are multiplied by.")] = 1.0


LabelsKind = Literal["class", "one-hot", "multi-hot", "sign", "real"]
ScoresKind = Normal | Integers | Uniform | StudentT


def _in_order(kind: ScoresKind) -> ScoresKind:
    if isinstance(kind, Integers | Uniform) and kind.low > kind.high:
        raise ConfigError("low must be at most high")
    return kind


#: As pydantic validates one, from a mapping or from text.
ValidKind = Annotated[
    ScoresKind,
    Field(discriminator="distribution"),
    BeforeValidator(lambda value: parse_distribution(value) if isinstance(value, str) else value),
    AfterValidator(_in_order),
]
#: The distributions of scores by name.
KINDS: dict[str, type[ScoresKind]] = {kind.distribution: kind for kind in (Normal, Integers, Uniform, StudentT)}


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of the problems: N classes or N x C numbers, how often each class occurs, and the share of -1."""

    kind: LabelsKind = "class"
    distribution: Literal["uniform", "balanced", "skewed"] = "uniform"
    ignored: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)] = 0.0

    def describe(self) -> str:
        """The labels in a few words, for example ``class, uniform``."""
        words = self.kind, self.distribution if self.kind != "real" else "", f"{self.ignored:g}" if self.ignored else ""
        return ", ".join(filter(None, words))


def parse_distribution(text: str) -> dict[str, Any]:
    """A distribution of scores from its text, as a mapping that is not validated yet; or a ConfigError.

    Example:
        >>> parse_distribution("normal(0, 0.001)")
        {'distribution': 'normal', 'loc': 0, 'scale': 0.001}
    """
    call = re.fullmatch(r"\s*([A-Za-z][\w-]*)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if call is None:
        raise ConfigError('must be written as "normal" or "normal(0, 0.001)"')
    name, arguments = call.groups()
    if name not in KINDS or arguments is None:
        return {"distribution": name}
    names = [field.name for field in fields(KINDS[name])[1:]]
    values = read_text(f"[{arguments}]", "the text in parentheses", is_file=False).data
    if not isinstance(values, list) or len(values) > len(names):
        raise ConfigError(f"{name} takes at most {len(names)} numbers, {name}({', '.join(names)})")
    return {"distribution": name, **dict(zip(names, values, strict=False))}
