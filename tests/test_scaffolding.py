"""Files to begin with: they run, they pass, and they overwrite nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from gradcheck.cli.scaffolding import SCHEMA_FILE, files, write_files
from gradcheck.config import Config, load_config
from gradcheck.config.model import json_schema
from gradcheck.errors import OutputError, UsageError

REPOSITORY = Path(__file__).parents[1]


def test_the_configuration_holds_the_defaults_and_names_its_schema(tmp_path: Path) -> None:
    write_files(files(None), tmp_path, force=False)
    config = load_config(tmp_path / "gradcheck.yaml")
    assert config == Config()
    first = (tmp_path / "gradcheck.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert (tmp_path / SCHEMA_FILE).exists()


def test_it_says_the_same_as_the_example_in_configs() -> None:
    begun, example = files(None)["gradcheck.yaml"], (REPOSITORY / "configs" / "default.yaml").read_text()
    assert begun.splitlines()[2:] == example.splitlines()[2:]


def test_the_loss_passes_its_test_and_the_run_as_they_were_written(tmp_path: Path) -> None:
    write_files(files("my_loss"), tmp_path, force=False)
    for command in (["gradcheck", "run"], ["pytest", "-q", "-p", "no:cacheprovider"]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_there_is_left_alone_without_force(tmp_path: Path) -> None:
    (tmp_path / "gradcheck.yaml").write_text("seed: 7\n")
    with pytest.raises(OutputError, match="would be overwritten; nothing was written"):
        write_files(files("my_loss"), tmp_path, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["gradcheck.yaml"]
    written = write_files(files("my_loss"), tmp_path, force=True)
    assert len(written) == 4
    assert write_files(files("my_loss"), tmp_path, force=False) == []  # the same again changes nothing


@pytest.mark.parametrize("name", ["", "my-loss", "class", "numpy", "json", "a/b", "../x", "größe", "gradcheck"])
def test_a_name_that_is_none_for_a_module_of_ones_own_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="module"):
        files(name)


VALID = [
    {},
    {"losses": "svm", "batch_sizes": 3, "scores": "normal(0, 0.001)"},
    {"losses": ["svm", "a.py:b"], "batch_sizes": [1, 2], "scores": ["normal", {"distribution": "integers", "low": 0}]},
    {"labels": {"kind": "one-hot"}, "plan": "rows", "rtol": 1e-9, "atol": 0, "dtype": "float32"},
]
INVALID = [
    {"batchsizes": 3},
    {"batch_sizes": []},
    {"batch_sizes": [0]},
    {"rtol": "small"},
    {"dtype": "float16"},
    {"scores": {"distribution": "normal", "scale": -1}},
    {"labels": {"kind": "classes"}},
    {"plan": "best"},
]


@pytest.mark.parametrize("data", VALID)
def test_the_schema_takes_what_gradcheck_takes(data: dict[str, object]) -> None:
    Config(**data)
    jsonschema.validate(data, json_schema())


@pytest.mark.parametrize("data", INVALID)
def test_the_schema_refuses_what_gradcheck_refuses(data: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Config(**data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())


def test_the_schema_is_valid_and_its_defaults_are_the_configurations() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {key: part["default"] for key, part in schema["properties"].items()}
    assert Config(**defaults) == Config()
    jsonschema.validate(yaml.safe_load(files("my_loss")["gradcheck.yaml"]), schema)
    assert all("description" in part for part in schema["properties"].values())
