"""What every piece of the table is shown on: the console, the alphabet of signs, the colours."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.console import Console

from gradcheck.output import Options
from gradcheck.output.marks import ASCII, UNICODE, Marks, inert
from gradcheck.report import Severity, Verdict

DEFAULT_WIDTH = 120

#: What is right is dim, so that the eye goes to what is not.
VERDICT_STYLES = {
    Verdict.OK: "dim",
    Verdict.SUBGRADIENT: "cyan",
    Verdict.UNRESOLVED: "yellow",
    Verdict.WRONG: "bold red",
}
SEVERITY_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


@dataclass(frozen=True)
class View:
    """The options, and a console that prints into a string and obeys nothing but them."""

    options: Options
    console: Console
    file: io.StringIO = field(default_factory=io.StringIO)

    @property
    def marks(self) -> Marks:
        return ASCII if self.options.ascii else UNICODE

    @property
    def width(self) -> int:
        return self.console.width

    @property
    def printed(self) -> str:
        """What was printed so far, without the blanks that rich fills lines up with."""
        return "\n".join(line.rstrip() for line in self.file.getvalue().split("\n"))

    def inert(self, text: str, lines: bool = False) -> str:
        """Text from outside that can do nothing to the terminal, nor to the output's encoding."""
        return inert(text, ascii_only=self.options.ascii, lines=lines)


def view_of(options: Options, record: bool = False) -> View:
    """A view for these options; ``record`` keeps what is printed for an export as SVG."""
    file = io.StringIO()
    console = Console(
        file=file,
        record=record,
        width=options.width or DEFAULT_WIDTH,
        height=options.height or 1,  # nothing is laid out by it, but without it rich asks the terminal, again and again
        color_system="standard" if options.color else None,
        force_terminal=options.color,
        no_color=not options.color,
        force_jupyter=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},  # the caller has looked at the environment; nothing in it may undo the options here
    )
    return View(options, console, file)
