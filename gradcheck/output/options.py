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
        entries: ``auto`` shows compact grids and the worst entry, ``worst`` tables of the worst entries, ``all`` whole
            grids and tables with all that is known of each entry, ``none`` neither.
        verbose: as ``all``.
        quiet: the terminal shows only the last line.
        ascii: write nothing beyond ASCII, for an output whose encoding is not UTF-8.
        worst: the number of entries in a table of worst entries, unless all are shown.
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

    @property
    def full(self) -> bool:
        """Everything is shown."""
        return self.verbose or self.entries == "all"
