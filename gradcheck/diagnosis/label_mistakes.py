"""Labels that dS may take in place of y: those of the next class, of another row, of a sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis.known import IntArray

_Labels = Callable[[IntArray, int], IntArray]


@dataclass(frozen=True)
class Mistake:
    """Labels that dS takes in place of y.

    Attributes:
        words: which.
        hint: what to look at.
        taken: y and C to the labels that dS takes.
        given: y and C to labels that make dS take y; None where there are no such, or they say nothing.
    """

    words: str
    hint: str
    taken: _Labels
    given: _Labels | None = None


_FROM_ONE = "do the labels start at 0 or at 1? value and dS must take the same; an index of -1 is the last class"
_ROWS_MIXED = "value and dS must take the label of the same row"

#: Classes taken for others.
CLASSES_SHIFTED = (
    Mistake("y - 1", _FROM_ONE, lambda y, C: (y - 1) % C, lambda y, C: (y + 1) % C),
    Mistake("y + 1", _FROM_ONE, lambda y, C: (y + 1) % C, lambda y, C: (y - 1) % C),
    Mistake("C - 1 - y", "are the classes reversed in dS alone?", lambda y, C: C - 1 - y, lambda y, C: C - 1 - y),
)
#: Rows taken for others, all by one step or all turned round.
ROWS_SHIFTED = (
    Mistake(
        "y[i - 1], the label of the row before,",
        f"{_ROWS_MIXED}: look for a roll, a shift or an index i - 1",
        lambda y, C: np.roll(y, 1),
        lambda y, C: np.roll(y, -1),
    ),
    Mistake(
        "y[i + 1], the label of the next row,",
        f"{_ROWS_MIXED}: look for a roll, a shift or an index i + 1",
        lambda y, C: np.roll(y, -1),
        lambda y, C: np.roll(y, 1),
    ),
    Mistake(
        "y in reverse, y[N - 1 - i],",
        f"{_ROWS_MIXED}: look for reversed or [::-1]",
        lambda y, C: y[::-1],
        lambda y, C: y[::-1],
    ),
)
#: Rows taken for others in any way; what cannot be undone is among them.
ROWS_MIXED_UP = (
    *ROWS_SHIFTED,
    Mistake("y in ascending order", f"{_ROWS_MIXED}: look for a sort of y", lambda y, C: np.sort(y)),
    Mistake("y in descending order", f"{_ROWS_MIXED}: look for a sort of y", lambda y, C: np.sort(y)[::-1]),
    Mistake("y[0] for every row", "index y with the row: y[i]", lambda y, C: np.full_like(y, y[0])),
    Mistake("y[-1] for every row", "index y with the row: y[i]", lambda y, C: np.full_like(y, y[-1])),
)
#: Where none of these is what dS takes.
OTHERS = "look for a shuffle, a sort or an order of rows that only one of the two goes by"
