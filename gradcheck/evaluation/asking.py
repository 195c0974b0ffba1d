"""Calls of a function at points that differ from a base point in one entry, or in one entry of each row."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from gradcheck.functions.answer import value_and_gradient, values_and_derivatives
from gradcheck.report import Array, FloatArray, IndexArray

#: What is called: the whole batch, single rows, or the whole batch for the value of each row.
Asking = Literal["whole", "rows", "each-row"]

#: Scores and labels in, which the function may overwrite; its answer out.
Call = Callable[[Array, Array], Any]


def ask_for(
    asking: Asking,
    call: Call,
    scores: Array,
    labels: Array,
    entries: IndexArray,
    after: Array,
) -> FloatArray:
    """The value and the derivative by the moved entry, for each of E flat entries of N x C scores set alone.

    Returns:
        (2, E), values and derivatives: of the whole batch, the entry's row alone, or the entry's row in the batch.

    Raises:
        LossDefect: the loss raised, or returned no value and gradient.
    """
    values, derivatives = found = np.empty((2, len(entries)))
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
        return found
    moved = np.empty_like(scores)  # filled anew for every call: memory that is new each time costs a twentieth more
    for group in groups_for(asking, rows):
        np.copyto(moved, scores)
        moved.reshape(-1)[entries[group]] = after[group]
        each, gradient = values_and_derivatives(call(moved, labels.copy()), scores.shape)
        values[group], derivatives[group] = each[rows[group]], gradient.reshape(-1)[entries[group]]
    return found


def groups_for(asking: Asking, rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries of these rows, in the groups that ``ask_for`` moves by one call each.

    Example:
        >>> [group.tolist() for group in groups_for("each-row", np.array([0, 0, 1]))]  # no group holds a row twice
        [[0, 2], [1]]
    """
    if asking != "each-row":
        return list(np.arange(len(rows)).reshape(-1, 1))
    order, counts = np.argsort(rows, kind="stable"), np.bincount(rows)
    firsts = np.cumsum(counts) - counts
    return [order[firsts[counts > k] + k] for k in range(np.max(counts, initial=0))]
