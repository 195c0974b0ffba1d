"""What pydantic says is wrong with a configuration, in plain words: where, which key, what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gradcheck.config.places import KeyPath, Source, kind_of, printable
from gradcheck.errors import ConfigError, did_you_mean

KeysAt = Callable[[tuple[str | int, ...]], Collection[str]]

_MOST_SHOWN = 10

#: What must hold, by pydantic's type of error; the braces are its context.
_RULES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "union_tag_invalid": "the distribution must be one of {expected_tags}",
    "union_tag_not_found": "must name its distribution",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "missing": "is missing",
}
_WITHOUT_VALUE = {"missing", "too_short", "string_too_short", "union_tag_not_found"}


@dataclass(frozen=True)
class _Problem:
    line: str
    hint: str
    order: int  # in the file, from top to bottom


def in_plain_words(error: ValidationError, source: Source, keys_at: KeysAt) -> ConfigError:
    """All that pydantic found, each thing on a line of its own.

    Args:
        error: as pydantic raised it.
        source: the data that was validated, and where each part was given.
        keys_at: the valid keys beside the key at pydantic's location.
    """
    found = [_problem(details, source, keys_at) for details in error.errors(include_url=False)]
    problems = sorted(dict.fromkeys(found), key=lambda problem: problem.order)
    if len(problems) == 1:
        return ConfigError(problems[0].line, hint=problems[0].hint)
    lines = [f"{problem.line}; {problem.hint}" if problem.hint else problem.line for problem in problems]
    if len(lines) > _MOST_SHOWN:
        lines[_MOST_SHOWN:] = [f"and {len(lines) - _MOST_SHOWN} more"]
    return ConfigError("\n".join(lines))


def _problem(details: Mapping[str, Any], source: Source, keys_at: KeysAt) -> _Problem:
    kind: str = details["type"]
    context: dict[str, Any] = details.get("ctx", {})
    # A rule between two keys has no location of pydantic's: it names one of the keys itself.
    location = (*details["loc"], *context.get("keys", ()))
    path = _path_in(source.data, location)
    place = source.place(path)
    prefix, named = (place.text, place.within) if place else ("", ())
    shown = _relative(path, named)
    where = ": ".join(part for part in (printable(prefix), printable(_spelled(shown))) if part)
    what, hint = _words(kind, context, details, keys_at)
    order = list(source.places.values()).index(place) if place else -1
    return _Problem(f"{where}: {what}" if where else what, hint, order)


def _words(kind: str, context: dict[str, Any], details: Mapping[str, Any], keys_at: KeysAt) -> tuple[str, str]:
    """What is wrong, and a hint."""
    given = details["input"]
    if kind == "extra_forbidden":
        keys = keys_at(details["loc"])
        hint = did_you_mean(str(details["loc"][-1]), keys) or f"the keys here are {', '.join(keys)}"
        return "unknown key", hint
    if kind == "said":  # a rule of our own, already in plain words
        return printable(context["problem"]), ""
    rule = _RULES.get(kind)
    if rule is None:
        return f"is not valid; got {shown_value(given)}", ""
    choices = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags") or ""))
    context = {**context, "expected": ", ".join(choices), "expected_tags": ", ".join(choices)}
    what = rule.format_map({key: _number(value) for key, value in context.items()})
    if kind in _WITHOUT_VALUE:
        return what, ""
    given = context.get("tag", given)
    hint = did_you_mean(given, choices) if isinstance(given, str) else ""
    return f"{what}; got {shown_value(given)}", hint


def _number(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def shown_value(value: object) -> str:
    """A value as YAML would have it, short."""
    if value is None:
        return "nothing"
    if not isinstance(value, dict | list | tuple | str | bool | int | float):
        return kind_of(value)
    if isinstance(value, dict | list | tuple) and len(value) > 8:
        return f"{kind_of(value)} of {len(value)}"
    try:
        text = json.dumps(value, ensure_ascii=False, default=lambda thing: f"a {type(thing).__name__}")
    except (TypeError, ValueError, RecursionError):  # keys of odd types, a number of 5,000 digits, a circle
        return kind_of(value)
    return printable(text if len(text) <= 60 else text[:57] + "...")


def _path_in(data: object, location: tuple[str | int, ...]) -> KeyPath:
    """Pydantic's location as a path in the data.

    They differ in two ways: pydantic puts the distribution into the path of a kind of scores, and sees a
    list where the data has a lone value.
    """
    if location[:1] == ("scores",) and len(location) > 2:
        location = (*location[:2], *location[3:])
    path: list[str | int] = []
    for part in location:
        if isinstance(part, int) and not isinstance(data, list | tuple | range):
            continue
        path.append(part)
        try:
            data = data[part]  # type: ignore[index]
        except (LookupError, TypeError):
            data = None
    return tuple(path)


def _relative(path: KeyPath, named: KeyPath) -> KeyPath:
    """The path without what the place's text names already, and without a leading index."""
    if not named:
        return path
    rest = path[len(named) :]
    return rest[1:] if rest and isinstance(rest[0], int) else rest


def _spelled(path: KeyPath) -> str:
    """``("scores", 0, "scale")`` as ``scores[0].scale``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
