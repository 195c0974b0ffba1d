"""The progress bar: not before a second is over, one line that fits, and gone at the end."""

import re

import pytest
from command_line import Terminal

from gradcheck.cli.progress import PATIENCE, ProgressDisplay
from gradcheck.functions.budget import RunProgress

ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
LONG = "a/long/path/to/a/file_with_a_long_name.py:and_a_loss_with_a_long_name"


class Screen(Terminal):
    """A terminal, and a clock that says ``now``."""

    encoding = "utf-8"
    now = 0.0

    def line(self):
        """What stands on the line now."""
        return ESCAPES.sub("", self.getvalue()).split("\r")[-1]


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return Screen()


@pytest.fixture
def bar(terminal):
    bar = ProgressDisplay(terminal, lambda: terminal.now)
    yield bar
    bar.close()


def at(calls, *, target="svm", done=1, share=0.25, expected=1_250):
    return RunProgress(target, (32, 10), done, 4, calls, expected, share)


def test_what_is_over_within_a_second_shows_no_bar(bar, terminal):
    for calls in range(100):
        terminal.now = PATIENCE * calls / 101
        bar.update(at(calls))
    bar.close()
    assert terminal.getvalue() == ""


def test_past_a_second_it_says_what_is_at_hand_and_the_time_that_is_left(bar, terminal):
    terminal.now = PATIENCE
    bar.update(at(7))
    assert terminal.line().startswith("svm 32 x 10 ")
    assert terminal.line().endswith(" problem 2/4, call 7/1,250 --:-- left")
    terminal.now += 2.0
    bar.update(at(210, share=0.5))  # half of it in two seconds, and so the other half
    assert terminal.line().endswith(", call 210/1,250 00:02 left")


@pytest.mark.parametrize("columns", [20, 60, 80, 140])
@pytest.mark.parametrize("target", ["svm", LONG])
def test_it_is_one_line_that_fits(monkeypatch, terminal, columns, target):
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = ProgressDisplay(terminal, lambda: terminal.now, is_quiet=True)
    for calls in (1_000, 2_000):
        terminal.now += 2.0
        bar.update(at(calls, target=target, expected=60_000, share=calls / 60_000))
    written = terminal.getvalue()
    bar.close()
    assert "\n" not in written
    assert len(terminal.line()) <= columns
    if columns >= 80:
        assert "━" * 8 in written
        assert ESCAPES.sub("", written).endswith("problem 2/4, call 2,000/60,000 00:58 left")
        assert target[-8:] in written


def test_a_target_can_do_nothing_to_the_terminal(bar, terminal):
    terminal.now = 2.0
    bar.update(at(1, target="my[/bold]\x1b[31m.py:loss"))
    assert "my[/bold]\\x1b[31m.py:loss" in terminal.getvalue()
    assert "\x1b[31m.py" not in terminal.getvalue()


def test_a_target_that_begins_is_left_the_screen_for_what_its_loss_may_print(bar, terminal):
    terminal.now = 2.0
    bar.update(at(3))
    bar.update(at(0, target="softmax", done=0, share=0.0))
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is erased
    bar.update(at(1, target="softmax", done=0, share=0.01))
    assert terminal.line().startswith("softmax 32 x 10 ")
