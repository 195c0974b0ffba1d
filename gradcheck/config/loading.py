"""The configuration of a run: a file, then the options of the command line, then ``--set key.sub=value``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck.config.distributions import parse_distribution
from gradcheck.config.model import Config
from gradcheck.config.source import KeyPath, Source, kind_of, printable, read_file, read_text
from gradcheck.errors import ConfigError

DEFAULT_FILE = "gradcheck.yaml"


def load_config(path: Path | None, options: Mapping[str, object] | None = None, sets: Sequence[str] = ()) -> Config:
    """Read the configuration of a run: ``--set`` wins over options, options over the file, the file over defaults.

    Args:
        path: the file; None for ``gradcheck.yaml`` in the working directory, if there is one.
        options: values by key; None or an empty list where an option was not given.
        sets: texts ``key=value``, ``key.sub=value`` or ``key.index.sub=value``, each value as in a YAML file.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, a wrong type, or a value out of range.
    """
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = Path(DEFAULT_FILE)
    source = Source() if path is None else read_file(path)
    for key, value in (options or {}).items():
        if value not in (None, [], ()):
            source = _with_value(source, (key,), value, "--batch-size" if key == "batch_sizes" else f"--{key}")
    for text in sets:
        source = _with_set(source, text)
    return Config(source)


def _with_set(source: Source, text: str) -> Source:
    """The source with the value of one ``--set`` in place."""
    shown = printable(text)
    option = f"--set {shown if len(shown) <= 60 else shown[:57] + '...'}"
    key, equals, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not equals or not all(keys):
        problem = "no key" if equals else "no value"
        raise ConfigError(f"{option}: {problem}", hint="write --set key=value, for example --set rtol=1e-8")
    given = read_text(value, option, is_file=False).data
    if len(keys) > 1 and keys[0] not in source.data and keys[0] in Config.model_fields:
        source = Source({**source.data, keys[0]: Config().as_data()[keys[0]]}, source.places)
    return _with_value(source, keys, given, option)


def _with_value(source: Source, keys: tuple[str, ...], value: object, option: str) -> Source:
    data, path = _replaced(source.data, keys, "", value, option)
    places = {place: where for place, where in source.places.items() if place[: len(path)] != path}
    return Source(data, places | {path: option})


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
