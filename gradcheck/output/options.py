"""How a report is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Entries = Literal["auto", "all", "worst", "none"]


@dataclass(frozen=True)
class Options:
    """How a report is to look; a format ignores what does not concern it.

    Attributes:
        width: columns to fill; None is 120, which suits a log or a file.
        height: lines of the terminal; None where there is none. Grids show fewer rows on a low terminal.
        color: write ANSI colour codes.
        entries: ``auto`` shows compact grids and the worst entry, ``worst`` tables of the worst entries, ``all`` both
            in full for every problem, ``none`` neither.
        verbose: as ``all``, and also the plain difference and its step, and every worst entry that is known.
        quiet: the terminal shows only the last line.
        ascii: write nothing beyond ASCII, for an output whose encoding is not UTF-8.
        worst: the number of entries in a table of worst entries, unless verbose.
        explain: below the findings, also the pages of their codes.
    """

    width: int | None = None
    height: int | None = None
    color: bool = False
    entries: Entries = "auto"
    verbose: bool = False
    quiet: bool = False
    ascii: bool = False
    worst: int = 10
    explain: bool = False
