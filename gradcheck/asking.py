"""Many entries asked for, one call after another: scores that differ from S in one entry, or in one of each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.loss import value_and_derivative, values_and_derivatives
from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]

#: How to ask for entries: by calls of the whole batch, of single rows, or of the whole batch for each row's own value.
Asking = Literal["whole", "rows", "each-row"]

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
    order = np.argsort(rows, kind="stable")
    firsts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    counts = np.diff(np.append(firsts, len(rows)))
    if len(set(counts.tolist())) == 1:  # as when all entries are asked for
        return list(order.reshape(len(firsts), -1).T)
    rank = np.arange(len(rows)) - np.repeat(firsts, counts)
    by_rank = order[np.argsort(rank, kind="stable")]
    return np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]) if len(rows) else []


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
    values, derivatives = np.empty(len(rows)), np.empty(len(rows))
    point = scores.copy()
    for entries in one_of_each_row(rows):
        i, j = rows[entries], columns[entries]
        point[i, j] = after[entries]
        each, gradient = values_and_derivatives(call(point, labels.copy()), scores.shape)
        values[entries], derivatives[entries] = each[i], gradient[i, j]
        point[i, j] = scores[i, j]
    if not np.array_equal(point, scores):
        raise LossDefect("mutates-input", "changes S in place")
    return values, derivatives
