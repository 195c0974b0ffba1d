"""What a configuration may say: pydantic's models of every key, with its type, range and description.

Importing pydantic and building models costs a tenth of a second: this room is entered only where there is
something to validate. Defaults are those of `gradcheck.config.keys`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gradcheck.config.keys import Keys, Labels, plain
from gradcheck.config.messages import in_plain_words
from gradcheck.config.places import Source, printable
from gradcheck.config.scores import KINDS, Integers, Normal, StudentT, Uniform, opened, short
from gradcheck.errors import ConfigError

_MOST_SCORES = 2**27  # of one problem: one gigabyte of float64
_SEEDS = 2**63
# Sums of squares and the step beside it stay finite in float64, the scores themselves also in float32.
_LARGEST = 1e30


def validated(source: Source) -> dict[str, Any]:
    """The keys that are given, as arguments of `Keys`.

    Args:
        source: plain data, and the values of `gradcheck.config.keys` in place of what they stand for.

    Raises:
        ConfigError: an unknown key, a wrong type or range; all of them in one message.

    Example:
        >>> validated(Source({"batch_sizes": 3, "labels": {"kind": "real"}}))
        {'batch_sizes': (3,), 'labels': Labels(kind='real', distribution='uniform')}
    """
    try:
        model = ConfigModel.model_validate(source.data)
    except ValidationError as error:
        raise in_plain_words(error, source, _keys_at) from None
    given = {name: value for name, value in model if name in model.model_fields_set}
    if "scores" in given:
        given["scores"] = tuple(KINDS[kind.distribution](**dict(kind)) for kind in model.scores)
    if "labels" in given:
        given["labels"] = Labels(**dict(model.labels))
    return given


def _rule(problem: str, *keys: str) -> PydanticCustomError:
    """What a validator of ours raises: plain words, and the path to the key they are about."""
    return PydanticCustomError("said", "{problem}", {"problem": problem, "keys": keys})


def _whole(value: Any) -> Any:
    """A NumPy integer as an int; anything else as it is."""
    if isinstance(value, bool | int) or not hasattr(value, "__index__"):
        return value
    try:
        return int(value.__index__())
    except Exception:  # an object's own __index__; pydantic then says what is wrong with it
        return value


def _listed(value: Any) -> Any:
    """A lone value as a list of one; any sequence as a tuple."""
    if isinstance(value, list | tuple | range):
        return tuple(value)
    return value if value is None else (value,)


def _kind(value: Any) -> Any:
    """A kind of scores as the mapping that it stands for."""
    if isinstance(value, Normal | Integers | Uniform | StudentT):
        return plain(value)
    if not isinstance(value, str):
        return value
    try:
        return opened(value)
    except ConfigError as error:
        raise _rule(f"{error.message}; got {printable(value[:60])!r}") from None


def _labels(value: Any) -> Any:
    """Labels as the mapping that they stand for."""
    return plain(value) if isinstance(value, Labels) else value


Finite = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-_LARGEST, le=_LARGEST)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=_LARGEST)]
# Up to here float64 holds every integer.
Integer = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
Size = Annotated[int, Field(strict=True, ge=1, le=_MOST_SCORES), BeforeValidator(_whole)]
Sizes = Annotated[
    tuple[Size, ...],
    BeforeValidator(_listed, json_schema_input_type=Size | Annotated[tuple[Size, ...], Field(min_length=1)]),
    Field(min_length=1),
]
Target = Annotated[str, Field(strict=True, min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NormalModel(_Model):
    """Independent normal scores."""

    distribution: Literal["normal"] = Field(default=Normal().distribution, description="Independent normal scores.")
    loc: Finite = Field(default=Normal().loc, description="Mean of the scores.")
    scale: Positive = Field(default=Normal().scale, description="Standard deviation of the scores.")


class IntegersModel(_Model):
    """Whole scores: exact ties, and margins of exactly 0 and 1."""

    distribution: Literal["integers"] = Field(
        default=Integers().distribution, description="Whole scores: exact ties, margins of 0."
    )
    low: Integer = Field(default=Integers().low, description="Least score.")
    high: Integer = Field(default=Integers().high, description="Largest score, itself included.")

    @model_validator(mode="after")
    def _in_order(self) -> IntegersModel:
        if self.low > self.high:
            raise _rule(f"low is {self.low} and high is {self.high}; low must be at most high", "low")
        return self


class UniformModel(_Model):
    """Scores spread evenly over an interval."""

    distribution: Literal["uniform"] = Field(
        default=Uniform().distribution, description="Scores spread evenly over an interval."
    )
    low: Finite = Field(default=Uniform().low, description="Lower end of the scores.")
    high: Finite = Field(default=Uniform().high, description="Upper end of the scores.")

    @model_validator(mode="after")
    def _in_order(self) -> UniformModel:
        if not self.low < self.high:
            raise _rule(f"low is {short(self.low)} and high is {short(self.high)}; low must be below high", "low")
        return self


class StudentTModel(_Model):
    """Heavy-tailed scores: a few are very large."""

    distribution: Literal["student-t"] = Field(
        default=StudentT().distribution, description="Heavy tails: a few scores are large."
    )
    df: Positive = Field(default=StudentT().df, description="Degrees of freedom; the fewer, the heavier the tails.")
    scale: Positive = Field(default=StudentT().scale, description="What the scores are multiplied by.")


KindModel = NormalModel | IntegersModel | UniformModel | StudentTModel
Kind = Annotated[
    Annotated[KindModel, Field(discriminator="distribution")],
    BeforeValidator(_kind, json_schema_input_type=KindModel | str),
]


class LabelsModel(_Model):
    """What labels the problems have."""

    kind: Literal["class", "one-hot", "multi-hot", "real"] = Field(
        default=Labels().kind,
        description="class: N ints; one-hot and multi-hot: N x C of 0 and 1; real: N x C normal numbers.",
    )
    distribution: Literal["uniform", "balanced", "skewed"] = Field(
        default=Labels().distribution,
        description="uniform: each class alike; balanced: counts as equal as can be; "
        "skewed: each class half as likely as the one before. Real labels have none.",
    )


# Any: as a default, a dataclass stands where a validated value would be the model of it.
_DEFAULT: Any = Keys()


class ConfigModel(_Model):
    """What to check and how."""

    model_config = ConfigDict(title="Config")

    losses: Annotated[
        tuple[Target, ...], BeforeValidator(_listed, json_schema_input_type=Target | tuple[Target, ...])
    ] = Field(default=_DEFAULT.losses, description="Targets to check, when the command line names none.")
    seed: Annotated[int, Field(strict=True, ge=0, lt=_SEEDS), BeforeValidator(_whole)] = Field(
        default=_DEFAULT.seed, description="Seed of the first trial; trial t is drawn with seed + t."
    )
    trials: Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)] = Field(
        default=_DEFAULT.trials, description="Problems for each batch size, class count and kind of scores."
    )
    batch_sizes: Sizes = Field(default=_DEFAULT.batch_sizes, description="Numbers of rows N.")
    classes: Sizes = Field(default=_DEFAULT.classes, description="Numbers of classes C.")
    scores: Annotated[
        tuple[Kind, ...],
        BeforeValidator(_listed, json_schema_input_type=Kind | Annotated[tuple[Kind, ...], Field(min_length=1)]),
        Field(min_length=1),
    ] = Field(
        default=_DEFAULT.scores,
        description='Kinds of scores, each a mapping or a text such as "normal(0, 0.001)"; '
        "each makes problems of its own.",
    )
    labels: Annotated[LabelsModel, BeforeValidator(_labels)] = Field(
        default=_DEFAULT.labels, description="What labels the problems have."
    )
    dtype: Literal["float64", "float32"] = Field(default=_DEFAULT.dtype, description="What the loss is given.")
    rtol: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)] = Field(
        default=_DEFAULT.rtol, description="Relative error that an entry may have beyond the measured bound."
    )
    atol: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] = Field(
        default=_DEFAULT.atol, description="An allowance on top of the measured bound."
    )
    plan: Literal["auto", "per-sample", "rows", "full", "projections"] = Field(
        default=_DEFAULT.plan, description="How perturbed values are obtained."
    )
    max_entries: Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)] = Field(
        default=_DEFAULT.max_entries,
        description="Number of entries above which the plan auto takes projections.",
    )

    @model_validator(mode="after")
    def _sane(self) -> ConfigModel:
        rows, columns = max(self.batch_sizes), max(self.classes)
        if rows * columns > _MOST_SCORES:
            problem = f"{rows:,} rows of {columns:,} classes are more scores than the {_MOST_SCORES:,} allowed"
            raise _rule(problem, "batch_sizes")
        if self.seed + self.trials > _SEEDS:
            raise _rule("seed + trials must be at most 2^63", "trials")
        return self


#: Each kind of scores by its distribution, and the labels by their key: pydantic's locations name them so.
_INNER: dict[str, type[BaseModel]] = {
    "normal": NormalModel,
    "integers": IntegersModel,
    "uniform": UniformModel,
    "student-t": StudentTModel,
    "labels": LabelsModel,
}


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    """The valid keys beside the key at pydantic's location."""
    names = [part for part in location[:-1] if isinstance(part, str) and part in _INNER]
    model = _INNER[names[-1]] if names else ConfigModel
    return list(model.model_fields)
