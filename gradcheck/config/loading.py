"""The configuration of a run: a file, then the options of the command line, then ``--set key.sub=value``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck.config.distributions import parse_distribution
from gradcheck.config.model import Config
from gradcheck.config.source import KeyPath, Source, printable, read_file, read_text
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
    # Defaults are valid as they stand: without other keys the validators need not be built.
    return Config(source) if source.data else Config.model_construct()


def _with_set(source: Source, text: str) -> Source:
    """The source with the value of one ``--set`` in place."""
    option = f"--set {printable(text)}"
    key, equals, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not equals or not all(keys):
        raise ConfigError(f"{option}: must be key=value", hint="for example --set rtol=1e-8")
    if len(keys) > 1:  # the other parts of a key that was not given are its default's
        whole = source.data.get(keys[0])
        whole = Config().as_data().get(keys[0]) if whole is None else whole
        if keys[0] == "scores":
            kinds = whole if isinstance(whole, list) else [whole]
            whole = [parse_distribution(kind) if isinstance(kind, str) else kind for kind in kinds]
            keys = (keys[0], "0", *keys[1:]) if len(whole) == 1 and keys[1] != "0" else keys
        source = Source({**source.data, keys[0]: whole}, source.places)
    return _with_value(source, keys, read_text(value, option, is_file=False).data, option)


def _with_value(source: Source, keys: Sequence[str], value: object, option: str) -> Source:
    data, path = _replaced(source.data, keys, "", value, option)
    places = {place: where for place, where in source.places.items() if place[: len(path)] != path}
    return Source(data, places | {path: option})


def _replaced(data: Any, keys: Sequence[str], parent: str, value: object, option: str) -> tuple[Any, KeyPath]:
    """A copy of ``data`` with the value where ``keys`` lead, and the path to it; ``parent`` is the key before them."""
    if not keys:
        return value, ()
    key, *rest = keys
    if data is None or isinstance(data, dict):
        inner, path = _replaced((data or {}).get(key), rest, key, value, option)
        return {**(data or {}), key: inner}, (key, *path)
    if isinstance(data, list) and key in map(str, range(len(data))):
        index = int(key)
        inner, path = _replaced(data[index], rest, parent, value, option)
        return [*data[:index], inner, *data[index + 1 :]], (index, *path)
    hint = "choose one by its number, for example scores.0.scale" if parent == "scores" else ""
    raise ConfigError(f"{option}: {printable(parent)} has no {printable(key)}", hint=hint)
