"""What the README shows is true: its examples are run, its tables compared with the code."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from readme import README, examples, files, printed, set_up_commands, write_files
from typer.testing import CliRunner

from gradcheck.cli import COMMANDS, app
from gradcheck.config import Config
from gradcheck.output import FORMATS


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the README's files in it, and nothing else."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def comparable(text: str) -> list[list[str]]:
    """The words of each line, without what differs from run to run: times, and errors that are all rounding."""
    without = re.sub(r"\b\d+(\.\d+)? (ms|s|µs)\b", "TIME", text)
    without = re.sub(r"\b\d(\.\d+)?e-(0[4-9]|1\d)\b", "TINY", without)
    return [re.sub(r"[─\s]+", " ", line).split() for line in without.strip().splitlines()]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.command)
def test_an_example_prints_what_the_readme_shows(example, at_home: Path) -> None:
    shown = printed(example.command, at_home)
    assert comparable(shown) == comparable(example.output), shown


def test_the_layer_in_configs_is_one_of_the_readme(at_home: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--config", str(README.parent / "configs" / "layers.yaml"), "--quiet"])
    assert result.stdout.startswith("right: 93 entries of layers.py:affine_forward agree"), result.stdout


def test_the_test_in_the_readme_passes(at_home: Path) -> None:
    shown = printed("pytest -q test_gradients.py -p no:cacheprovider", at_home)
    assert "3 passed" in shown, shown


def test_the_hook_and_the_workflow_in_the_readme_are_valid_and_their_commands_run(at_home: Path) -> None:
    hook = yaml.safe_load(files()[".pre-commit-config.yaml"])["repos"][0]["hooks"][0]
    assert hook["language"] == "system"
    workflow = yaml.safe_load(files()[".github/workflows/gradients.yml"])
    assert workflow[True] == "push"  # YAML 1.1 reads `on` as a truth value; GitHub does not
    (job,) = workflow["jobs"].values()
    assert {"runs-on", "steps"} <= set(job)
    install, *commands = [shlex.split(step["run"]) for step in job["steps"] if "run" in step]
    assert install[:2] == ["pip", "install"]
    Path("gradcheck.yaml").write_text("losses: [svm]\n", encoding="utf-8")
    for program, *arguments in (shlex.split(hook["entry"]), *commands):
        assert program == "gradcheck"
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["passed"]


def test_every_command_and_format_is_in_the_readme_and_those_that_it_names_exist() -> None:
    text = README.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"gradcheck {name}" not in text] == []
    assert [name for name in FORMATS if f"`{name}`" not in text] == []
    assert set(re.findall(r"`gradcheck\s([a-z]+)", text)) <= set(COMMANDS)
    # An option in the text, not in a block of code of another program's.
    text = re.sub(r"^```(?!console).*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--gradcheck"}  # that one is pytest's
    help_text = "".join(CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output for name in COMMANDS)
    assert {option for option in named if option not in help_text} == set()


def test_the_configuration_table_has_every_key_with_its_default() -> None:
    section = README.read_text(encoding="utf-8").partition("## Configuration")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", section, re.MULTILINE))
    defaults = Config().as_data()
    assert list(rows) == list(defaults)
    for key, default in defaults.items():
        shown = yaml.safe_load(re.sub(r"\b(\d)e-(\d+)", r"\1.0e-\2", rows[key]))
        if key == "scores":
            shown = Config(scores=re.findall(r"[\w-]+\([^)]*\)", rows[key])).as_data()["scores"]
        assert shown == default, key


def test_the_readme_is_short_and_has_examples_and_its_set_up_is_two_commands() -> None:
    assert len(examples()) >= 2
    install, test = set_up_commands()
    assert install.endswith("gradcheck run svm")
    assert test.endswith("pytest -n auto")
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 250
