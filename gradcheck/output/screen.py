"""Text for a terminal: wrapped to its width, in colour or not, in ASCII where it needs that."""

import io

from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from gradcheck.output.text import Options, escape_control
from gradcheck.report import VERDICTS, Severity

#: What is right is dim, so that the eye goes to what is not.
VERDICT_STYLES = dict(zip(VERDICTS, ("dim", "cyan", "yellow", "bold red"), strict=True))
SEVERITY_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
SEVERITY_SIGNS: dict[Severity, str] = {"error": "✗", "warning": "!", "note": "·"}

_ASCII = str.maketrans({"≈": "~", "✗": "x", "→": ">", "·": "-", "±": "+-"})


class Screen:
    """Collects lines as a terminal of the given options shows them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._file = io.StringIO()
        self.console = Console(
            file=self._file,
            width=options.width,
            height=1,  # without it rich asks the terminal at every line
            color_system="standard" if options.color else None,
            force_jupyter=False,
            legacy_windows=False,
            _environ={},  # the caller has looked at the environment; nothing in it may undo the options here
        )
        self.width = self.console.width

    @property
    def text(self) -> str:
        """What was printed so far, without blanks at the ends of lines, and in ASCII where the output is."""
        lines = (line.rstrip() for line in self._file.getvalue().split("\n"))
        return "\n".join(lines).translate(_ASCII if self.options.ascii else {})

    def escape(self, text: str, lines: bool = False) -> str:
        """Text from outside that can do nothing to the terminal, nor to the output's encoding."""
        return escape_control(text, ascii_only=self.options.ascii, lines=lines)

    def name(self, name: str, width: int) -> str:
        """The name of an input; of a long one the end, which tells it from others."""
        escaped, dots = self.escape(name), "..." if self.options.ascii else "…"
        return escaped if len(escaped) <= width else dots + escaped[len(escaped) + len(dots) - max(width, 4) :]

    def say(self, text: Text | str = "", first: Text | str = "", style: str = "") -> None:
        """Print lines, wrapped; the first begins with ``first``, and the others are indented as far."""
        body = Text(text, style) if isinstance(text, str) else text
        beginning = Text(first, style) if isinstance(first, str) else first
        blanks = Text(" " * beginning.cell_len)
        for line in body.wrap(self.console, max(self.width - len(blanks), 1), overflow="fold"):
            self.keep(Text.assemble(beginning, line))
            beginning = blanks

    def keep(self, lines: Text | Columns) -> None:
        """Print lines that are never broken: rows of numbers, or something to copy."""
        self.console.print(lines, soft_wrap=True)
