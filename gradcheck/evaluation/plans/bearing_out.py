"""Whether the whole batch bears out what its rows said one by one: calls of it, after the plan's own."""

from __future__ import annotations

import numpy as np

from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Coupled, IndexArray, Probes
from gradcheck.evaluation.plans.separability import value_at
from gradcheck.evaluation.plans.yardstick import Yardstick
from gradcheck.report import FloatArray


def verify(
    oracle: Oracle,
    scores: FloatArray,
    entries: tuple[IndexArray, IndexArray],
    seen: Probes,
    yardstick: Yardstick,
) -> None:
    """Move an entry of every row at once: the batch must say what the rows said one by one. One call.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        entries: rows and columns of N entries, one of every row.
        seen: of each, moved alone.
        yardstick: what is the same.

    Raises:
        Coupled: it does not.
    """
    point = scores.copy()
    point[entries] += seen.moved
    value = value_at(oracle, point, "with an entry of every row moved")
    if not yardstick.same(value, float(np.sum(seen.values)), float(np.sum(np.abs(seen.values)))):
        raise Coupled("the whole batch answers otherwise than its rows one by one")


def verify_entries(
    oracle: Oracle,
    scores: FloatArray,
    entries: tuple[IndexArray, IndexArray],
    offsets: FloatArray,
    changes: FloatArray,
    value: float,
    yardstick: Yardstick,
) -> None:
    """As ``verify``, for a few entries, each moved alone: one call each.

    Args:
        oracle, scores, yardstick: as for ``verify``.
        entries: rows and columns of E entries.
        offsets: E floats, by how much each is moved.
        changes: E floats, by how much its row's part of the value changed.
        value: of the whole batch at S.
    """
    rows, columns = entries
    values, _ = oracle.probe(scores, rows, columns, scores[rows, columns] + offsets)
    for moved, change in zip(values.tolist(), changes.tolist(), strict=True):
        if not yardstick.same(moved - value, change, moved, value):
            raise Coupled("the whole batch answers otherwise than its rows one by one")
