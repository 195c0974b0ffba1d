"""The package stays small enough to be read: lines, files, folders, and an order of imports without cycles."""

from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import gradcheck

ROOT = Path(gradcheck.__file__).parent
LINES = {file.relative_to(ROOT): len(file.read_text(encoding="utf-8").splitlines()) for file in ROOT.rglob("*.py")}


def floors(graph):
    """How many modules the longest chain of imports has; a cycle raises ``graphlib.CycleError``."""
    height: dict[str, int] = {}
    for module in TopologicalSorter(graph).static_order():
        height[module] = 1 + max((height[lower] for lower in graph[module]), default=0)
    return max(height.values())


def test_the_package_has_at_most_120_files_none_over_400_lines_in_few_folders():
    assert {file: count for file, count in LINES.items() if count > 400} == {}
    assert len(LINES) <= 120
    assert sum(len(file.parts) == 1 for file in LINES) <= 10  # modules in the root
    assert len({file.parts[0] for file in LINES if len(file.parts) > 1}) <= 12  # folders


def test_the_package_has_at_most_15000_lines():
    """Second derivatives, weights, many points in a call and step evidence are what is above it; no more may come."""
    lines = sum(LINES.values())
    assert lines < 16_150
    if lines > 15_000:
        pytest.xfail(f"{lines:,} lines; the goal is 15,000")


def test_imports_have_no_cycle_and_at_most_10_floors_of_folders():
    graph = grimp.build_graph("gradcheck", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    floors(imports)
    folders: dict[str, set[str]] = {}
    for module, lower in imports.items():
        folder, *below = (".".join(name.split(".")[:2]) for name in (module, *lower))
        folders.setdefault(folder, set()).update(set(below) - {folder})
    package = folders.pop("gradcheck")
    assert package <= {"gradcheck.api", "gradcheck.config", "gradcheck.report", "gradcheck.version"}
    assert floors({folder: lower - {"gradcheck"} for folder, lower in folders.items()}) <= 10
