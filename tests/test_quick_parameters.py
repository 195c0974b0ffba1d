"""The way around Typer's conversions: quicker, and otherwise as Typer has it."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from gradcheck.cli.quick_parameters import quickened


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def answers() -> tuple[typer.Typer, list[Any]]:
    """An application, and the list that its command puts its arguments into."""
    app, seen = typer.Typer(), []

    @app.callback()
    def group(loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        seen.append(loud)

    @app.command()
    def run(
        name: Annotated[str, typer.Argument()],
        rest: Annotated[list[str] | None, typer.Argument()] = None,
        path: Annotated[Path | None, typer.Option()] = None,
        number: Annotated[int | None, typer.Option()] = None,
        several: Annotated[list[int] | None, typer.Option()] = None,
        text: Annotated[str | None, typer.Option(callback=lambda text: text and text.upper())] = None,
        colour: Annotated[Colour, typer.Option()] = Colour.RED,
        flag: Annotated[bool, typer.Option("--flag")] = False,
    ) -> None:
        seen.append((name, rest, path, number, several, text, colour, flag))

    return app, seen


def outcome(quick: bool, arguments: list[str]) -> Any:
    app, seen = answers()
    command = quickened(get_command(app)) if quick else get_command(app)
    try:
        command(arguments, standalone_mode=False)
    except Exception as error:
        return type(error), str(error)
    return seen


@pytest.mark.parametrize(
    "line",
    [
        "run a", "run a b c", "run", "run a --number 3", "run a --number x", "run a --several 1 --several 2",
        "run a --several x", "run a --path p", "run a --text t", "run a --colour blue",
        "run a --colour green", "--loud run a --flag", "run a --flag=x", "run a --nothing", "nothing",
    ],
)  # fmt: skip
def test_every_line_ends_as_it_does_without(line: str) -> None:
    assert outcome(True, line.split()) == outcome(False, line.split())


def test_the_lines_above_are_understood() -> None:
    assert outcome(True, ["--loud", "run", "a", "b", "--number", "3", "--text", "t"]) == [
        True,
        ("a", ["b"], None, 3, None, "T", Colour.RED, False),
    ]


def test_a_run_without_options_imports_neither_pydantic_nor_yaml(tmp_path: Path) -> None:
    run = "import sys, gradcheck.cli as cli\ntry: cli.main()\nfinally: print(*sys.modules, file=sys.stderr)"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}

    def imported_by(*arguments: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", run, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return set(done.stderr.split())

    assert not {"pydantic", "pydantic_core", "yaml"} & imported_by("run", "svm")
    # So that the line above can fail: here there is something to validate.
    assert "pydantic" in imported_by("run", "svm", "--batch-size", "3")
