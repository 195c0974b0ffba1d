"""The configuration of a run: a file, then the options of the command line, then ``--set key.sub=value``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

from gradcheck.config.model import Config
from gradcheck.config.source import KeyPath, Source, printable, read_file, read_text
from gradcheck.errors import ConfigError

DEFAULT_FILE = "gradcheck.yaml"


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
