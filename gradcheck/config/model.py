"""The configuration: each key with its type, range, default and description; how it is read; what is invalid."""

import json
import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WrapValidator

from gradcheck.config.distributions import KINDS, Integers, Labels, Normal, ScoresKind, ValidKind
from gradcheck.config.inputs import nested, parse_input
from gradcheck.config.source import KeyPath, Source, in_plain_words, printable, read_file, read_text
from gradcheck.errors import ConfigError, did_you_mean

DEFAULT_FILE = "gradcheck.yaml"
_MOST_SCORES = 2**27  # in one problem: one gigabyte of float64


def _as_int(value: Any) -> Any:
    """A NumPy integer as an int."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def _as_tuple(value: Any) -> Any:
    """A single value as a tuple of one; any sequence as a tuple."""
    if isinstance(value, list | tuple | range):
        return tuple(value)
    return value if value is None else (value,)


def _as_plain(value: Any) -> Any:
    """In JSON's types: kinds of scores and labels as mappings, an array as a list, any other object as text."""
    if isinstance(value, ScoresKind | Labels):
        return vars(value)
    return value.tolist() if hasattr(value, "tolist") else getattr(value, "__qualname__", repr(value))


_Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_as_int)]
_Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63), BeforeValidator(_as_int)]
_Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Flag = Annotated[bool, Field(strict=True)]
_Name = Annotated[str, Field(strict=True, min_length=1)]
_Function = Annotated[_Name | None, WrapValidator(lambda value, valid: value if callable(value) else valid(value))]
_Names = Annotated[tuple[_Name, ...], BeforeValidator(_as_tuple)]
_Sizes = Annotated[tuple[_Count, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class Keys(BaseModel):
    """Keys with their types, ranges and defaults; a ConfigError names all mistakes, and places that a source knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="always", defer_build=True)

    def __init__(self, source: Source | None = None, /, **keys: Any) -> None:
        source = source or Source(keys)
        try:
            super().__init__(**source.data)
        except ValidationError as error:
            problems, hint = {}, ""
            for details in error.errors(include_url=False):
                what, hint = _problem(details, [*type(self).model_fields])
                problems[f"{source.where(_path(details['loc'], source.data))}: {what}"] = hint
            if len(problems) == 1:
                raise ConfigError(*problems, hint=hint) from None
            raise ConfigError("\n".join("; ".join(filter(None, each)) for each in problems.items())) from None


class Config(Keys):
    """What to check and how; ``configs/default.yaml`` shows the same keys in YAML.

    A list may be given as any sequence or as a single value, a distribution of scores as text, a function by its name
    or itself. A ``source`` is used instead of keys, and messages then name the places in it.

    Raises:
        ConfigError: an unknown key, a wrong type, or a value out of range; one message names all mistakes.

    Example:
        >>> Config(batch_sizes=3, scores="normal(0, 0.001)").scores[0].describe()
        'normal(0, 0.001)'
    """

    losses: _Names = Field((), description="Default losses: names from `gradcheck list`, module:name or file.py:name.")
    seed: _Seed = Field(0, description="Seed of trial 0; trial t uses seed + t. Draws are the same on every machine.")
    trials: _Count = Field(1, description="Problems for each batch size, number of classes and distribution of scores.")
    batch_sizes: _Sizes = Field((1, 3, 8), description="Numbers of rows N; one row does not show a missing mean.")
    classes: _Sizes = Field((5,), description="Numbers of classes C.")
    scores: Annotated[tuple[ValidKind, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = Field(
        (Normal(), Integers()),
        description="Distributions of the scores; each gives problems of its own: normal(loc, scale), "
        "uniform(low, high), integers(low, high) with exact ties, student-t(df, scale) with heavy tails.",
    )
    labels: Labels = Field(
        Labels(),
        description="kind: class, one-hot, multi-hot, real or sign (+1 and -1); distribution: uniform, balanced or "
        "skewed; ignored: the share of rows whose class is -1.",
    )
    inputs: dict[str, Any] = Field(
        {},
        description="Arguments of a function that is no score loss, by the names of its parameters: DISTRIBUTION "
        "[SHAPE] such as normal(0, 0.1) [D, C], or [N, D]; labels; a constant; or a mapping or list of those.",
    )
    sizes: dict[str, _Count] = Field(
        {}, description="Sizes of letters in shapes beside N and C, as {D: 4}; any other capital letter is 4."
    )
    wrt: _Names = Field(
        (), description="Inputs whose gradients are checked, in their order; by default the float arrays that have one."
    )
    gradient: _Function = Field(None, description="Function that returns the gradient, if the target does not.")
    backward: _Function = Field(None, description="Backward of a layer, called as backward(dout, cache).")
    value: _Function = Field(None, description="Function that returns the value, if the target does not.")
    hessian: _Flag = Field(False, description="Check the second derivatives that come third: (value, gradient, hess).")
    hvp: _Function = Field(None, description="Function hvp(x, v): second derivatives times v, a v for each input.")
    order: Literal[1, 2] = Field(1, description="2: check second derivatives too: PyTorch or JAX differentiates twice.")
    only: _Name = Field("*", description="Pattern of the names of the arrays that are checked, as params.W*.")
    reseed: _Flag = Field(False, description="Seed random numbers before every call, for dropout and other draws.")
    dtype: Literal["float64", "float32"] = Field("float64", description="Type of the arrays: float64 or float32.")
    rtol: _Float = Field(1e-7, gt=0, lt=1, description="Relative error allowed on top of the measured error bound.")
    atol: _Float = Field(0.0, ge=0, description="Absolute error allowed on top of the measured error bound.")
    plan: Literal["auto", "per-sample", "rows", "full", "projections"] = Field(
        "auto", description="How values at perturbed scores are computed: auto, per-sample, rows, full or projections."
    )
    max_entries: _Count = Field(10_000, description="Number of entries N x C above which auto uses projections.")

    def __init__(self, source: Source | None = None, /, **keys: Any) -> None:
        source = source or Source(keys)
        super().__init__(source)
        for name, given in self.inputs.items():
            try:
                parse_input(given, self.sizes)
            except ConfigError as error:
                raise ConfigError(f"{source.where(('inputs', name))}: {error.message}", hint=error.hint) from None
        nested(self.inputs)
        rows, columns = max(self.batch_sizes), max(self.classes)
        if rows * columns > _MOST_SCORES:
            raise ConfigError(f"batch_sizes, classes: {rows:,} x {columns:,} are more than {_MOST_SCORES:,} scores")

    def as_data(self) -> dict[str, Any]:
        """The configuration as mappings, lists, texts and numbers, as in JSON; ``Config(**data)`` reads it back."""
        return json.loads(json.dumps(dict(self), default=_as_plain))  # type: ignore[no-any-return]


def load_config(
    path: Path | None, options: Mapping[tuple[str, ...], object] | None = None, sets: Sequence[str] = ()
) -> Config:
    """Read the configuration of a run: ``--set`` wins over options, options over the file, the file over defaults.

    ``path`` is the file; None for ``gradcheck.yaml`` in the working directory, if there is one. An option sets a key,
    ``("seed",)``, or one entry of it, ``("inputs", "W")``; one that was not given is None or an empty list. ``sets``
    are texts ``key=value`` or ``key.sub=value``, with values as in YAML. A ConfigError for any mistake in them.
    """
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = Path(DEFAULT_FILE)
    source = Source() if path is None else read_file(path)
    for keys, value in (options or {}).items():
        if value not in (None, [], ()):
            name = {"batch_sizes": "batch-size", "inputs": "input", "sizes": "size"}.get(keys[0], keys[0])
            source = _with_value(source, keys, value, " ".join([f"--{name}", *keys[1:]]))
    for text in sets:
        source = _with_set(source, text)
    # Defaults are valid as they stand: without other keys the validators need not be built.
    return Config(source) if source.data else Config.model_construct()


def _with_set(source: Source, text: str) -> Source:
    """The source with the value of one ``--set`` in place."""
    option = f"--set {printable(text)}"
    key, equals, value = text.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"{option}: must be key=value", hint="for example --set rtol=1e-8")
    if len(keys) > 1:  # the other parts of a key that was not given are its default's
        given = {key: value for key, value in source.data.items() if value is not None}
        source = Source({**source.data, keys[0]: (Config().as_data() | given).get(keys[0])}, source.places)
    return _with_value(source, keys, read_text(value, option, is_file=False).data, option)


def _with_value(source: Source, keys: Sequence[str], value: object, option: str) -> Source:
    """The source with the value where ``keys`` lead; a ConfigError where they lead nowhere."""
    data = inner = deepcopy(source.data)
    path: KeyPath = ()
    for key, parent in zip(keys, ["", *keys], strict=False):
        at = int(key) if isinstance(inner, list) and key in map(str, range(len(inner))) else key
        if not isinstance(inner, dict) and isinstance(at, str):
            hint = "choose one by its number, for example scores.0.scale" if parent == "scores" else ""
            raise ConfigError(f"{option}: {printable(parent)} has no {printable(key)}", hint=hint)
        path = (*path, at)
        if len(path) == len(keys):
            inner[at] = value
        elif isinstance(at, str) and inner.get(at) is None:
            inner[at] = {}
        inner = inner[at]
    places = {place: where for place, where in source.places.items() if place[: len(path)] != path}
    return Source(data, places | {path: option})


def json_schema() -> str:
    """The text of a JSON Schema of the configuration file, for editors and validators."""
    schema = Config.model_json_schema() | {"title": "gradcheck.yaml", "description": "What gradcheck checks, and how."}
    schema["properties"]["scores"]["items"]["oneOf"].append({"type": "string"})
    for key in schema["properties"].values():
        if key.get("type") == "array":  # a single value may stand for a list of one
            array = {"type": key.pop("type"), "items": key.pop("items"), "minItems": key.pop("minLength", 0)}
            key["anyOf"] = [array["items"], array]
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def _problem(details: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and a hint (which may be empty)."""
    location, context, value = details["loc"], details.get("ctx", {}), details["input"]
    if details["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        if len(location) > 1:
            keys = [field.name for field in fields(Labels if location[0] == "labels" else KINDS[location[2]])]
        return "unknown key", did_you_mean(str(location[-1]), keys) or f"the keys here are {', '.join(keys)}"
    rule = in_plain_words(details["msg"])
    choices = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags") or ""))
    hint = did_you_mean(str(context.get("tag", value)), choices)
    # With a tag, the rule names what was given.
    return printable(rule if "tag" in context else f"{rule}; got {reprlib.repr(value)}"), hint


def _path(location: tuple[str | int, ...], data: Mapping[str, Any]) -> KeyPath:
    """Pydantic's location without the name of a distribution, and without an index where the data have no list."""
    if location[:1] == ("scores",):
        location = (*location[:2], *location[3:])
    if location[1:] and isinstance(location[1], int) and not isinstance(data[str(location[0])], list | tuple | range):
        location = (location[0], *location[2:])
    return location
