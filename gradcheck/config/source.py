"""YAML in: plain data, and for each key the line it stands on.

Scalars are read by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/, section 10.3.2), not by PyYAML's
1.1: ``1e-7`` is a number, ``no`` and ``1:30`` are words, ``010`` is ten and there are no dates. Aliases and
tags are refused: no configuration needs them, and they are how a small file becomes a large one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from gradcheck.config.places import KeyPath, Place, Source, kind_of, printable
from gradcheck.errors import ConfigError

_LARGEST_FILE = 1_000_000  # bytes
_MOST_VALUES = 10_000  # a second of PyYAML; a real configuration has some thirty
_DEEPEST = 20  # a real configuration has four levels; PyYAML recurses once a level
_LONGEST_NUMBER = 400  # characters: the longest plain float64 has about 310 digits

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_file(path: Path) -> Source:
    """A configuration file's mapping; an empty file is an empty mapping.

    Raises:
        ConfigError: not a readable file, not UTF-8, too large, not YAML, not a mapping, a key given twice.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{name}: no such file", hint="without --config, gradcheck.yaml or the defaults are used"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{name}: is a directory, not a configuration file") from None
    except (OSError, ValueError) as error:  # ValueError: a path that no system call takes
        raise ConfigError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{name}: is larger than {_LARGEST_FILE:,} bytes, too large for a configuration")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8", hint="save the file as UTF-8") from None
    source = read_text(text, name)
    if source.data is None:
        source.data = {}
    if not isinstance(source.data, dict):
        raise ConfigError(
            f"{name}:1: holds {kind_of(source.data)}, not keys with values",
            hint="write one `key: value` a line, for example `seed: 0`",
        )
    return source


def read_text(text: str, name: str, *, is_file: bool = True) -> Source:
    """YAML as plain data.

    Args:
        text: one YAML document.
        name: names the text in messages: a file, or an option.
        is_file: messages give the line, and the source its places; else only ``name``.

    Raises:
        ConfigError: not YAML, a key given twice, an alias, a tag, nesting too deep.

    Example:
        >>> read_text("rtol: 1e-7", "gradcheck.yaml").data
        {'rtol': 1e-07}
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        source = Source(None)
        if node is not None:
            source.data = _constructed(node, (), source.places)
        source.places = {path: Place(f"{name}:{place.text}") for path, place in source.places.items() if is_file}
        return source
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        problem = f"holds a character that YAML does not allow ({ord(text[error.position]):#04x})"
    except (ValueError, OverflowError):  # PyYAML calls chr() on an escape such as "\UFFFFFFFF" unchecked
        line, column = (loader.line + 1, loader.column + 1) if loader else (1, 1)
        problem = "holds an escape or a number that cannot be read"
    finally:
        if loader is not None:
            loader.dispose()
    where = f"{name}:{line}:{column}" if is_file else f"{name}: character {column}"
    raise ConfigError(f"{where}: {printable(problem)}")


class _Loader(yaml.SafeLoader):
    """Composes nodes, of a sane number and depth, and without aliases and tags; constructs nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused(f"*{event.anchor} is an alias; write the value out", event.start_mark)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise _refused(f"{tag} is a tag; a configuration has none", event.start_mark)
        self._depth += 1
        self._values += 1
        if self._depth > _DEEPEST:
            raise _refused("is nested too deeply for a configuration", event.start_mark)
        if self._values > _MOST_VALUES:
            raise _refused(f"holds more than {_MOST_VALUES:,} values", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _constructed(node: yaml.Node, path: KeyPath, places: dict[KeyPath, Place]) -> Any:
    """A node as plain data; each child's line, as text, is put into ``places``."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            places[*path, index] = Place(str(child.start_mark.line + 1))
        return [_constructed(child, (*path, index), places) for index, child in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, child in node.value:
        mark = key_node.start_mark
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refused("a key must be a word", mark)
        key = _text(key_node)
        if key in mapping:
            raise _refused(f"{key}: is given twice, here and on line {places[*path, key].text}", mark)
        places[*path, key] = Place(str(mark.line + 1))
        mapping[key] = _constructed(child, (*path, key), places)
    return mapping


def _scalar(node: yaml.ScalarNode) -> Any:
    text = _text(node)
    if node.style is not None:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return int(text, 10 if text.lstrip("+-").isdigit() else 0)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _SPECIAL_FLOAT.fullmatch(text):
            return float(text.replace(".", ""))
    return text


def _text(node: yaml.ScalarNode) -> str:
    text: str = node.value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused("holds half of a surrogate pair, which is no character", node.start_mark)
    return text
