"""The cells of a notebook that define a name, and the cells that those need."""

import json
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

#: What only a notebook understands: a line of magic or for the shell; and a cell that is not Python, or not all of it.
_LINE = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_CELL = re.compile(r"\s*%%(?!time\b|capture\b)")
_DEFINITION = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
#: Cells before the others that may matter though no name tells it.
_ALWAYS = re.compile(r"import \*|\bsys\.path\b")


@dataclass(frozen=True)
class Cell:
    """A cell of Python code."""

    number: int  # from 1
    code: str
    binds: frozenset[str]  # names
    uses: frozenset[str]  # global names


def cells_for(notebook: bytes, name: str) -> list[Cell]:
    """The cells that define a name (empty: all functions and classes) and what it needs, or a ValueError."""
    cells = list(_cells(notebook))
    waiting = [(each, len(cells)) for each in ([name] if name else defined_in(notebook))]
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


def defined_in(notebook: bytes) -> list[str]:
    """Names of the functions and classes that the cells define; a ValueError if it is no notebook."""
    return [name for cell in _cells(notebook) for name in _DEFINITION.findall(cell.code) if name in cell.binds]


def _cells(notebook: bytes) -> Iterator[Cell]:
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
            yield Cell(number, code, frozenset(bound), frozenset(names))
            break
