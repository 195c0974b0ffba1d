"""The package stays small enough to be read: lines, files, folders, and an order of imports without cycles."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gradcheck

ROOT = Path(gradcheck.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


def room_of(module: str) -> str:
    """The folder, or the module of the root, that a module belongs to."""
    return ".".join(module.split(".")[:2])


def imports() -> dict[str, set[str]]:
    """The modules of the package that each one imports anywhere in its text, those for types alone included."""
    found: dict[str, set[str]] = {module: set() for module in MODULES}
    for module, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in MODULES else node.module for name in names]
            found[module] |= {name for name in names if name in MODULES and name != module}
    return found


def floors(graph: dict[str, set[str]]) -> int:
    """How many modules the longest chain of imports has; a cycle raises ``graphlib.CycleError``."""
    height: dict[str, int] = {}
    for module in TopologicalSorter(graph).static_order():
        height[module] = 1 + max((height[lower] for lower in graph[module]), default=0)
    return max(height.values())


LINES = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}


def test_the_package_has_at_most_120_files_none_over_400_lines() -> None:
    assert {file: count for file, count in LINES.items() if count > 400} == {}
    assert len(LINES) <= 120


@pytest.mark.xfail(strict=True, reason="the package is being made smaller; once it is, this mark fails and goes")
def test_the_package_has_at_most_13000_lines() -> None:
    assert sum(LINES.values()) <= 13_000


def test_the_package_does_not_grow_meanwhile() -> None:
    assert sum(LINES.values()) <= 14_600


def test_its_root_has_at_most_10_modules_and_12_folders() -> None:
    assert len([file for file in FILES if file.parent == ROOT]) <= 10
    assert len({file.relative_to(ROOT).parts[0] for file in FILES if file.parent != ROOT}) <= 12


def test_imports_have_no_cycle_and_at_most_10_floors_of_folders() -> None:
    floors(imports())
    rooms: dict[str, set[str]] = {}
    for module, lower in imports().items():
        rooms.setdefault(room_of(module), set()).update({room_of(each) for each in lower} - {room_of(module)})
    package = rooms.pop("gradcheck")
    assert package <= {"gradcheck.api", "gradcheck.config", "gradcheck.report", "gradcheck.version"}
    assert floors({room: lower - {"gradcheck"} for room, lower in rooms.items()}) <= 10
