"""Pydantic's validation errors as messages for people: where, which key, what is allowed, what was given."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from gradcheck.config.distributions import KINDS, Labels
from gradcheck.config.source import KeyPath, Source, printable
from gradcheck.errors import ConfigError, did_you_mean

#: Pydantic's words for what YAML calls otherwise.
_WORDS = {
    "a valid tuple": "a list",
    "a valid dictionary or object to extract fields from": "a mapping of keys to values",
    "a dictionary or an instance of Labels": "a mapping of keys to values",
    "Unable to extract tag using discriminator 'distribution'": "should name its distribution",
    " after validation, not 0": "",
    "tag ": "the distribution ",
    " found using 'distribution' does not match any of the expected tags:": " is none of",
}


def format_error(error: ValidationError, source: Source, keys: Sequence[str]) -> ConfigError:
    """One error that lists every mistake in ``source`` on a line of its own; ``keys`` are the valid ones."""
    problems = {}
    for details in error.errors(include_url=False):
        where = source.where(_path(details["loc"], source.data))
        what, hint = _problem(details, keys)
        problems[f"{where}: {what}" if where else what] = hint
    if len(problems) == 1:
        return ConfigError(*problems, hint=hint)
    return ConfigError("\n".join("; ".join(filter(None, problem)) for problem in problems.items()))


def _problem(details: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and a hint (which may be empty)."""
    location, context, value = details["loc"], details.get("ctx", {}), details["input"]
    if details["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        if len(location) > 1:
            keys = [field.name for field in fields(Labels if location[0] == "labels" else KINDS[location[2]])]
        return "unknown key", did_you_mean(str(location[-1]), keys) or f"the keys here are {', '.join(keys)}"
    rule = details["msg"].removeprefix("Input ").removeprefix("Value error, ")
    for words, plain in _WORDS.items():
        rule = rule.replace(words, plain)
    choices = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags") or ""))
    hint = did_you_mean(str(context.get("tag", value)), choices)
    return printable(f"{rule}; got {reprlib.repr(value)}" if location else rule), hint


def _path(location: tuple[str | int, ...], data: Mapping[str, Any]) -> KeyPath:
    """Pydantic's location without the name of a distribution, and without an index where the data have no list."""
    if location[:1] == ("scores",):
        location = (*location[:2], *location[3:])
    if location[1:] and isinstance(location[1], int) and not isinstance(data[str(location[0])], list | tuple | range):
        location = (location[0], *location[2:])
    return location
