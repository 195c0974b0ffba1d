"""Where output goes: formats, widths, colours, encodings, and files."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from gradcheck.cli import app, outputs
from gradcheck.cli.outputs import destinations
from gradcheck.errors import UsageError

LOSSES = """
def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S
"""
FEW = ["--batch-size", "2", "--scores", "normal"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    Path("mine.py").write_text(LOSSES)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments, *FEW])


@pytest.mark.parametrize(
    ("formats", "outputs", "shown", "files"),
    [
        ([], [], ["table"], []),
        (["json"], [], ["json"], []),
        ([], ["json=a.json", "junit=b.xml", "html=c.html"], ["table"], ["json=a.json", "junit=b.xml", "html=c.html"]),
        (["table", "json"], ["json=a.json"], ["table"], ["json=a.json"]),
        (["json", "table"], ["a.out"], ["table"], ["json=a.out"]),
        (["table", "json"], ["json=a.json", "b.txt"], [], ["json=a.json", "table=b.txt"]),
        ([], ["report.xml"], [], ["junit=report.xml"]),
        ([], ["report.out"], [], ["table=report.out"]),
        ([], ["strange=name.out"], [], ["table=strange=name.out"]),
        (["table", "github"], [], ["table", "github"], []),
        (["json", "json"], [], ["json"], []),
    ],
)
def test_a_format_goes_to_its_file_or_to_standard_output(
    formats: list[str], outputs: list[str], shown: list[str], files: list[str]
) -> None:
    wanted = destinations(formats, outputs)
    assert list(wanted.shown) == shown
    assert [f"{format_}={path}" for format_, path in wanted.files.items()] == files


@pytest.mark.parametrize(
    ("formats", "outputs", "plot"),
    [
        (["json", "table"], [], None),
        ([], ["a.out", "b.out"], None),
        ([], ["json=a.json", "json=b.json"], None),
        ([], ["json="], None),
        (["xml"], [], None),
        ([], ["json=no/such/directory/a.json"], None),
        ([], [], "a.jpg"),
        ([], [], "no/such/a.png"),
    ],
)
def test_what_is_not_clear_is_refused_before_the_work(formats: list[str], outputs: list[str], plot: str | None) -> None:
    with pytest.raises(UsageError):
        destinations(formats, outputs, Path(plot) if plot else None)


def test_one_run_writes_several_reports_beside_the_table() -> None:
    files = {"json": "a.json", "junit": "b.xml", "html": "c.html", "markdown": "d.md", "github": "e.txt"}
    outputs = [word for format_, path in files.items() for word in ("--output", f"{format_}={path}")]
    result = run("mine.py:wrong", *outputs)
    assert result.exit_code == 1
    assert "disagree" in result.stdout
    assert json.loads(Path("a.json").read_text())["passed"] is False
    assert ET.parse("b.xml").getroot().get("failures") == "1"
    assert Path("c.html").read_text().startswith("<!DOCTYPE html>")
    assert Path("d.md").read_text().startswith("## ❌")
    assert Path("e.txt").read_text().startswith("::error ")


def test_a_format_that_breaks_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outputs.FORMATS, "html", lambda report, options: 1 / 0)
    result = run("mine.py:wrong", "--output", "html=a.html", "--output", "json=b.json")
    assert (result.exit_code, Path("b.json").exists()) == (2, True)
    assert "a.html is not written, by an error in gradcheck itself: the verdict stands" in result.stderr
    assert "wrong: " in result.stdout


def test_in_a_workflow_annotations_and_the_summary_come_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    result = run("mine.py:wrong", "mine.py:right")
    annotations = [line for line in result.stdout.splitlines() if line.startswith("::")]
    assert len(annotations) == 1
    assert "file=mine.py,line=5" in annotations[0]
    assert Path("summary.md").read_text().startswith("## ❌ gradcheck")
    assert "::" not in run("mine.py:wrong", "--format", "json").stdout.replace('"', "").split("batches")[0]


def test_a_summary_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/summary.md")
    result = run("mine.py:right", "--format", "github")
    assert result.exit_code == 0
    assert "the step's summary cannot be written" in result.stderr


def test_a_picture_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    result = run("mine.py:wrong", "--plot", "errors.svg")
    assert "the picture is in errors.svg" in result.stderr
    assert Path("errors.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("page", [["--output", "html=page.html"], ["--format", "html"]], ids=["file", "shown"])
def test_a_page_shows_the_numbers_of_every_entry_of_a_small_problem(page: list[str]) -> None:
    run("mine.py:right", *page, "--output", "json=a.json", "--classes", "8")
    (batch,) = json.loads(Path("a.json").read_text())["losses"][0]["batches"]
    assert len(batch["worst"]) == batch["entries"] == 16


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
    assert outputs.for_standard_output().width == width


def test_a_terminal_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((77, 33)))
    assert outputs.for_standard_output().width == 77


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
    assert outputs.for_standard_output().color is expected


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", False), ("UTF8", False), ("utf-16", False), ("ascii", True), ("cp1252", True)]
)
def test_only_unicode_encodings_are_trusted_with_more_than_ascii(
    monkeypatch: pytest.MonkeyPatch, encoding: str, expected: bool
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert outputs.for_standard_output().ascii is expected


def test_what_the_encoding_does_not_hold_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
    outputs.print_out("a ✗ b\n")
    assert raw.getvalue() == b"a \\u2717 b\n"


def test_a_file_is_written_in_utf8_and_nothing_else_is_touched(tmp_path: Path) -> None:
    outputs.refuse_unwritable(tmp_path / "report.txt")
    outputs.write_file("a ✗ b\n", tmp_path / "report.txt")
    assert (tmp_path / "report.txt").read_bytes() == "a ✗ b\n".encode()
    assert sorted(os.listdir(tmp_path)) == ["mine.py", "report.txt"]


@pytest.mark.parametrize("name", ["missing/report.txt", "\0/x", "x" * 300, "mine.py/report.txt", ""])
def test_a_path_that_cannot_be_is_a_message_and_refused_before_the_work_is_done(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        outputs.write_file("new", tmp_path / name)
    if len(name) < 300:  # whether a name is too long is seen when it is written
        with pytest.raises(UsageError, match="cannot be written"):
            outputs.refuse_unwritable(tmp_path / name)
    assert os.listdir(tmp_path) == ["mine.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        outputs.refuse_unwritable(path)
        outputs.write_file("new", path)
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert path.is_fifo()
