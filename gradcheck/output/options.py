"""How a report is to look."""

from __future__ import annotations

from typing import Literal, NamedTuple

Entries = Literal["auto", "all", "worst", "none"]


class Options(NamedTuple):
    """How a report is to look; a format ignores what does not concern it."""

    width: int | None = None  # columns to fill; None is 120, which suits a log or a file
    height: int | None = None  # lines of the terminal; grids show fewer rows on a low one
    color: bool = False  # write ANSI colour codes
    #: ``auto`` shows compact grids and the worst entry, ``worst`` tables of the worst entries, ``all`` whole grids and
    #: tables with all that is known of each entry, ``none`` neither.
    entries: Entries = "auto"
    verbose: bool = False  # as ``entries="all"``
    quiet: bool = False  # the terminal shows only the last line
    ascii: bool = False  # write nothing beyond ASCII
    worst: int = 10  # the number of entries in a table of worst entries, unless all are shown
    explain: bool = False  # below the findings, also the pages of their codes

    @property
    def full(self) -> bool:
        """Everything is shown."""
        return self.verbose or self.entries == "all"
