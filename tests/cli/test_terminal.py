"""Where output goes: widths, colours, encodings, and files."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from gradcheck.cli import terminal
from gradcheck.errors import OutputError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 120), ("90", 90), ("1", 1), ("0", 120), ("wide", 120), ("", 120), ("1e3", 120)]
)
def test_a_pipe_is_120_wide_unless_columns_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, columns: str | None, width: int
) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert terminal.for_standard_output().width == width


def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((77, 33)))
    assert terminal.for_standard_output().width == 77


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),  # no-color.org: when not an empty string
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (Terminal(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.for_standard_output().color is expected


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", False), ("UTF8", False), ("utf-16", False), ("ascii", True), ("cp1252", True)]
)
def test_only_unicode_encodings_are_trusted_with_more_than_ascii(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: bool
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert terminal.for_standard_output().ascii is expected


def test_what_the_encoding_does_not_hold_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
    terminal.print_out("a ✗ b\n")
    assert raw.getvalue() == b"a \\u2717 b\n"


def test_a_file_is_written_in_utf8_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    terminal.write_file("a ✗ b\n", path)
    assert path.read_bytes() == "a ✗ b\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/report.txt", "\0", "x" * 300, "file/report.txt"])
def test_a_path_that_cannot_be_is_a_message(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("a file and no directory")
    with pytest.raises(OutputError, match="cannot be written"):
        terminal.write_file("new", tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("name", ["missing/report.txt", "", "directory", "\0/x", "file/report.txt"])
def test_what_cannot_be_written_is_refused_before_the_work_is_done(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("a file and no directory")
    with pytest.raises(OutputError, match="cannot be written"):
        terminal.refuse_unwritable(tmp_path / name)


def test_what_can_be_written_is_not_refused_and_not_touched(tmp_path: Path) -> None:
    terminal.refuse_unwritable(tmp_path / "new.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        terminal.refuse_unwritable(path)
        terminal.write_file("new", path)
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)
