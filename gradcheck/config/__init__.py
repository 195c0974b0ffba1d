"""The configuration, and how it is put together.

A file, options and ``--set`` go in; out comes a `Config`, or a `ConfigError` that names each mistake. Where
nothing is given there is nothing to put together or to validate, and neither pydantic nor PyYAML is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck.config.keys import Keys, Labels
from gradcheck.config.scores import Integers, Normal, ScoresKind, StudentT, Uniform

if TYPE_CHECKING:
    from gradcheck.config.places import Source

__all__ = [
    "Config",
    "Integers",
    "Labels",
    "Normal",
    "ScoresKind",
    "StudentT",
    "Uniform",
    "load_config",
    "parse_scores",
]

DEFAULT_FILE = "gradcheck.yaml"


class Config(Keys):
    """What to check and how; see ``configs/default.yaml`` for the same in YAML.

    Lists may be any sequence or a lone value, and a kind of scores its text.

    Raises:
        ConfigError: an unknown key, a wrong type or range; all of them in one message.

    Example:
        >>> Config(batch_sizes=[3], scores="normal(0, 0.001)").scores[0].describe()
        'normal(0, 0.001)'
    """

    __slots__ = ()

    def __init__(self, **keys: Any) -> None:
        super().__init__(**_validated(keys) if keys else {})


def load_config(path: Path | None, overrides: Mapping[str, object]) -> Config:
    """The configuration of a run: the defaults, under a file, under the command line.

    Args:
        path: the file; None for ``gradcheck.yaml`` in the working directory, if there is one.
        overrides: by key or dotted key, in the order they apply: plain values of options (None or an empty
            list where one was not given), and what `gradcheck.config.overrides.apply_set` added.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, a wrong type or range.
    """
    if path is None and os.path.lexists(DEFAULT_FILE):
        path = Path(DEFAULT_FILE)
    given = {key: value for key, value in overrides.items() if value not in (None, [], ())}
    if path is None and not given:
        return Config()
    from gradcheck.config.overrides import put_over
    from gradcheck.config.places import Source

    source = Source({})
    if path is not None:
        from gradcheck.config.source import read_file  # PyYAML: only a run that has YAML to read pays for it

        source = read_file(path)
    return _config_of(put_over(source, given, Config().as_data()))


def parse_scores(text: str, option: str = "--scores") -> ScoresKind:
    """A kind of scores from its text; the inverse of its ``describe()``.

    Args:
        text: ``normal``, ``normal(0, 0.001)`` or ``{distribution: normal, scale: 0.001}``.
        option: names the text in messages.

    Raises:
        ConfigError: not such a text, an unknown distribution, a parameter out of range.

    Example:
        >>> parse_scores("integers(-2, 2)")
        Integers(distribution='integers', low=-2, high=2)
    """
    from gradcheck.config.places import Place, Source

    source = Source({"scores": [text]}, {("scores",): Place(option, ("scores",))})
    return _config_of(source).scores[0]


def _validated(keys: dict[str, Any]) -> dict[str, Any]:
    """The keys that are given, as arguments of `Keys`."""
    from gradcheck.config.model import validated  # pydantic: only who gives a key pays for it
    from gradcheck.config.places import Source

    return validated(Source(keys))


def _config_of(source: Source) -> Config:
    """As ``Config(**source.data)``, but a mistake is named by its place in the source."""
    from gradcheck.config.model import validated

    config = Config.__new__(Config)
    Keys.__init__(config, **validated(source))
    return config
