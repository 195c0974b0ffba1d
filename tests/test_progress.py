"""The progress bar: not before a second is over, and gone at the end."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from gradcheck.progress import PATIENCE, ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bar(terminal: Terminal, clock: Clock) -> Iterator[ProgressBar]:
    bar = ProgressBar(terminal, clock)
    yield bar
    bar.close()


def test_what_is_over_within_a_second_shows_no_bar(bar: ProgressBar, clock: Clock, terminal: Terminal) -> None:
    for done in range(100):
        clock.now = PATIENCE * done / 101
        bar.tell("svm", done, 100)
    bar.close()
    assert terminal.getvalue() == ""


def test_past_a_second_it_names_the_target_and_how_far_it_is(
    bar: ProgressBar, clock: Clock, terminal: Terminal
) -> None:
    bar.tell("svm", 1, 4)
    clock.now = PATIENCE + 0.1
    bar.tell("svm", 2, 4)
    bar.close()
    assert "svm" in terminal.getvalue()
    assert "50%" in terminal.getvalue()


def test_a_target_with_brackets_is_no_markup(bar: ProgressBar, clock: Clock, terminal: Terminal) -> None:
    clock.now = 2.0
    bar.tell("my[/bold]file.py:loss", 0, 1)
    bar.close()
    assert "my[/bold]file.py:loss" in terminal.getvalue()


def test_a_second_target_has_a_line_of_its_own(bar: ProgressBar, clock: Clock, terminal: Terminal) -> None:
    clock.now = 2.0
    bar.tell("svm", 4, 4)
    bar.tell("softmax", 1, 4)
    bar.close()
    assert "svm" in terminal.getvalue()
    assert "25%" in terminal.getvalue()


def test_at_the_end_the_cursor_is_shown_again(bar: ProgressBar, clock: Clock, terminal: Terminal) -> None:
    clock.now = 2.0
    bar.tell("svm", 1, 4)
    bar.close()
    assert "\x1b[?25h" in terminal.getvalue()  # show the cursor
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")


def test_closing_twice_or_without_a_bar_is_no_error(terminal: Terminal, clock: Clock) -> None:
    bar = ProgressBar(terminal, clock)
    bar.close()
    bar.close()
    assert terminal.getvalue() == ""


def test_a_bar_leaves_standard_output_to_whoever_has_it(bar: ProgressBar, clock: Clock) -> None:
    before = sys.stdout, sys.stderr
    clock.now = PATIENCE + 0.1
    bar.tell("svm", 1, 2)
    assert (sys.stdout, sys.stderr) == before
