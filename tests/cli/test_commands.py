"""init, schema and compare, as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gradcheck.cli import COMMANDS, app


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def gradcheck(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_init_takes_a_directory_that_is_not_there_yet() -> None:
    assert gradcheck("init", "new/project").exit_code == 0
    assert Path("new/project/gradcheck.yaml").is_file()


def test_schema_prints_what_init_writes() -> None:
    gradcheck("init")
    printed = gradcheck("schema").stdout
    assert printed == Path(".gradcheck.schema.json").read_text()
    assert json.loads(printed)["properties"]["batch_sizes"]["default"] == [1, 3, 8]


def test_compare_fails_where_something_became_worse() -> None:
    Path("mine.py").write_text("def loss(S, y):\n    return float((S**2).sum()) / 2, S\n")
    for name, factor in (("a.json", ""), ("b.json", "1.5 * ")):
        Path("mine.py").write_text(f"def loss(S, y):\n    return float((S**2).sum()) / 2, {factor}S\n")
        gradcheck("run", "mine.py:loss", "--batch-size", "2", "--output", f"json={name}")
    assert gradcheck("compare", "a.json", "a.json").exit_code == 0
    result = gradcheck("compare", "a.json", "b.json")
    assert result.exit_code == 1
    assert "worse: mine.py:loss" in result.stdout
    assert gradcheck("compare", "b.json", "a.json").exit_code == 0
    assert gradcheck("compare", "a.json", "nosuch.json").exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_commands_help_reads_well_at_80_columns_and_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    assert "For example: gradcheck " in " ".join(result.output.split())


def test_the_example_of_every_commands_help_runs() -> None:
    gradcheck("run", "svm", "--output", "json=last.json")
    gradcheck("run", "svm", "--output", "json=report.json")
    for command in COMMANDS:
        text = " ".join(CliRunner().invoke(app, [command, "--help"]).output.split())
        example = text.split("For example: ")[1].split(" ╭")[0].split(" > ")[0].split(" && ")[0]
        assert gradcheck(*example.split()[1:]).exit_code == 0, example
