"""Plain data and where each part of it was given, and how a message names such a part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value was given.

    Attributes:
        text: for a message, for example ``gradcheck.yaml:7`` or ``--batch-size``.
        within: the key that ``text`` names by itself; empty for a line of a file.
    """

    text: str
    within: KeyPath = ()


@dataclass
class Source:
    """Plain data and where each part of it was given.

    Attributes:
        data: mappings, lists, texts, numbers, truth values and None.
        places: by path, for example ``("scores", 0, "scale")``.
    """

    data: Any = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place | None:
        """The place of ``path``, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return place
        return None


def kind_of(value: object) -> str:
    """What a value is, for a message: ``a list``, ``text``."""
    names: dict[type, str] = {
        dict: "a mapping",
        list: "a list",
        tuple: "a list",
        str: "text",
        bool: "a truth value",
    }
    return names.get(type(value), "a number" if isinstance(value, int | float) else f"a {type(value).__name__}")


def printable(text: str) -> str:
    """The text with every character that would disturb a terminal escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
