"""The configuration: from a file, options and ``--set`` to a `Config`, or to an error that names each mistake."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gradcheck.config.distributions import Integers, Labels, Normal, ScoresKind, StudentT, Uniform
from gradcheck.config.model import Config
from gradcheck.config.overrides import with_set, with_value
from gradcheck.config.source import Source, read_file

__all__ = ["Config", "Integers", "Labels", "Normal", "ScoresKind", "StudentT", "Uniform", "load_config"]

DEFAULT_FILE = "gradcheck.yaml"


def load_config(path: Path | None, options: Mapping[str, object] | None = None, sets: Sequence[str] = ()) -> Config:
    """Read the configuration of a run: ``--set`` wins over options, options over the file, the file over defaults.

    Args:
        path: the file; None for ``gradcheck.yaml`` in the working directory, if there is one.
        options: values by key; None or an empty list where an option was not given.
        sets: texts ``key=value`` or ``key.sub=value``.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, a wrong type, or a value out of range.
    """
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = Path(DEFAULT_FILE)
    source = Source() if path is None else read_file(path)
    for key, value in (options or {}).items():
        if value not in (None, [], ()):
            source = with_value(source, (key,), value, "--batch-size" if key == "batch_sizes" else f"--{key}")
    for text in sets:
        source = with_set(source, text, Config().as_data())
    return Config(source)
