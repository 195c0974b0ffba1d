"""Configuration files and options as plain data, with the place where each value was written.

Scalars follow YAML 1.2 (https://yaml.org/spec/1.2.2/, section 10.3.2), not PyYAML's YAML 1.1: ``1e-7`` is a number,
``no`` and ``1:30`` are text, and there are no dates.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gradcheck.errors import ConfigError

KeyPath = tuple[str | int, ...]

_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
#: Pydantic's words for what YAML calls otherwise.
_PLAIN_WORDS = {
    "a valid tuple": "a list",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a text",
    "a valid boolean": "true or false",
    "a finite number": "a number, not infinite or NaN",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid dictionary or object to extract fields from": "a mapping of keys to values",
    "a dictionary or an instance of Labels": "a mapping of keys to values",
    "Unable to extract tag using discriminator 'distribution'": "should name its distribution",
    " after validation, not 0": "",
    ", unable to parse string as a number": "",
    ", unable to parse string as an integer": "",
    "Input ": "",
    "Value error, ": "",
    "Value ": "",
    "tag ": "the distribution ",
    " found using 'distribution' does not match any of the expected tags:": " is none of",
}


@dataclass(frozen=True, eq=False)
class Source:
    """Plain data, and the places where they were written by path, for example ``("scores", 0, "scale")``.

    A place is a line, such as ``gradcheck.yaml:7``, or an option, such as ``--batch-size``, which names the key itself.
    """

    data: Any = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """The place and the key of ``path`` for a message."""
        known = next((length for length in range(len(path), 0, -1) if path[:length] in self.places), 0)
        place = self.places.get(path[:known], "")
        if place.startswith("--"):
            path = tuple(part for part in path[known:] if isinstance(part, str))
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        return ": ".join(filter(None, (place, printable(key))))


def read_file(path: Path) -> Source:
    """The mapping in a configuration file; a ConfigError for one that cannot be read, or holds anything else."""
    name = printable(str(path))
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8", hint="save the file as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise ConfigError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    source = read_text(text, name)
    if not isinstance(source.data, dict | None):
        hint = "write one `key: value` a line, for example `seed: 0`"
        raise ConfigError(f"{name}: does not hold keys with values", hint=hint)
    return source if source.data else Source()


def read_text(text: str, name: str, *, is_file: bool = True) -> Source:
    """The YAML document of the file or option called ``name``, or a ConfigError; only a file has lines."""
    lines: dict[KeyPath, int] = {}
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        data = None if node is None else _value(node, (), lines)
        return Source(data, {path: f"{name}:{line}" for path, line in lines.items()} if is_file else {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark and is_file else ""
        problem = printable(" ".join(filter(None, (error.context, error.problem))))
        raise ConfigError(f"{name}{where}: {problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        problem = "is nested too deeply, or holds a character that YAML does not allow"
        raise ConfigError(f"{name}: {problem}") from None


def _value(node: Any, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """The plain data of a node; ``lines`` receives the line of each of its parts."""
    if isinstance(node, yaml.ScalarNode):
        node.value.encode()  # a ValueError for one half of a surrogate pair; PyYAML does not look
        return node.value if node.style else _plain_scalar(node.value)  # a quoted scalar is text
    if isinstance(node, yaml.SequenceNode):
        lines |= {(*path, index): child.start_mark.line + 1 for index, child in enumerate(node.value)}
        return [_value(child, (*path, index), lines) for index, child in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, child in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key_node.start_mark)
        key = key_node.value
        if key in mapping:
            problem = f"{key}: is given twice, here and on line {lines[*path, key]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
        lines[*path, key] = key_node.start_mark.line + 1
        mapping[key] = _value(child, (*path, key), lines)
    return mapping


def _plain_scalar(text: str) -> Any:
    """A scalar without quotes as None, a truth value, a number, or text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not re.fullmatch(_FLOAT, text):
        return text
    return int(text) if text.lstrip("+-").isdigit() and len(text) < 400 else float(text)


def printable(text: str) -> str:
    """The text with every character escaped that could disturb a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def in_plain_words(rule: str) -> str:
    """A rule of pydantic's as a person who knows YAML, but not pydantic, would say it."""
    for words, plain in _PLAIN_WORDS.items():
        rule = rule.replace(words, plain)
    return rule
