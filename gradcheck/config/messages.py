"""Pydantic's validation errors as messages for people: where, which key, what is allowed, what was given."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from gradcheck.config.distributions import KINDS, Labels
from gradcheck.config.source import KeyPath, Source, kind_of, printable
from gradcheck.errors import ConfigError, did_you_mean

_MOST_SHOWN = 10

#: What a value must be, by pydantic's type of error; the braces are filled from the error's context.
_RULES = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
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
    "dataclass_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
}
_WITHOUT_VALUE = {"too_short", "string_too_short", "union_tag_not_found"}


def format_error(error: ValidationError, source: Source, keys: Sequence[str]) -> ConfigError:
    """One error that lists every mistake on a line of its own, in the order of the file.

    Args:
        error: the error that pydantic raised.
        source: the data that were validated, and the places where they were written.
        keys: the valid keys of a configuration.
    """
    found = set()
    for details in error.errors(include_url=False):
        order, where = source.where(_path(details["loc"], source.data) + details.get("ctx", {}).get("keys", ()))
        what, hint = _problem(details, keys)
        found.add((order, f"{where}: {what}" if where else what, hint))
    problems = [problem for _, *problem in sorted(found)]
    if len(problems) == 1:
        return ConfigError(problems[0][0], hint=problems[0][1])
    lines = ["; ".join(part for part in problem if part) for problem in problems]
    if len(lines) > _MOST_SHOWN:
        lines[_MOST_SHOWN:] = [f"and {len(lines) - _MOST_SHOWN} more"]
    return ConfigError("\n".join(lines))


def _problem(details: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and a hint (which may be empty)."""
    kind, location, context = details["type"], details["loc"], details.get("ctx", {})
    if kind == "rule":  # written by `gradcheck.config.model`
        return printable(context["problem"]), ""
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        if len(location) > 1:
            keys = [field.name for field in fields(Labels if location[0] == "labels" else KINDS[location[2]])]
        return "unknown key", did_you_mean(str(location[-1]), keys) or f"the keys here are {', '.join(keys)}"
    choices = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags") or ""))
    words = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    words["expected"] = words["expected_tags"] = ", ".join(choices)
    rule = _RULES.get(kind, "is not valid").format_map(words)
    if kind in _WITHOUT_VALUE:
        return rule, ""
    value = context.get("tag", details["input"])
    return f"{rule}; got {_shown(value)}", did_you_mean(value, choices) if isinstance(value, str) else ""


def _shown(value: object) -> str:
    """A value as YAML would write it, shortened to 60 characters."""
    if value is None:
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # a type that JSON lacks, an integer of 5,000 digits
        return kind_of(value)
    return printable(text if len(text) <= 60 else text[:57] + "...")


def _path(location: tuple[str | int, ...], data: Mapping[str, Any]) -> KeyPath:
    """The path in the data that pydantic's location stands for.

    Pydantic adds the name of a distribution, and an index where the data have a single value in place of a list.
    """
    if location[:1] == ("scores",):
        location = (*location[:2], *location[3:])
    if location[1:] and isinstance(location[1], int) and not isinstance(data[str(location[0])], list | tuple | range):
        location = (location[0], *location[2:])
    return location
