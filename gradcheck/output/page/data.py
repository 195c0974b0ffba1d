"""What the page's script draws: grids of relative errors, and the numbers of the worst entries, as compact JSON.

{"names": ["score", ...], "verdicts": ["ok", ...], "signs": ["", ...], "lowest": -16, "levels": 17,
 "problems": [{"rows": N, "classes": C, "labels": [...], "errors": [...], "verdicts": "0030...",
   "worst": [{"at": 7, "verdict": 3, "numbers": ["0.3", ...], "plot": {...}}]}]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.output.json_ import MAX_ENTRIES
from gradcheck.output.marks import UNICODE
from gradcheck.output.page.colours import LEVELS, LOWEST
from gradcheck.output.page.legend import NEGLIGIBLE
from gradcheck.output.page.markup import Html
from gradcheck.output.page.tables import NUMBERS, numbers
from gradcheck.output.selection import gravity
from gradcheck.report import VERDICTS, BatchReport, Entry, Verdict

#: Entries of all grids together: what keeps the page well below two megabytes.
MOST_CELLS = 120_000
#: Worst entries of one problem, and of all.
_MOST_WORST, _MOST_WORST_TOGETHER = 1_000, 4_000

# A verdict of the grid's own, the last: right, and so small beside its bound that its relative error is the numerics'.
_NEGLIGIBLE = len(VERDICTS)
_WORDS = [*(verdict.value for verdict in VERDICTS), Verdict.OK.value]
_SIGNS = [*(UNICODE.verdicts[verdict].strip() for verdict in VERDICTS), NEGLIGIBLE]


def with_grid(problems: Sequence[BatchReport]) -> set[int]:
    """The places of those problems whose grid the page holds: the gravest first, as far as there is room."""
    room, kept = MOST_CELLS, set()
    for place in sorted(range(len(problems)), key=lambda place: gravity(problems[place]), reverse=True):
        problem = problems[place]
        if problem.verdicts is not None and problem.entries <= min(room, MAX_ENTRIES):
            room -= problem.entries
            kept.add(place)
    return kept


def data(problems: Sequence[BatchReport], grids: set[int]) -> Html:
    """JSON that is safe inside a script element.

    Args:
        problems: those that are shown, by their places.
        grids: the places of those with a grid.
    """
    most = min(_MOST_WORST, _MOST_WORST_TOGETHER // max(1, len(problems)))
    head = _json({"names": NUMBERS, "verdicts": _WORDS, "signs": _SIGNS, "lowest": LOWEST, "levels": LEVELS})
    parts = (_problem(problem, place in grids, most) for place, problem in enumerate(problems))
    return inside_a_script(f'{head[:-1]},"problems":[{",".join(parts)}]}}')


def inside_a_script(content: str) -> Html:
    """JSON in ASCII, so written that no script element ends in it; only in its strings can such characters stand.

    Example:
        >>> inside_a_script('["</script>"]')
        '["\\\\u003c/script\\\\u003e"]'
    """
    for character in "<>&":
        content = content.replace(character, f"\\u{ord(character):04x}")
    return Html(content)


def _problem(problem: BatchReport, grid: bool, most: int) -> str:
    fields: dict[str, Any] = {
        "rows": problem.batch_size,
        "classes": problem.classes,
        "labels": None if problem.labels is None else problem.labels.tolist(),
        "worst": [_entry(entry, problem.classes) for entry in problem.worst[:most]],
    }
    content = _json(fields)
    if not grid:
        return content
    assert problem.relative_errors is not None
    assert problem.verdicts is not None
    verdicts = problem.verdicts
    if problem.negligible is not None:
        negligible = problem.negligible & (verdicts == VERDICTS.index(Verdict.OK)) & (problem.relative_errors != 0)
        verdicts = np.where(negligible, _NEGLIGIBLE, verdicts)
    # By hand: two digits are what is shown, and json would write all of them.
    errors = ",".join(f"{error:.2g}" if math.isfinite(error) else "null" for error in problem.relative_errors.ravel())
    signs = "".join(map(str, verdicts.ravel().tolist()))
    return f'{content[:-1]},"errors":[{errors}],"verdicts":"{signs}"}}'


def _entry(entry: Entry, classes: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "at": entry.row * classes + entry.class_,
        "verdict": VERDICTS.index(entry.verdict),
        "label": entry.label,
        "numbers": numbers(entry),
    }
    if entry.tried:
        fields["plot"] = {
            "tried": [[_short(step), _short(abs(plain - entry.numerical))] for step, plain in entry.tried],
            "step": _short(entry.step),
            "error": _short(abs(entry.plain - entry.numerical)),
            "bound": _short(entry.bound),
            "off": _short(abs(entry.analytic - entry.numerical)),
        }
    return fields


def _short(value: float) -> float | None:
    """To the three digits that can be seen in a plot."""
    return float(f"{value:.3g}") if math.isfinite(value) else None


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
