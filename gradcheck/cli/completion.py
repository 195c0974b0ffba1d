"""What a target that was begun may be, for the shell: built-in names, files and modules, and the losses in them.

Nothing is executed: a file is parsed for what it defines.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Directories that hold no losses of anybody's.
_LEFT_OUT = {"node_modules", "__pycache__", "site-packages"}
_MOST = 200


def targets(args: Sequence[str], incomplete: str) -> list[str]:
    """Targets, or the next part of one.

    Args:
        args: the words of the command before this one. Where the shell breaks words at colons (bash does), a file or
            module and a colon may be the last of them.
        incomplete: what was typed of the word.

    Returns:
        Words to choose from. What stands before a colon is left out where the shell has taken it for a word.
    """
    before = list(args)
    if incomplete == ":" and before:
        return [f":{name}" for name in _callables(before[-1], "")]
    if before[-1:] == [":"] and len(before) > 1:
        return list(_callables(before[-2], incomplete))
    place, colon, name = incomplete.rpartition(":")
    if colon:
        return [f"{place}:{found}" for found in _callables(place, name)]
    return [*_built_ins(incomplete), *_places(incomplete)][:_MOST]


def _built_ins(begun: str) -> Iterator[str]:
    from gradcheck.losses import BUILT_INS

    return (name for name in BUILT_INS if name.startswith(begun))


def _places(begun: str) -> Iterator[str]:
    """Python files and directories that begin so, and modules of the working directory."""
    folder, _, stem = begun.rpartition("/")
    directory = Path(folder or ("/" if begun.startswith("/") else "."))
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(stem) or entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        path = f"{folder}/{entry.name}" if "/" in begun else entry.name
        if entry.is_dir():
            yield f"{path}/"
        elif entry.name.endswith(".py"):
            yield f"{path}:"


def _callables(place: str, begun: str) -> Iterator[str]:
    """Names that a module or file defines and that may be losses: functions of two arguments or more, and objects."""
    file = Path(place if place.endswith(".py") else f"{place.replace('.', '/')}.py")
    if not file.is_file():
        file = Path(place.replace(".", "/")) / "__init__.py"
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for statement in tree.body:
        for name in _names(statement):
            if name.startswith(begun) and (begun.startswith("_") or not name.startswith("_")):
                yield name


def _names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name, args=arguments):
            if len(arguments.posonlyargs) + len(arguments.args) >= 2 or arguments.vararg:
                yield name
        case ast.Assign(targets=targets, value=ast.Call() | ast.Lambda()):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
