"""Configuration files and options as plain data, with the place where each value was written.

Scalars follow YAML 1.2 (https://yaml.org/spec/1.2.2/, section 10.3.2), not PyYAML's YAML 1.1: ``1e-7`` is a number,
``no`` and ``1:30`` are text, and there are no dates. Aliases and tags are refused: no configuration needs them, and
with them a small file can expand to a huge one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gradcheck.errors import ConfigError

KeyPath = tuple[str | int, ...]

_LARGEST_FILE = 100_000  # bytes: half a second of PyYAML; a real configuration has about 2,000
_LONGEST_NUMBER = 400  # characters: the longest plain float64 has about 310 digits
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Source:
    """Plain data and the places where they were written.

    Attributes:
        data: mappings, lists, texts, numbers, truth values and None.
        places: by path, for example ``("scores", 0, "scale")``, in the order in which they were written: a line such
            as ``gradcheck.yaml:7``, or an option such as ``--batch-size``, which names the key itself.
    """

    data: Any = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath) -> tuple[int, str]:
        """The position of ``path`` among all places, and its place and key for a message."""
        known = next((path[:length] for length in range(len(path), -1, -1) if path[:length] in self.places), None)
        place = "" if known is None else self.places[known]
        if known and place.startswith("--"):
            path = path[len(known) :]
            path = path[1:] if path and isinstance(path[0], int) else path
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        order = -1 if known is None else list(self.places).index(known)
        return order, ": ".join(part for part in (place, printable(key)) if part)


def read_file(path: Path) -> Source:
    """Read the mapping in a configuration file; an empty file is an empty mapping.

    Raises:
        ConfigError: the file cannot be read, is too large, or holds anything but one mapping in UTF-8 and YAML.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        hint = "without --config, gradcheck.yaml or the defaults are used"
        raise ConfigError(f"{name}: no such file", hint=hint) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise ConfigError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{name}: is larger than {_LARGEST_FILE:,} bytes, too large for a configuration")
    try:
        source = read_text(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8", hint="save the file as UTF-8") from None
    if source.data is None:
        return Source()
    if not isinstance(source.data, dict):
        hint = "write one `key: value` a line, for example `seed: 0`"
        raise ConfigError(f"{name}:1: holds {kind_of(source.data)}, not keys with values", hint=hint)
    return source


def read_text(text: str, name: str, *, is_file: bool = True) -> Source:
    """Read one YAML document.

    Args:
        text: the document.
        name: the file or option that messages name.
        is_file: messages and places give the line; otherwise messages give the character, and there are no places.

    Raises:
        ConfigError: not YAML, a key that is given twice, an alias, a tag, or nesting that is too deep.

    Example:
        >>> read_text("rtol: 1e-7", "gradcheck.yaml").data
        {'rtol': 1e-07}
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        data = None if node is None else _value(node, (), lines)
        return Source(data, {path: f"{name}:{line}" for path, line in lines.items()} if is_file else {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        problem = f"holds a character that YAML does not allow ({ord(text[error.position]):#04x})"
    except RecursionError:
        line, column, problem = 1, 1, "is nested too deeply for a configuration"
    except (ValueError, OverflowError):  # PyYAML calls chr() on an escape such as "\UFFFFFFFF" without a check
        line, column = (loader.line + 1, loader.column + 1) if loader else (1, 1)
        problem = "holds an escape that is not a character"
    where = f"{name}:{line}:{column}" if is_file else f"{name}: character {column}"
    raise ConfigError(f"{where}: {printable(problem)}")


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses aliases and tags."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused(f"*{event.anchor} is an alias; write the value out", event.start_mark)
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise _refused(f"{tag} is a tag; a configuration has none", event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            event.value.encode()  # raises a ValueError for one half of a surrogate pair
        return super().compose_node(parent, index)


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """The plain data of a node; ``lines`` receives the line of each of its parts."""
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _plain_scalar(node.value)  # a quoted scalar is text
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, child in enumerate(node.value):
            lines[*path, index] = child.start_mark.line + 1
            items.append(_value(child, (*path, index), lines))
        return items
    mapping: dict[str, Any] = {}
    for key_node, child in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refused("a key must be a word", key_node.start_mark)
        key = key_node.value
        if key in mapping:
            problem = f"{key}: is given twice, here and on line {lines[*path, key]}"
            raise _refused(problem, key_node.start_mark)
        lines[*path, key] = key_node.start_mark.line + 1
        mapping[key] = _value(child, (*path, key), lines)
    return mapping


def _plain_scalar(text: str) -> Any:
    """A scalar without quotes as None, a truth value, a number, or text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if len(text) > _LONGEST_NUMBER or not _FLOAT.fullmatch(text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def kind_of(value: object) -> str:
    """The kind of a value, for messages: ``a list``, ``text``."""
    names: dict[type, str] = {dict: "a mapping", list: "a list", tuple: "a list", str: "text", bool: "a truth value"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")


def printable(text: str) -> str:
    """The text with every character escaped that could disturb a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
