"""Which report goes where."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from gradcheck.cli import app
from gradcheck.cli.outputs import destinations
from gradcheck.errors import OutputError, UsageError

LOSSES = """
def right(S, y):
    return (S**2).sum() / 2, S

def wrong(S, y):
    return (S**2).sum() / 2, 1.5 * S
"""
FEW = ["--batch-size", "2", "--scores", "normal"]


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    Path("mine.py").write_text(LOSSES)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments, *FEW])


@pytest.mark.parametrize(
    ("formats", "outputs", "shown", "files"),
    [
        ([], [], ["table"], []),
        (["json"], [], ["json"], []),
        ([], ["json=a.json"], ["table"], ["json=a.json"]),
        ([], ["json=a.json", "junit=b.xml", "html=c.html"], ["table"], ["json=a.json", "junit=b.xml", "html=c.html"]),
        (["json"], ["a.json"], [], ["json=a.json"]),
        (["table", "json"], ["json=a.json"], ["table"], ["json=a.json"]),
        (["json", "table"], ["a.out"], ["table"], ["json=a.out"]),
        (["table", "json"], ["json=a.json", "b.txt"], [], ["json=a.json", "table=b.txt"]),
        ([], ["report.html"], [], ["html=report.html"]),
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
    ("formats", "outputs"),
    [
        (["json", "table"], []),
        ([], ["a.out", "b.out"]),
        ([], ["json=a.json", "json=b.json"]),
        ([], ["json="]),
        (["xml"], []),
        ([], ["json=no/such/directory/a.json"]),
    ],
)
def test_what_is_not_clear_is_refused_before_the_work(formats: list[str], outputs: list[str]) -> None:
    with pytest.raises((UsageError, OutputError)):
        destinations(formats, outputs)


@pytest.mark.parametrize("plot", ["a.jpg", "no/such/a.png"])
def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(plot: str) -> None:
    with pytest.raises((UsageError, OutputError)):
        destinations([], [], Path(plot))


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
