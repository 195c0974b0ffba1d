"""The short commands, help, and completion in the shell."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import gradcheck, run
from typer.testing import CliRunner

from gradcheck.cli import COMMANDS, app
from gradcheck.cli.others import SCHEMA_FILE, default_yaml
from gradcheck.config import Config, load_config
from gradcheck.losses import BUILT_INS

CONFIGS = Path(__file__).parents[2] / "configs"


def test_init_writes_the_defaults_and_the_schema_that_schema_prints():
    assert gradcheck("init", "new/project").exit_code == 0
    config = Path("new/project/gradcheck.yaml")
    assert load_config(config) == Config()
    assert config.read_text().splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert (CONFIGS / "default.yaml").read_text() == default_yaml(Config())
    printed = gradcheck("schema").stdout
    assert printed == (config.parent / SCHEMA_FILE).read_text()
    assert json.loads(printed)["properties"]["batch_sizes"]["default"] == [1, 3, 8]


def test_the_loss_that_init_writes_passes_its_test_and_the_run():
    gradcheck("init", "--loss", "my_loss")
    for command in (["gradcheck", "run"], ["pytest", "-q", "-p", "no:cacheprovider"]):
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_init_leaves_an_existing_file_alone_without_force(tmp_path):
    Path("gradcheck.yaml").write_text("seed: 7\n")
    Path("mine.py").unlink()
    result = gradcheck("init", "--loss", "my_loss")
    assert result.exit_code == 2
    assert "would be overwritten; nothing was written" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["gradcheck.yaml"]
    assert "wrote" in gradcheck("init", "--loss", "my_loss", "--force").stdout
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("name", ["", "my-loss", "class", "numpy", "json", "a/b", "../x", "größe", "gradcheck"])
def test_init_refuses_a_name_that_is_none_for_a_module_of_ones_own(name):
    result = gradcheck("init", f"--loss={name}")
    assert result.exit_code == 2
    assert "cannot be the name" in result.stderr


def test_compare_fails_where_something_became_worse():
    for name, factor in (("a", "1"), ("b", "1.5")):
        Path("loss.py").write_text(f"def loss(S, y):\n    return (S**2).sum() / 2, {factor} * S\n")
        run(f"loss.py --batch-size 2 --output json={name}.json")
    assert gradcheck("compare", "a.json", "a.json").exit_code == 0
    result = gradcheck("compare", "a.json", "b.json")
    assert result.exit_code == 1
    assert "worse: loss.py" in result.stdout
    assert gradcheck("compare", "b.json", "a.json").exit_code == 0
    assert gradcheck("compare", "a.json", "nosuch.json").exit_code == 2


def test_the_built_in_losses_are_listed():
    assert [line.split()[0] for line in gradcheck("list").stdout.splitlines()] == list(BUILT_INS)


@pytest.mark.parametrize("name", BUILT_INS)
def test_show_prints_formula_gradient_and_derivation(name):
    result = gradcheck("show", name)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{name}\n\n  L  ")
    entry, text = BUILT_INS[name], "".join(result.stdout.split())
    for part in (entry.formula, entry.gradient, entry.derivation.rstrip()):
        assert "".join(part.split()) in text


def test_explain_explains_the_codes_that_are_named():
    result = gradcheck("explain", "missing-mean", "Not_Finite")
    assert result.exit_code == 0
    titles = re.findall(r"^\S+ \((?:error|warning|note)\)(?=: )", result.stdout, re.MULTILINE)
    assert titles == ["missing-mean (error)", "not-finite (error)"]
    assert "/ N" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"), [("show sofmax", "softmax"), ("explain missing-mean mutates-inputs", "mutates-input")]
)
def test_a_name_that_is_unknown_suggests_the_nearest_and_prints_nothing(arguments, hint):
    result = gradcheck(*arguments.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"did you mean {hint}" in result.stderr


def test_a_page_goes_to_a_pipe_without_escape_codes_and_120_columns_wide(monkeypatch):
    text = gradcheck("explain", "log-guard").stdout
    assert "\x1b" not in text
    assert 100 < max(map(len, text.splitlines())) <= 120
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, gradcheck("explain", "log-guard").stdout.splitlines())) <= 80
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in gradcheck("explain", "log-guard").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_reads_well_at_80_columns_and_its_example_runs(command):
    run("svm --output json=last.json")
    run("svm --output json=report.json")
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert max(map(len, result.output.splitlines())) <= 80
    example = " ".join(result.output.split()).split("For example: ")[1].split(" ╭")[0].split(" > ")[0].split(" && ")[0]
    assert example.startswith("gradcheck ")
    assert gradcheck(*example.split()[1:]).exit_code == 0, example


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run sof", "softmax"),
        ("run svm --fram", "--framework"),
        ("run svm --framework to", "torch"),
        ("exp", "explain"),
    ],
)
def test_the_shell_completes(words, expected):
    completion = {"_GRADCHECK_COMPLETE": "complete_bash", "COMP_CWORD": str(len(words.split()))}
    env = {**os.environ, **completion, "COMP_WORDS": f"gradcheck {words}"}
    script = Path(sys.executable).with_name("gradcheck")
    done = subprocess.run([script], env=env, capture_output=True, text=True, check=False)
    assert expected in done.stdout.split(), done.stderr
