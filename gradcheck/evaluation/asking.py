"""Calls of a function at points that differ from a base point in one entry, or in one entry of each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.functions.answer import value_and_gradient, values_and_derivatives
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
    entries: IndexArray,
    after: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The value and the derivative by the moved entry, for each of E entries moved alone.

    Args:
        asking: what is called.
        call: the loss.
        scores: N x C, in the dtype that the loss is given.
        labels: the labels of the problem.
        entries: E flat indices.
        after: E floats, what each entry is set to.

    Returns:
        E values and E derivatives: of the whole batch, of the entry's row alone, or of the entry's row in the batch.

    Raises:
        LossDefect: the loss raised, or returned no value and gradient.
    """
    values, derivatives = np.empty(len(entries)), np.empty(len(entries))
    rows = entries // scores.shape[1]
    if asking != "each-row":
        columns = entries - rows * scores.shape[1]
        for e, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            own, first = (slice(row, row + 1), row) if asking == "rows" else (slice(None), 0)
            moved = scores[own].copy()
            moved[row - first, column] = after[e]
            its = labels[own] if asking == "rows" else labels
            values[e], gradient = value_and_gradient(call(moved, its.copy()), moved.shape)
            derivatives[e] = gradient[row - first, column]
        return values, derivatives
    C, base, point = scores.shape[1], scores.reshape(-1), scores.copy()
    flat = point.reshape(-1)
    if np.array_equal(entries, np.arange(scores.size)):  # column by column
        moves: list[Any] = [(slice(column, None, C), slice(None), slice(column, None, C)) for column in range(C)]
    else:
        moves = [(group, rows[group], entries[group]) for group in one_of_each_row(rows)]
    for group, own, moved in moves:
        flat[moved] = after[group]
        each, gradient = values_and_derivatives(call(point, labels.copy()), scores.shape)
        values[group], derivatives[group] = each[own], gradient.reshape(-1)[moved]
        flat[moved] = base[moved]
    if not np.array_equal(point, scores):
        raise LossDefect("mutates-input", "changes S in place")
    return values, derivatives


def one_of_each_row(rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries in as few groups as possible such that no group holds a row twice.

    Example:
        >>> [group.tolist() for group in one_of_each_row(np.array([0, 0, 1]))]
        [[0, 2], [1]]
    """
    order, counts = np.argsort(rows, kind="stable"), np.bincount(rows)
    firsts = np.cumsum(counts) - counts
    return [order[firsts[counts > k] + k] for k in range(np.max(counts, initial=0))]


def groups_for(asking: Asking, rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries of these rows, in the groups that ``ask_for`` moves by one call each."""
    return one_of_each_row(rows) if asking == "each-row" else list(np.arange(len(rows)).reshape(-1, 1))
