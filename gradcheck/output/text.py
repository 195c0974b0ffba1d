"""What all formats share: options, numbers as text, verdict signs, and text from outside made harmless."""

import math
import os
import unicodedata
from dataclasses import dataclass
from typing import Literal

from gradcheck.report import Entry, Verdict

Entries = Literal["auto", "all", "worst", "none"]

#: One character for each verdict, so that colour is never the only cue.
SIGNS = {Verdict.OK: " ", Verdict.SUBGRADIENT: "≈", Verdict.UNRESOLVED: "?", Verdict.WRONG: "✗"}

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
LONGEST_LINE = 2_000
MOST_LINES = 30


@dataclass(frozen=True, eq=False)
class Options:
    """How a report is to look; a format ignores what does not concern it."""

    width: int = 120  # columns to fill; what suits a log or a file
    color: bool = False  # write ANSI colour codes
    #: ``auto`` shows compact grids and the worst entry, ``worst`` tables of the worst entries, ``all`` whole grids and
    #: tables with all that is known of each entry, ``none`` neither.
    entries: Entries = "auto"
    quiet: bool = False  # the terminal shows only the last line
    ascii: bool = False  # write nothing beyond ASCII
    worst: int = 10  # the number of entries in a table of worst entries, unless all are shown
    explain: bool = False  # below the findings, also the pages of their codes


def escape_control(text: str, *, ascii_only: bool = False, lines: bool = False) -> str:
    """Text from outside, harmless on a terminal; ``lines`` keeps line ends, and tabs as four spaces."""
    if lines:
        split = text.replace("\r\n", "\n").split("\n")
        return "\n".join(escape_control(line.expandtabs(4), ascii_only=ascii_only) for line in split)
    # Controls, formatting characters, lone surrogates, line and paragraph separators.
    active = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in active or (ascii_only and not character.isascii())
        else character
        for character in text
    )


def legible(text: str, lines: bool = True) -> str:
    """Text from outside for a format that people read: harmless, and not too long."""
    return escape_control(shorten(text), lines=lines)


def shorten(text: str) -> str:
    """The first and the last of many lines, the beginning of a long one, and how much is left out."""
    lines = text.strip("\r\n").replace("\r\n", "\n").split("\n")
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines = [*lines[:half], f"({counted(len(lines) - 2 * half, 'line')} left out)", *lines[-half:]]
    for at, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            lines[at] = f"{line[:LONGEST_LINE]} ({counted(len(line) - LONGEST_LINE, 'more character')})"
    return "\n".join(lines)


def relative(error: float, digits: int = 2) -> str:
    """A relative error or a bound with two significant digits; with one where it is small and ``digits`` is 1."""
    if error == 0 or not math.isfinite(error):
        return "0" if error == 0 else str(error)
    if digits == 1 and error < 0.095:
        return f"{error:.2f}" if error >= 0.0095 else f"{error:.0e}"
    return f"{error:.1e}" if error < 0.001 else f"{error:#.2g}".rstrip(".")


def number(value: float, digits: int = 4) -> str:
    """A score or a derivative with this many significant digits; exact zero is ``0``."""
    return "0" if value == 0 else f"{value:.{digits}g}"


def digits_of(entry: Entry) -> int:
    """How many significant digits to show of an entry's derivatives: of a wrong one enough to see the difference."""
    if entry.verdict in (Verdict.OK, Verdict.SUBGRADIENT) or not 0 < entry.relative_error < 1:
        return 5
    return min(max(math.ceil(-math.log10(entry.relative_error)) + 2, 5), 17)


def derivatives(entry: Entry) -> tuple[str, str]:
    """Analytic and numerical derivative of an entry as text."""
    return number(entry.analytic, digits_of(entry)), number(entry.numerical, digits_of(entry))


def counted(count: int, noun: str) -> str:
    """A count and its noun: ``1 problem``, ``1,200 entries``, ``2 losses``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def place_of(file: str, line: int | None = None) -> str:
    """``losses.py:7``, or the file alone; relative to the working directory, or to this package, if inside."""
    try:
        path = os.path.relpath(file, os.path.dirname(_PACKAGE) if file.startswith(_PACKAGE + os.sep) else None)
    except (ValueError, OSError):  # another drive; or the working directory is gone
        path = file
    return (file if path.startswith("..") else path) + ("" if line is None else f":{line}")
