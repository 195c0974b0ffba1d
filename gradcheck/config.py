"""The configuration: every key, its default, what it allows, and how it is put together.

A file, options and ``--set`` go in; out comes a `Config`, or a `ConfigError` that names each mistake.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from gradcheck.config_overrides import Override, apply_set, put_over
from gradcheck.config_scores import (
    KINDS,
    Integers,
    Normal,
    ScoresKind,
    StudentT,
    Uniform,
    opened,
    rule,
)
from gradcheck.config_source import Place, Source, printable, read_file
from gradcheck.errors import ConfigError

__all__ = [
    "Config",
    "Integers",
    "Labels",
    "Normal",
    "Override",
    "ScoresKind",
    "StudentT",
    "Uniform",
    "apply_set",
    "load_config",
    "parse_scores",
]

DEFAULT_FILE = "gradcheck.yaml"

_MOST_SCORES = 2**27  # of one problem: one gigabyte of float64
_SEEDS = 2**63


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
    if not isinstance(value, str):
        return value
    try:
        return opened(value)
    except ConfigError as error:
        raise rule(f"{error.message}; got {printable(value[:60])!r}") from None


Size = Annotated[int, Field(strict=True, ge=1, le=_MOST_SCORES), BeforeValidator(_whole)]
Sizes = Annotated[
    tuple[Size, ...],
    BeforeValidator(_listed, json_schema_input_type=Size | tuple[Size, ...]),
    Field(min_length=1),
]
Target = Annotated[str, Field(strict=True, min_length=1)]
_Kind = Annotated[
    Annotated[ScoresKind, Field(discriminator="distribution")],
    BeforeValidator(_kind, json_schema_input_type=ScoresKind | str),
]


class Labels(BaseModel):
    """What labels the problems have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["class", "one-hot", "multi-hot", "real"] = Field(
        default="class",
        description="class: N ints; one-hot and multi-hot: N x C of 0 and 1; real: N x C normal numbers.",
    )
    distribution: Literal["uniform", "balanced", "skewed"] = Field(
        default="uniform",
        description="uniform: each class alike; balanced: counts as equal as can be; "
        "skewed: each class half as likely as the one before. Real labels have none.",
    )

    def describe(self) -> str:
        """For example ``class, uniform``."""
        return self.kind if self.kind == "real" else f"{self.kind}, {self.distribution}"


class Config(BaseModel):
    """What to check and how; see ``configs/default.yaml`` for the same in YAML.

    Lists may be any sequence or a lone value, and a kind of scores its text.

    Raises:
        ConfigError: an unknown key, a wrong type or range; all of them in one message.

    Example:
        >>> Config(batch_sizes=[3], scores="normal(0, 0.001)").scores[0].describe()
        'normal(0, 0.001)'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    losses: Annotated[
        tuple[Target, ...], BeforeValidator(_listed, json_schema_input_type=Target | tuple[Target, ...])
    ] = Field(default=(), description="Targets to check, when the command line names none.")
    seed: Annotated[int, Field(strict=True, ge=0, lt=_SEEDS), BeforeValidator(_whole)] = Field(
        default=0, description="Seed of the first trial; trial t is drawn with seed + t."
    )
    trials: Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)] = Field(
        default=1, description="Problems for each batch size, class count and kind of scores."
    )
    batch_sizes: Sizes = Field(default=(1, 3, 8), description="Numbers of rows N.")
    classes: Sizes = Field(default=(5,), description="Numbers of classes C.")
    scores: Annotated[
        tuple[_Kind, ...],
        BeforeValidator(_listed, json_schema_input_type=_Kind | tuple[_Kind, ...]),
        Field(min_length=1),
    ] = Field(
        default=(Normal(), Integers()),
        description='Kinds of scores, each a mapping or a text such as "normal(0, 0.001)"; '
        "each makes problems of its own.",
    )
    labels: Labels = Field(default=Labels(), description="What labels the problems have.")
    dtype: Literal["float64", "float32"] = Field(default="float64", description="What the loss is given.")
    rtol: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)] = Field(
        default=1e-7, description="Relative error that an entry may have beyond the measured bound."
    )
    atol: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)] = Field(
        default=0.0, description="An allowance on top of the measured bound."
    )
    plan: Literal["auto", "full"] = Field(default="auto", description="How perturbed values are obtained.")
    max_entries: Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)] = Field(
        default=10_000, description="Number of entries of a problem above which auto takes projections."
    )

    if TYPE_CHECKING:
        # The validators take more than the fields' types say: lists, lone values, texts.
        def __init__(self, **keys: Any) -> None: ...

    @model_validator(mode="after")
    def _sane(self) -> Config:
        rows, columns = max(self.batch_sizes), max(self.classes)
        if rows * columns > _MOST_SCORES:
            problem = (
                f"{rows:,} rows of {columns:,} classes are more scores than the {_MOST_SCORES:,} allowed"
            )
            raise rule(problem, "batch_sizes")
        if self.seed + self.trials > _SEEDS:
            raise rule("seed + trials must be at most 2^63", "trials")
        return self

    # Declared after the rule above, so that it wraps that one too.
    @model_validator(mode="wrap")
    @classmethod
    def _in_plain_words(
        cls, data: Any, validate: ModelWrapValidatorHandler[Config], info: ValidationInfo
    ) -> Config:
        try:
            return validate(data)
        except ValidationError as error:
            from gradcheck.config_errors import in_plain_words  # only a run that already failed pays for it

            source = info.context if isinstance(info.context, Source) else Source(data)
            raise in_plain_words(error, source, _keys_at) from None


def load_config(path: Path | None, overrides: Mapping[str, object]) -> Config:
    """The configuration of a run: the defaults, under a file, under the command line.

    Args:
        path: the file; None for ``gradcheck.yaml`` in the working directory, if there is one.
        overrides: by key or dotted key, in the order they apply: plain values of options (None or an empty
            list where one was not given), and what `apply_set` added.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, a wrong type or range.
    """
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = Path(DEFAULT_FILE)
    source = read_file(path) if path is not None else Source({})
    if overrides:
        source = put_over(source, overrides, Config().model_dump(mode="json"))
    return Config.model_validate(source.data, context=source)


def parse_scores(text: str, option: str = "--scores") -> ScoresKind:
    """A kind of scores from its text; the inverse of its ``describe()``.

    Args:
        text: ``normal``, ``normal(0, 0.001)`` or ``{distribution: normal, scale: 0.001}``.
        option: names the text in messages.

    Raises:
        ConfigError: not such a text, an unknown distribution, a parameter out of range.

    Example:
        >>> parse_scores("integers(-2, 2)")
        Integers(distribution='integers', low=-2, high=2)
    """
    source = Source({"scores": [text]}, {("scores",): Place(option, ("scores",))})
    return Config.model_validate(source.data, context=source).scores[0]


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    """The valid keys beside the key at pydantic's location."""
    models: dict[object, type[BaseModel]] = {"labels": Labels}
    models.update(KINDS)
    model = next((models[part] for part in reversed(location[:-1]) if part in models), Config)
    return list(model.model_fields)
