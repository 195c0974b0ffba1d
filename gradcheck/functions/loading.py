"""Find the function that a target names: ``svm``, ``package.module:callable`` or ``file.py:callable``."""

import importlib
import importlib.machinery
import importlib.util
import json
import linecache
import os
import re
import symtable
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.config import Config
from gradcheck.config.source import printable
from gradcheck.errors import TargetError, did_you_mean
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import trimmed_traceback
from gradcheck.functions.signatures import callables_of, definitions_of, is_backward, where
from gradcheck.functions.suggestions import command, forward_of, partner, proposed
from gradcheck.losses import BUILT_INS

SUFFIXES = (".py", ".ipynb")
EXECUTED = "gradcheck_target_"  # how the names of modules that were executed from files begin
#: What only a notebook understands: a line of magic or for the shell; and a cell that is not Python, or not all of it.
_LINE = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_CELL = re.compile(r"\s*%%(?!time\b|capture\b)")
_DEFINITION = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
#: Cells before the others that may matter though no name tells it.
_ALWAYS = re.compile(r"import \*|\bsys\.path\b")
_FORMS = "write module:function or path/to/file.py:function"


def load_target(target: str) -> Function:
    """Load the function that a target names, whatever arguments it takes; a TargetError if that fails.

    It is a built-in name, ``module:callable``, ``path/to/file.py:callable`` (or ``::``), where the callable may be
    dotted, or a file alone that has one loss only. A module or file is executed once while it does not change.
    """
    shown = printable(target) or "an empty target"
    place, colon, name = target.rpartition(":")  # the last colon: a path on Windows has one after its drive
    if target.endswith(SUFFIXES):
        module = _executed(target, "", shown)
        name = _only_function(module, shown)
        target = f"{target}:{name}"
    elif target in BUILT_INS:
        function = BUILT_INS[target].function
        return Function(target, function, *where(function), by_name=True)
    elif not colon:
        hint = f"{did_you_mean(target, BUILT_INS)} `gradcheck list` shows all; for a loss of your own, {_FORMS}"
        if target.partition(".")[0] in _modules(Path()):
            hint = f"for a loss in that file: {shown.partition('.')[0]}.py:function"
        raise TargetError(f"{shown}: no built-in loss has this name", hint=hint.lstrip())
    else:
        place = place.removesuffix(":")
        if not place or not all(part.isidentifier() for part in name.split(".")):
            raise TargetError(f"{shown}: does not name a function", hint=_FORMS)
        is_file = place.endswith(SUFFIXES) or "/" in place or os.sep in place
        module = _executed(place, name.partition(".")[0], shown) if is_file else _imported(place, shown)
    function = _member(module, name, shown)
    return Function(target, function, *where(function), by_name=True)


def guessed_config(target: str) -> Config:
    """A configuration for a target, or for the forward of a backward: inputs guessed from names, so its backward."""
    loaded = load_target(target)
    if is_backward(loaded.function):
        return guessed_config(forward_of(target))
    name = loaded.target.rpartition(":")[2]
    return proposed(name, loaded.function, names_beside(loaded.function), Config(losses=target))


def _imported(name: str, shown: str) -> ModuleType:
    """Import a module with the working directory on the path."""
    if not name.isprintable() or not all(name.split(".")):
        raise TargetError(f"{shown}: is not the name of a module", hint=_FORMS)
    file, loaded = f"{name}.py", sys.modules.get(name)
    if loaded and os.path.isfile(file) and os.path.realpath(file) != os.path.realpath(str(loaded.__file__)):
        return _executed(file, "", shown)  # another module, such as ``random``, has the name of this file
    _put_on_path(".")
    with _user_code(shown, name):
        return importlib.import_module(name)


def _executed(place: str, member: str, shown: str) -> ModuleType:
    """Execute a file, or the cells that define ``member``, as a module with a name of its own and its own directory."""
    path = Path(place)
    try:
        if path.suffix not in SUFFIXES and path.exists() and not path.is_dir():  # a device might never end
            raise TargetError(f"{shown}: {printable(place)} is not a Python file (.py) or a notebook (.ipynb)")
        source = path.read_bytes()
        path = path.resolve()
    except FileNotFoundError:
        near = did_you_mean(path.stem, _modules(path.parent))
        raise TargetError(f"{shown}: there is no file {printable(place)}", hint=near) from None
    except (OSError, ValueError) as error:  # ValueError: a path that no system call accepts
        problem = getattr(error, "strerror", None) or error
        raise TargetError(f"{shown}: {printable(place)} cannot be read: {problem}", hint=_FORMS) from None
    # The content is part of the name: an edited file is another module, and no stale bytecode is used.
    stem = "".join(letter if letter.isalnum() else "_" for letter in path.stem)
    is_notebook = path.suffix == ".ipynb"
    key = source + os.fsencode(path) + member.encode() * is_notebook
    name = f"{EXECUTED}{zlib.crc32(key):08x}_{stem}"
    if name in sys.modules:
        return sys.modules[name]
    _put_on_path(".")
    _put_on_path(path.parent)
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, None))
    module.__file__ = str(path)
    pieces: dict[str, Any] = {str(path): source}
    if is_notebook:
        try:
            pieces = {f"{path}, cell {cell.number}": cell.code for cell in _cells_for(source, member)}
            vars(module)["__all__"] = names = _defined_in(source)
        except ValueError as error:
            raise TargetError(f"{shown}: {printable(place)} {error}") from None
        if not pieces:
            message = f"{shown}: no cell of {printable(place)} defines {member or 'a function'}"
            raise TargetError(message, hint=did_you_mean(member, names) or f"there are {', '.join(names[:8])}")
        for file, code in pieces.items():  # so that tracebacks show lines
            linecache.cache[file] = len(code), None, code.splitlines(keepends=True), file
    sys.modules[name] = module  # dataclasses and pickle look their module up while it executes
    try:
        with _user_code(shown, name):
            for file, text in pieces.items():
                exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _user_code(shown: str, name: str) -> Iterator[None]:
    """Convert whatever the user's module raises to a TargetError; only Ctrl-C passes."""
    try:
        with redirect_stdout(sys.stderr):  # standard output is reserved for the report
            yield
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        at = f" {error.filename}:{error.lineno}:" if error.filename and error.lineno else ""
        line = str(error.text or "").strip("\n")
        raise TargetError(f"{shown}: is not valid Python:{at} {error.msg}", details=line[:200].rstrip()) from None
    except BaseException as error:  # pytest has a skip that is no Exception
        problem, details, hint = f"raises {type(error).__name__} when it is imported", trimmed_traceback(error), ""
        if isinstance(error, SystemExit):
            problem, hint = "exits when it is imported", 'put what runs the script under `if __name__ == "__main__":`'
        elif isinstance(error, ModuleNotFoundError):
            missing = str(error.name or "")
            if missing and f"{name}.".startswith(f"{missing}."):
                near = did_you_mean(missing, _modules(Path())) or "Python searched the working directory and sys.path"
                raise TargetError(f"{shown}: there is no module {missing}", hint=near) from None
            problem = f"imports {missing or 'a module'}, which cannot be found"
            hint = "install it where gradcheck runs, or run gradcheck from the directory that holds it"
        elif isinstance(error, ImportError) and "relative import" in details:
            hint = "the file is part of a package: name it package.module:callable"
        raise TargetError(f"{shown}: {problem}", hint=hint, details=details) from None


def names_beside(function: Any) -> list[str]:
    """The names in the module of a function; of a notebook, those of all of its cells."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    return [*vars(module), *getattr(module, "__all__", ())] if module else []


def _only_function(module: ModuleType, shown: str) -> str:
    """The name of the only loss of scores in a file, or of the only function; else a TargetError lists them all."""
    found = definitions_of(module)
    backwards = {name for each in found for name in partner(each, found).values()}
    proposals = {
        name: proposed(name, thing, found, Config())
        for name, thing in found.items()
        if name not in backwards and not is_backward(thing)
    }
    for names in ([name for name, each in proposals.items() if not each.inputs], [*proposals]):
        if len(names) == 1:
            return names[0]
    if not proposals:
        raise TargetError(f"{shown}: defines no function", hint=f"name what it imports: {shown}:function")
    commands = "\n".join(command(f"{shown}:{name}", each) for name, each in proposals.items())
    raise TargetError(f"{shown}: defines several functions", hint=f"name one of them:\n{commands}")


def _member(module: ModuleType, name: str, shown: str) -> Any:
    """The object that a dotted name leads to."""
    thing: Any = module
    for part in name.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            names = callables_of(thing)
            hint = did_you_mean(part, names) or (f"it has {', '.join(names[:8])}" if names else "")
            raise TargetError(f"{shown}: nothing in it is called {part}", hint=hint) from None
        except Exception as error:  # of a property, or a module's __getattr__
            message = f"{shown}: looking up {part} raises {type(error).__name__}"
            raise TargetError(message, details=trimmed_traceback(error)) from None
    return thing


def _put_on_path(directory: str | Path) -> None:
    """For good, because a function may import its neighbours when it is called."""
    with suppress(OSError):  # the working directory was deleted
        if (text := os.path.abspath(directory)) not in sys.path:
            sys.path.insert(0, text)
    importlib.invalidate_caches()  # a file may be younger than the cached directory listing


def _modules(directory: Path) -> list[str]:
    with suppress(OSError, ValueError):
        return sorted(path.stem for path in directory.iterdir() if path.suffix == ".py" or path.is_dir())
    return []


@dataclass(frozen=True)
class _Cell:
    """A cell of Python code."""

    number: int  # from 1
    code: str
    binds: frozenset[str]  # names
    uses: frozenset[str]  # global names


def _cells_for(notebook: bytes, name: str) -> list[_Cell]:
    """The cells that define a name (empty: all functions and classes) and what it needs, or a ValueError."""
    cells = list(_cells(notebook))
    waiting = [(each, len(cells)) for each in ([name] if name else _defined_in(notebook))]
    chosen: set[int] = set()
    while waiting:
        each, before = waiting.pop()
        places = [k for k, cell in enumerate(cells) if each in cell.binds]
        place = max((k for k in places if k < before), default=min(places, default=None))
        if place is not None and place not in chosen:
            chosen.add(place)
            waiting += [(used, place) for used in cells[place].uses - cells[place].binds]
    last = max(chosen, default=-1)
    return [cell for k, cell in enumerate(cells) if k in chosen or (k < last and _ALWAYS.search(cell.code))]


def _defined_in(notebook: bytes) -> list[str]:
    """Names of the functions and classes that the cells define; a ValueError if it is no notebook."""
    return [name for cell in _cells(notebook) for name in _DEFINITION.findall(cell.code) if name in cell.binds]


def _cells(notebook: bytes) -> Iterator[_Cell]:
    """The cells of code that parse, without magics."""
    try:
        sources = [(each["cell_type"], "".join(each["source"])) for each in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("is not a notebook of Jupyter, version 4") from error
    for number, (kind, source) in enumerate(sources, start=1):
        for code in (source, _LINE.sub(r"\1pass", source)) if kind == "code" and not _CELL.match(source) else ():
            try:
                top = symtable.symtable(code, "cell", "exec")
            except (SyntaxError, ValueError):
                continue
            bound = (each.get_name() for each in top.get_symbols() if each.is_assigned() or each.is_imported())
            blocks = [top]
            for block in blocks:  # which grows by the functions, classes and comprehensions in each
                blocks += block.get_children()
            used = (each for block in blocks for each in block.get_symbols() if block is top or each.is_global())
            names = (each.get_name() for each in used if each.is_referenced())
            yield _Cell(number, code, frozenset(bound), frozenset(names))
            break
