"""The inputs of a function as they are described: ``DISTRIBUTION [SHAPE]``, ``labels``, or a constant."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gradcheck.config.distributions import KINDS, ScoresKind, ValidKind, parse_distribution
from gradcheck.config.source import in_plain_words, read_text
from gradcheck.errors import ConfigError

_SPEC = re.compile(r"\s*(?P<kind>[A-Za-z][\w-]*\s*(\([^()]*\))?)?\s*(\[(?P<shape>[^\[\]]*)\])?\s*")
_HINT = "write DISTRIBUTION [SHAPE], for example normal(0, 0.1) [D, C], or [N, D]; labels; or a constant"
_KIND: TypeAdapter[ScoresKind] = TypeAdapter(ValidKind, config={"defer_build": True})
_PYTHON = {"None": None, "True": True, "False": False}  # constants that YAML would take for texts
DEFAULT_SIZE = 4  # of a single letter that nothing sets


@dataclass(frozen=True)
class Drawn:
    """An array to draw."""

    kind: ScoresKind | None  # its distribution; None for the first of ``scores``
    shape: tuple[str | int, ...] = ()  # numbers, and letters: N the batch size, C the classes, others from ``sizes``


#: ``labels`` are drawn as the key ``labels`` says; other texts, numbers, truth values and None stand for themselves.
Spec = Drawn | dict[str, Any] | list[Any] | str | float | None


def parse_input(given: Any, sizes: Mapping[str, int]) -> Spec:
    """What an input is, from its description: a text, a constant, or a mapping or list of descriptions, as in YAML.

    A ConfigError where the distribution or the shape is none. ``sizes`` are of letters and words.

    Example:
        >>> parse_input("normal(0, 0.1) [D, 5]", {})
        Drawn(kind=Normal(distribution='normal', loc=0.0, scale=0.1), shape=('D', 5))
    """
    if isinstance(given, Mapping):
        if given.get("distribution") in [*KINDS]:  # it may be anything
            shape = given.get("shape", ())
            rest = {key: value for key, value in given.items() if key != "shape"}
            return Drawn(_kind(rest), _shape(shape if isinstance(shape, Sequence) else [shape], sizes))
        return {str(key): parse_input(each, sizes) for key, each in given.items()}
    if isinstance(given, list | tuple):
        if given and all(isinstance(each, int) or (isinstance(each, str) and each.isidentifier()) for each in given):
            return Drawn(None, _shape(given, sizes))
        return [parse_input(each, sizes) for each in given]
    if not isinstance(given, str):
        return given  # type: ignore[no-any-return]
    word, match = re.split(r"[(\[]", given)[0].strip(), _SPEC.fullmatch(given)
    if word not in KINDS and "[" not in given and ("(" not in given or match is None):
        return _PYTHON.get(given, given)
    if match is None:
        raise ConfigError(f"{given!r} does not describe an input", hint=_HINT)
    name, shape = match["kind"], match["shape"] or ""
    if word and word not in KINDS:
        raise ConfigError(f"{given!r}: there is no distribution {name!r}; there are {', '.join(KINDS)}", hint=_HINT)
    kind = _kind(parse_distribution(name)) if word else None
    return Drawn(kind, _shape([part.strip() for part in shape.split(",") if part.strip()], sizes))


def nested(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as mappings: ``params.W1`` becomes part of ``params``; a ConfigError if that is something else, too.

    Example:
        >>> nested({"params.W": "[D]", "params.b": 0.0, "x": "[N]"})
        {'params': {'W': '[D]', 'b': 0.0}, 'x': '[N]'}
    """
    found: dict[str, Any] = {}
    for name, given in inputs.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            inner = place.get(part, {})
            if not isinstance(inner, Mapping):
                raise ConfigError(f"{name}: {part} is described as {inner!r}, and not by its parts")
            place[part] = place = dict(inner)
        place[last] = given
    return found


def read_option(text: str, option: str) -> tuple[str, Any]:
    """An input's name and description from ``NAME=DESCRIPTION``; a ConfigError for another form."""
    name, equals, given = text.partition("=")
    if not equals or not all(part.isidentifier() for part in name.strip().split(".")):
        wanted, hint = ("LETTER=N", "for example --size D=4") if option == "--size" else ("NAME=DESCRIPTION", _HINT)
        raise ConfigError(f"{option} {text}: must be {wanted}", hint=hint)
    is_shape = given.lstrip().startswith("[")  # and no list of YAML's
    return name.strip(), given.strip() if is_shape else read_text(given, f"{option} {name}", is_file=False).data


def _kind(mapping: Mapping[str, Any]) -> ScoresKind:
    try:
        return _KIND.validate_python(dict(mapping))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f" ({first['loc'][-1]})" if first["loc"][1:] else ""
        raise ConfigError(f"{mapping.get('distribution')}{where}: {in_plain_words(first['msg'])}", hint=_HINT) from None


def _shape(parts: Sequence[Any], sizes: Mapping[str, int]) -> tuple[str | int, ...]:
    shape: list[str | int] = []
    text = f"[{', '.join(map(str, parts))}]"
    for part in parts:
        part = int(part) if isinstance(part, str) and part.isdecimal() else part
        if isinstance(part, str) and part.isidentifier():
            if part not in (*sizes, "N", "C") and not (len(part) == 1 and part.isupper()):
                hint = f"set it: --size {part}=4, or sizes: {{{part}: 4}}"
                raise ConfigError(f"{text}: {part} has no size", hint=hint)
        elif isinstance(part, bool) or not isinstance(part, int) or part < 0:
            raise ConfigError(f"{text} is not a shape: {part!r} is neither a size nor a letter")
        shape.append(part)
    return tuple(shape)
