"""Many entries asked for, one call after another: scores that differ from S in one entry, or in one of each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import value_and_derivative, values_and_derivatives
from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]

#: How to ask for entries: by calls of the whole batch, of single rows, or of the whole batch for each row's own value.
Asking = Literal["whole", "rows", "each-row"]

#: Numbers of a row that are put in their places at once: so many lie on one line of the processor's cache.
_CACHED = 8

#: Scores and labels, which are the loss's own from then on, in; what it answers out.
Call = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Any]


def ask_for(
    asking: Asking,
    call: Call,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    rows: IndexArray,
    columns: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The value, and the derivative by the entry, at scores that differ from S in one entry, for each of E entries.

    Args:
        asking: how.
        call: the loss.
        scores: N x C, S in the dtype that the loss is to get.
        labels: the problem's y.
        rows, columns: E entries.
        after: E floats, what each is instead.

    Returns:
        E values and E derivatives: of the whole batch, of the entry's row alone, or its row's own of the batch.

    Raises:
        LossDefect: the loss raised, or answered nonsense.
    """
    ask = {"whole": _ask_whole, "rows": _ask_rows, "each-row": _ask_each_row}[asking]
    return ask(call, scores, labels, rows, columns, after)


def one_of_each_row(rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries in groups that hold each row once at most: as few groups as can be.

    The k-th group holds the k-th entry of each row that has so many.
    """
    if not len(rows):
        return []
    if (table := table_of(rows)) is not None:
        return list(np.arange(len(rows)).reshape(table).T)
    order = np.argsort(rows, kind="stable")
    firsts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(firsts, np.diff(np.append(firsts, len(rows))))
    by_rank = order[np.argsort(rank, kind="stable")]
    return np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])


def table_of(rows: IndexArray) -> tuple[int, int] | None:
    """How many rows, and entries of each, where E entries come row by row, as many of each; None where they do not.

    As when all entries are asked for, in reading order.
    """
    of_first = int(rows.searchsorted(rows[0], side="right"))
    if of_first == 0 or len(rows) % of_first:
        return None
    table = rows.reshape(-1, of_first)
    firsts = table[:, 0]
    fits = np.all(firsts[1:] > firsts[:-1]) and np.all(table == firsts[:, np.newaxis])
    return table.shape if fits else None


def _ask_whole(
    call: Call,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    rows: IndexArray,
    columns: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    values, derivatives = np.empty(len(rows)), np.empty(len(rows))
    for e, entry in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        moved = scores.copy()
        moved[entry] = after[e]
        values[e], derivatives[e] = value_and_derivative(call(moved, labels.copy()), scores.shape, entry)
    return values, derivatives


def _ask_rows(
    call: Call,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    rows: IndexArray,
    columns: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    # A loss may take no longer for a row than this loop does: so it does as little as it can.
    answers = []
    points, labels_of = np.split(scores, len(scores)), np.split(labels, len(scores))
    shape = points[0].shape
    for row, column, score in zip(rows.tolist(), columns.tolist(), after.tolist(), strict=True):
        moved = points[row].copy()
        moved[0, column] = score
        answers.append(value_and_derivative(call(moved, labels_of[row].copy()), shape, (0, column)))
    values, derivatives = np.array(answers, dtype=np.float64).reshape(-1, 2).T.copy()
    return values, derivatives


def _ask_each_row(
    call: Call,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    rows: IndexArray,
    columns: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    # In the order of the calls, so that each of them reads memory that lies together.
    calls = _Calls(rows)
    places, after, rows = map(calls.ordered, (rows * scores.shape[1] + columns, after, rows))
    values, derivatives = np.empty(len(rows)), np.empty(len(rows))
    point = scores.copy()
    entries = point.reshape(-1)
    of_calls = map(calls.split, (rows, places, after, entries[places], values, derivatives))
    for i, place, there, here, value, derivative in zip(*of_calls, strict=True):
        entries[place] = there
        each, gradient = values_and_derivatives(call(point, labels.copy()), scores.shape)
        value[:] = each if len(i) == len(each) else each[i]
        derivative[:] = gradient.take(place)
        entries[place] = here
        del each, gradient  # the next call may have their memory, which is at hand still
    if not np.array_equal(point, scores):
        raise LossDefect("mutates-input", "changes S in place")
    return calls.as_asked(values), calls.as_asked(derivatives)


class _Calls:
    """E entries in the order of calls that hold each row once at most, in which they rise; and back.

    Args:
        rows: of the entries.
    """

    def __init__(self, rows: IndexArray) -> None:
        self._table = table_of(rows) if len(rows) else (0, 0)
        if self._table is None:
            groups = one_of_each_row(rows)
            self._order, self._ends = np.concatenate(groups), np.cumsum([len(group) for group in groups])[:-1]

    def ordered(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """E numbers, call after call."""
        return numbers[self._order] if self._table is None else numbers.reshape(self._table).T.reshape(-1)

    def split(self, numbers: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """E numbers in this order, as those of each call: views."""
        return np.split(numbers, self._ends) if self._table is None else list(numbers.reshape(self._table[::-1]))

    def as_asked(self, numbers: FloatArray) -> FloatArray:
        """E numbers that come call after call, as they were asked for."""
        if self._table is None:
            asked = np.empty_like(numbers)
            asked[self._order] = numbers
            return asked
        by_calls, by_rows = numbers.reshape(self._table[::-1]), np.empty(self._table)
        for first in range(0, len(by_calls), _CACHED):
            some = slice(first, first + _CACHED)
            by_rows[:, some] = by_calls[some].T
        return by_rows.reshape(-1)
