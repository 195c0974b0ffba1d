"""The small print that formats share: verdict signs, numbers as text, and text from outside made inert."""

from __future__ import annotations

import math
import os
import unicodedata
from dataclasses import dataclass

from gradcheck.report import Entry, Severity, Verdict

# Controls, formatting characters (those that reverse the direction of text among them), lone surrogates, and
# line and paragraph separators: what can act on a terminal, or break an encoder, without being seen.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Marks:
    """One alphabet of signs: colour is never the only cue.

    Attributes:
        verdicts: one character for each verdict; a blank for what is right.
        severities: one character for each severity of a finding.
        hint: what a hint starts with.
        dash: between what a problem is and what came of it.
        rule: what the line under a table's headings is made of.
    """

    verdicts: dict[Verdict, str]
    severities: dict[Severity, str]
    hint: str
    dash: str
    rule: str


UNICODE = Marks(
    {Verdict.OK: " ", Verdict.SUBGRADIENT: "≈", Verdict.UNRESOLVED: "?", Verdict.WRONG: "✗"},
    {"error": "✗", "warning": "!", "note": "·"},
    "→",
    "—",
    "─",
)
ASCII = Marks(
    {Verdict.OK: " ", Verdict.SUBGRADIENT: "~", Verdict.UNRESOLVED: "?", Verdict.WRONG: "x"},
    {"error": "x", "warning": "!", "note": "-"},
    "->",
    "-",
    "-",
)


def inert(text: str, *, ascii_only: bool = False, lines: bool = False) -> str:
    """Text from outside with everything that could act on a terminal written out as an escape.

    Args:
        text: a target's name, a message, a traceback: anything that is not ours.
        ascii_only: escape what is not ASCII as well.
        lines: keep line ends, and tabs as four spaces; else they are escaped too.

    >>> inert("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if lines:
        return "\n".join(
            inert(line.expandtabs(4), ascii_only=ascii_only) for line in text.replace("\r\n", "\n").split("\n")
        )
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in _ACTIVE or (ascii_only and not character.isascii())
        else character
        for character in text
    )


def relative(error: float, digits: int = 2) -> str:
    """A relative error with one or two significant digits: ``3.1e-11``, ``0.33``, and exact zero as ``0``."""
    if error == 0:
        return "0"
    if not math.isfinite(error):
        return str(error)
    if error < 0.001:
        return f"{error:.{digits - 1}e}"
    return f"{error:#.{digits}g}".rstrip(".")


def number(value: float, digits: int = 4) -> str:
    """A score or a derivative with this many significant digits; exact zero is ``0``."""
    return "0" if value == 0 else f"{value:.{digits}g}"


def digits_to_tell_apart(relative_error: float) -> int:
    """How many significant digits show two numbers of this relative error as different: 5 to 17."""
    if not 0 < relative_error < 1:
        return 5
    return min(max(math.ceil(-math.log10(relative_error)) + 2, 5), 17)


def digits_of(entry: Entry) -> int:
    """How many significant digits the derivatives of an entry are shown with: of a wrong one, enough to see that."""
    agrees = entry.verdict in (Verdict.OK, Verdict.SUBGRADIENT)
    return 5 if agrees else digits_to_tell_apart(entry.relative_error)


def duration(seconds: float) -> str:
    """Wall time: ``3 ms``, ``1.2 s``, ``2.5 min``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds / 60:.1f} min"


def counted(number: int, thing: str) -> str:
    """A count and its noun: ``1 problem``, ``1,200 problems``, ``3 entries``, ``2 losses``."""
    if number == 1:
        return f"1 {thing}"
    if thing.endswith("y"):
        return f"{number:,} {thing[:-1]}ies"
    return f"{number:,} {thing}{'es' if thing.endswith('s') else 's'}"


def place_of(file: str, line: int | None) -> str:
    """Where a loss stands: ``losses.py:7``, or the file alone where the line is not known."""
    return short_path(file) + ("" if line is None else f":{line}")


def short_path(file: str) -> str:
    """A path relative to the working directory where it lies inside, else as it is."""
    try:
        path = os.path.relpath(file)
    except (ValueError, OSError):  # another drive; or the working directory is gone
        return file
    return file if path.startswith("..") else path
