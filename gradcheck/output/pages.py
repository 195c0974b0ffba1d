"""The pages of ``gradcheck explain`` as text: the list of all codes, and one page."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, ListElement, Markdown, MarkdownContext, Paragraph
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from gradcheck.diagnosis.pages import Page, pages
from gradcheck.output import Options
from gradcheck.output.view import DEFAULT_WIDTH, SEVERITY_STYLES, view_of

_INDENT = 2


def render_codes(options: Options) -> str:
    """Every code with its severity and what it means.

    Args:
        options: width and colour; the others do not matter.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for page in pages():
        table.add_row(page.code, Text(page.severity, SEVERITY_STYLES[page.severity]), page.title)
    view = view_of(options)
    view.console.print(table)
    return view.printed


def render_page(page: Page, options: Options) -> str:
    """One page, its prose set anew to the width; code and formulas stand as they are, however wide.

    Args:
        page: of ``gradcheck.diagnosis.pages``.
        options: width and colour; the others do not matter.
    """
    view = view_of(options)
    view.console.print(Drawn(page, options.color), crop=False)
    return view.printed


class Drawn:
    """One page, to be printed on any console."""

    def __init__(self, page: Page, color: bool) -> None:
        self._page, self._color = page, color

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        theme = Theme(
            {
                "markdown.h1": SEVERITY_STYLES[self._page.severity],
                "markdown.h2": "bold",
                "markdown.code": "cyan",  # rich's own is on black, which a light terminal shows as a box
                "markdown.item.number": "default",
            }
        )
        with console.use_theme(theme):
            # Lines of prose that are much longer are hard to read, whatever the terminal holds.
            text = _Page(self._page.text, self._color)
            yield from console.render(text, options.update(width=min(options.max_width, DEFAULT_WIDTH)))


class _LeftHeading(Heading):
    """At the margin, without the box and the centring that rich gives a title."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _IndentedParagraph(Paragraph):
    """Indented below its heading; in a list, the list is."""

    def on_enter(self, context: MarkdownContext) -> None:
        super().on_enter(context)
        self.indent = _INDENT if len(context.stack) == 1 else 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Padding.indent(self.text, self.indent)


class _IndentedList(ListElement):
    """Indented as a paragraph, with a full stop after each number."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for number, item in enumerate(self.items, 1):
            table.add_row(f"{number}.", item.elements)
        yield Padding.indent(table, _INDENT)


class _IndentedCode(CodeBlock):
    """Indented, highlighted, never wrapped or cut: it is there to be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = self.text.plain.rstrip()
        lines = (
            Text(code) if self.lexer_name == "text" else Syntax("", self.lexer_name, theme="ansi_dark").highlight(code)
        )
        for line in lines.split("\n", allow_blank=False):
            yield Text.assemble(" " * 2 * _INDENT, line, no_wrap=True, overflow="ignore")


class _Page(Markdown):
    """Markdown as a page has it: headings, paragraphs, numbered lists and code."""

    elements = Markdown.elements | {
        "heading_open": _LeftHeading,
        "paragraph_open": _IndentedParagraph,
        "ordered_list_open": _IndentedList,
        "fence": _IndentedCode,
        "code_block": _IndentedCode,
    }

    def __init__(self, text: str, color: bool) -> None:
        super().__init__(text)
        if not color:  # then nothing else tells code from prose
            for token in self.parsed:
                for part in token.children or ():
                    if part.type == "code_inline":
                        part.content = f"`{part.content}`"
