"""Values of the command line in place of those of a file: options, and ``--set key.sub=value``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck.config.distributions import parse_distribution
from gradcheck.config.source import KeyPath, Source, kind_of, printable, read_text
from gradcheck.errors import ConfigError


def with_value(source: Source, keys: tuple[str, ...], value: object, option: str) -> Source:
    """The source with a value of ``option`` where ``keys`` lead.

    Raises:
        ConfigError: the keys lead nowhere.
    """
    data, path = _replaced(source.data, keys, "", value, option)
    places = {place: where for place, where in source.places.items() if place[: len(path)] != path}
    return Source(data, places | {path: option})


def with_set(source: Source, text: str, defaults: Mapping[str, Any]) -> Source:
    """The source with the value of one ``--set`` in place.

    Args:
        source: the data so far; left unchanged.
        text: ``key=value``, ``key.sub=value`` or ``key.index.sub=value``; the value as in a YAML file.
        defaults: values of keys that ``source`` does not mention, so that one part of them can be set.

    Raises:
        ConfigError: no ``=``, no key, a value that is not YAML, or a dotted key that does not exist.

    Example:
        >>> with_set(Source({"labels": {"kind": "real"}}), "labels.kind=one-hot", {}).data
        {'labels': {'kind': 'one-hot'}}
    """
    shown = printable(text)
    option = f"--set {shown if len(shown) <= 60 else shown[:57] + '...'}"
    key, equals, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not equals or not all(keys):
        problem = "no key" if equals else "no value"
        raise ConfigError(f"{option}: {problem}", hint="write --set key=value, for example --set rtol=1e-8")
    given = read_text(value, option, is_file=False).data
    if len(keys) > 1 and keys[0] in defaults and keys[0] not in source.data:
        source = Source({**source.data, keys[0]: defaults[keys[0]]}, source.places)
    return with_value(source, keys, given, option)


def _replaced(data: Any, keys: tuple[str, ...], parent: str, value: object, option: str) -> tuple[Any, KeyPath]:
    """A copy of ``data`` with the value where ``keys`` lead, and the path to it; ``parent`` is the key before them."""
    if not keys:
        return value, ()
    key, rest = keys[0], keys[1:]
    if isinstance(data, str) and parent == "scores":
        data = parse_distribution(data)
    if data is None or isinstance(data, dict):
        inner, path = _replaced((data or {}).get(key), rest, key, value, option)
        return {**(data or {}), key: inner}, (key, *path)
    parent = printable(parent)
    if not isinstance(data, list):
        raise ConfigError(f"{option}: {parent} is {kind_of(data)}, which has no {printable(key)}")
    if len(data) == 1 and key != "0":  # the index of a list of one may be left out
        key, rest = "0", keys
    if key not in map(str, range(len(data))):
        hint = "choose one by its number, for example scores.0.scale" if parent == "scores" else ""
        raise ConfigError(f"{option}: {parent} is a list of {len(data)}, which has no {printable(key)}", hint=hint)
    inner, path = _replaced(data[int(key)], rest, parent, value, option)
    return [*data[: int(key)], inner, *data[int(key) + 1 :]], (int(key), *path)
