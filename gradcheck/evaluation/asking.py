"""Calls of a function at points that differ from a base point in one entry, or in one entry of each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.functions.answer import value_and_derivative, values_and_derivatives
from gradcheck.report import FloatArray

#: What is called: the whole batch, single rows, or the whole batch for the value of each row.
Asking = Literal["whole", "rows", "each-row"]

#: Scores and labels in, which the function may overwrite; its answer out.
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
    """The value and the derivative by the moved entry, for each of E entries moved alone.

    Args:
        asking: what is called.
        call: the loss.
        scores: N x C, in the dtype that the loss is given.
        labels: the labels of the problem.
        rows, columns: E entries.
        after: E floats, what each entry is set to.

    Returns:
        E values and E derivatives: of the whole batch, of the entry's row alone, or of the entry's row in the batch.

    Raises:
        LossDefect: the loss raised, or returned no value and gradient.
    """
    ask = {"whole": _ask_whole, "rows": _ask_rows, "each-row": _ask_each_row}[asking]
    return ask(call, scores, labels, rows, columns, after)


def calls_for(asking: Asking, rows: IndexArray) -> int:
    """Number of calls that ``ask_for`` makes for entries of these rows."""
    return int(np.bincount(rows).max()) if asking == "each-row" and len(rows) else len(rows)


def one_of_each_row(rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries in as few groups as possible such that no group holds a row twice.

    Example:
        >>> [group.tolist() for group in one_of_each_row(np.array([0, 0, 1]))]
        [[0, 2], [1]]
    """
    order = np.argsort(rows, kind="stable")
    firsts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(firsts, np.diff(np.append(firsts, len(rows))))
    return np.split(order[np.argsort(rank, kind="stable")], np.cumsum(np.bincount(rank))[:-1]) if len(rows) else []


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
    answers = []
    shape = (1, scores.shape[1])
    for row, column, score in zip(rows.tolist(), columns.tolist(), after.tolist(), strict=True):
        moved = scores[row : row + 1].copy()
        moved[0, column] = score
        answers.append(value_and_derivative(call(moved, labels[row : row + 1].copy()), shape, (0, column)))
    values, derivatives = np.array(answers, dtype=np.float64).reshape(-1, 2).T
    return values, derivatives


def _ask_each_row(
    call: Call,
    scores: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    rows: IndexArray,
    columns: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    values, derivatives = np.empty(len(rows)), np.empty(len(rows))
    point = scores.copy()
    for group in one_of_each_row(rows):
        i, j = rows[group], columns[group]
        point[i, j] = after[group]
        each, gradient = values_and_derivatives(call(point, labels.copy()), scores.shape)
        values[group], derivatives[group] = each[i], gradient[i, j]
        point[i, j] = scores[i, j]
    if not np.array_equal(point, scores):
        raise LossDefect("mutates-input", "changes S in place")
    return values, derivatives
