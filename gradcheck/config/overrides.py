"""What the command line puts over a configuration file: options, and ``--set key.sub=value``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck.config.places import KeyPath, Place, Source, kind_of, printable
from gradcheck.config.scores import opened
from gradcheck.errors import ConfigError

#: How the command line names a key, where it is not simply ``--key``.
_OPTIONS = {"batch_sizes": "--batch-size", "losses": "TARGETS"}


@dataclass(frozen=True)
class Override:
    """A value from the command line.

    Attributes:
        value: plain data.
        option: how messages name where it came from, for example ``--set rtol=2``.
    """

    value: object
    option: str


def apply_set(overrides: dict[str, object], text: str) -> None:
    """Add one ``--set`` to the overrides; the last one of a key wins.

    Args:
        overrides: by dotted key; changed in place.
        text: ``key=value`` or ``key.sub=value``, the value as in the YAML file.

    Raises:
        ConfigError: no ``=``, no key, or a value that is not YAML.

    Example:
        >>> overrides: dict[str, object] = {}
        >>> apply_set(overrides, "labels.kind=one-hot")
        >>> overrides["labels.kind"]
        Override(value='one-hot', option='--set labels.kind=one-hot')
    """
    shown = printable(text)
    option = f"--set {shown if len(shown) <= 60 else shown[:57] + '...'}"
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals:
        raise ConfigError(f"{option}: no value", hint="write --set key=value, for example --set rtol=1e-8")
    if not all(key.split(".")):
        raise ConfigError(f"{option}: no key", hint="write --set key=value, for example --set labels.kind=one-hot")
    from gradcheck.config.source import read_text  # PyYAML: only a run that has YAML to read pays for it

    given = read_text(value, option, is_file=False).data
    overrides.pop(key, None)  # so that it comes last
    overrides[key] = Override(given, option)


def put_over(source: Source, overrides: Mapping[str, object], defaults: Mapping[str, Any]) -> Source:
    """The source with the overrides in place, in their order.

    Args:
        source: what the file says; left untouched.
        overrides: values or `Override`, by dotted key.
        defaults: what a key holds that the file does not mention, for an override of a part of it.

    Raises:
        ConfigError: a dotted key that leads nowhere.
    """
    data, places = dict(source.data), dict(source.places)
    for key, given in overrides.items():
        option = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
        override = given if isinstance(given, Override) else Override(given, option)
        wanted = tuple(key.split("."))
        if len(wanted) > 1 and wanted[0] in defaults:
            data.setdefault(wanted[0], defaults[wanted[0]])
        data, path = _with(data, wanted, (), override)
        places = {place: where for place, where in places.items() if place[: len(path)] != path}
        places[path] = Place(override.option, path)
    return Source(data, places)


def _with(data: Any, wanted: tuple[str, ...], passed: tuple[str, ...], override: Override) -> tuple[Any, KeyPath]:
    """A copy of the data with the value where the rest of a dotted key leads, and the path there."""
    if not wanted:
        return override.value, ()
    part = wanted[0]
    if isinstance(data, str) and passed[:1] == ("scores",):
        data = opened(data)
    if data is None:
        data = {}
    if isinstance(data, dict):
        inner, path = _with(data.get(part), wanted[1:], (*passed, part), override)
        return {**data, part: inner}, (part, *path)
    name = printable(".".join(passed))
    if not isinstance(data, list):
        raise ConfigError(f"{override.option}: {name} is {kind_of(data)}, which has no {printable(part)}")
    index = next((index for index in range(len(data)) if str(index) == part), None)
    if index is not None:
        inner, path = _with(data[index], wanted[1:], (*passed, part), override)
    elif len(data) == 1:  # the one thing in the list is meant
        index = 0
        inner, path = _with(data[0], wanted, passed, override)
    else:
        raise ConfigError(
            f"{override.option}: {name} is a list of {len(data)}, which has no {printable(part)}",
            hint=f"name one of them, for example {name}.0.scale" if passed == ("scores",) else "",
        )
    return [*data[:index], inner, *data[index + 1 :]], (index, *path)
