"""Files to begin with: they run, they pass, and they overwrite nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gradcheck.cli.init import SCHEMA_FILE, default_yaml, init, starting_files
from gradcheck.config import Config, load_config
from gradcheck.errors import OutputError, UsageError

REPOSITORY = Path(__file__).parents[2]


def test_the_configuration_holds_the_defaults_and_names_its_schema(tmp_path: Path) -> None:
    init(tmp_path)
    config = load_config(tmp_path / "gradcheck.yaml")
    assert config == Config()
    first = (tmp_path / "gradcheck.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert (tmp_path / SCHEMA_FILE).exists()


def test_it_says_the_same_as_the_example_in_configs() -> None:
    assert (REPOSITORY / "configs" / "default.yaml").read_text() == default_yaml([])


def test_the_loss_passes_its_test_and_the_run_as_they_were_written(tmp_path: Path) -> None:
    init(tmp_path, "my_loss")
    for command in (["gradcheck", "run"], ["pytest", "-q", "-p", "no:cacheprovider"]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_existing_file_is_left_alone_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gradcheck.yaml").write_text("seed: 7\n")
    with pytest.raises(OutputError, match="would be overwritten; nothing was written"):
        init(tmp_path, "my_loss")
    assert [path.name for path in tmp_path.iterdir()] == ["gradcheck.yaml"]
    init(tmp_path, "my_loss", force=True)
    assert "wrote" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("name", ["", "my-loss", "class", "numpy", "json", "a/b", "../x", "größe", "gradcheck"])
def test_a_name_that_is_none_for_a_module_of_ones_own_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        starting_files(name)
