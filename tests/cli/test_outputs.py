"""Where output goes: formats, widths, colours, encodings, and files."""

import io
import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import command_line
import pytest
from typer.testing import CliRunner

from gradcheck.cli import app, outputs
from gradcheck.cli.outputs import destinations


def run(words, *arguments):
    return command_line.run(words, "--batch-size", "2", "--scores", "normal", *arguments)


@pytest.mark.parametrize(
    ("formats", "outputs", "shown", "files"),
    [
        ([], [], ["table"], []),
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
def test_a_format_goes_to_its_file_or_to_standard_output(formats, outputs, shown, files):
    wanted = destinations(formats, outputs)
    assert list(wanted.shown) == shown
    assert [f"{format_}={path}" for format_, path in wanted.files.items()] == files


@pytest.mark.parametrize(
    "options",
    [
        "--format json --format table",
        "--output a.out --output b.out",
        "--output json=",
        "--format xml",
        "--plot a.jpg",
        "--plot no/such/a.png",
    ],
)
def test_what_is_not_clear_is_refused_before_the_work(options):
    result = run(f"mine.py:right {options}")
    assert (result.exit_code, result.stdout) == (2, "")


def test_one_run_writes_several_reports_beside_the_table_and_one_that_breaks_takes_no_other_along(monkeypatch):
    files = {"json": "a.json", "junit": "b.xml", "html": "c.html", "markdown": "d.md", "github": "e.txt"}
    options = " ".join(f"--output {format_}={path}" for format_, path in files.items())
    result = run(f"mine.py:wrong {options}")
    assert result.exit_code == 1
    assert "disagree" in result.stdout
    assert json.loads(Path("a.json").read_text())["passed"] is False
    assert ET.parse("b.xml").getroot().get("failures") == "1"
    assert Path("c.html").read_text().startswith("<!DOCTYPE html>")
    assert Path("d.md").read_text(encoding="utf-8").startswith("## ❌")
    assert Path("e.txt").read_text().startswith("::error ")
    assert {*os.listdir()} == {"mine.py", *files.values()}
    Path("d.md").unlink()
    monkeypatch.setitem(outputs.FORMATS, "html", lambda report, options: 1 / 0)
    result = CliRunner().invoke(app, ["run", "mine.py:wrong", *options.split()])
    assert (result.exit_code, Path("d.md").exists()) == (2, True)
    assert "c.html is not written, by an error in gradcheck itself: the verdict stands" in result.stderr
    assert "wrong: " in result.stdout


def test_in_a_workflow_annotations_and_the_summary_come_by_themselves(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    result = run("mine.py:wrong mine.py:right")
    annotations = [line for line in result.stdout.splitlines() if line.startswith("::")]
    assert len(annotations) == 1
    assert "file=mine.py,line=6" in annotations[0]
    assert Path("summary.md").read_text().startswith("## ❌ gradcheck")
    assert "::" not in run("mine.py:wrong --format json").stdout.replace('"', "").split("batches")[0]
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/summary.md")
    result = run("mine.py:right")
    assert (result.exit_code, result.stderr.partition(":")[0]) == (0, "the step's summary cannot be written")


@pytest.mark.parametrize("page", ["--output html=page.html", "--format html"])
def test_a_page_shows_the_numbers_of_every_entry_of_a_small_problem(page):
    run(f"mine.py:right {page} --output json=a.json --classes 8")
    (batch,) = json.loads(Path("a.json").read_text())["losses"][0]["batches"]
    assert len(batch["worst"]) == batch["entries"] == 16


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (io.StringIO(), {}, {"width": 120, "color": False}),
        *((io.StringIO(), {"COLUMNS": text}, {"width": int(text)}) for text in ("90", "1")),
        *((io.StringIO(), {"COLUMNS": text}, {"width": 120}) for text in ("0", "wide", "", "1e3")),
        (command_line.Terminal(), {}, {"color": True}),
        (command_line.Terminal(), {"NO_COLOR": "1"}, {"color": False}),
        (command_line.Terminal(), {"NO_COLOR": ""}, {"color": True}),  # no-color.org: when not an empty string
        (command_line.Terminal(), {"TERM": "dumb"}, {"color": False}),
        (io.StringIO(), {"FORCE_COLOR": "1"}, {"color": True}),
        (command_line.Terminal(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, {"color": False}),
        *(
            (io.TextIOWrapper(io.BytesIO(), encoding=name), {}, {"ascii": False})
            for name in ("utf-8", "UTF8", "utf-16")
        ),
        *((io.TextIOWrapper(io.BytesIO(), encoding=name), {}, {"ascii": True}) for name in ("ascii", "cp1252")),
    ],
)
def test_width_colour_and_signs_are_those_of_standard_output(monkeypatch, stream, environment, expected):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert expected.items() <= vars(outputs.for_standard_output()).items()


def test_what_the_encoding_does_not_hold_is_written_as_an_escape(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
    outputs.print_out("a ✗ b\n")
    assert raw.getvalue() == b"a \\u2717 b\n"


@pytest.mark.parametrize("name", ["missing/report.txt", "\0/x", "x" * 300, "mine.py/report.txt"])
def test_a_path_that_cannot_be_is_a_message_and_refused_before_the_work_is_done(name):
    result = run("mine.py:right", "--output", f"json={name}")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert (result.stdout == "") is (len(name) < 300)  # whether a name is too long is seen when it is written
    assert os.listdir() == ["mine.py"]
