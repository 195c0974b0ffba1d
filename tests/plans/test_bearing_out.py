"""Whether the whole batch bears out what its rows said one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.bearing_out import verify, verify_entries
from gradcheck.evaluation.plans.plan import Coupled, Probes
from gradcheck.evaluation.plans.yardstick import Yardstick

from gradcheck.functions.function import Function

N, C = 4, 3
YARDSTICK = Yardstick(noise=1e-15, rounding=1e-16)
EACH = np.arange(N), np.arange(N) % C
MOVED = np.array([1e-3, 2e-3, -1e-3, 5e-4])


def squares(S: Any, y: Any) -> Any:
    return (S**2).sum(), 2 * S


def squares_and_a_product_of_rows(S: Any, y: Any) -> Any:
    """Rows are coupled, by a term that is not there for a row alone."""
    coupling = S[0, 0] * S[1, 1] if len(S) > 1 else 0.0
    return (S**2).sum() + coupling, 2 * S


def raises_where_moved(S: Any, y: Any) -> Any:
    if len(S) == N and S[0, 0] != scores()[0, 0]:
        raise ValueError("not here")
    return squares(S, y)


def scores() -> Any:
    return np.random.default_rng(0).normal(size=(N, C))


def asked(loss: Any) -> Oracle:
    return Oracle(Function("test", loss), np.zeros(N, dtype=np.int64), np.float64)


def rows_moved() -> Probes:
    """What each row of the sum of squares is worth, one of its entries moved."""
    point = scores()
    point[EACH] += MOVED
    return Probes(MOVED, (point**2).sum(axis=1), 2 * point[EACH])


def changes() -> Any:
    before = scores()[EACH]
    return (before + MOVED) ** 2 - before**2


def test_a_sum_of_rows_is_borne_out_by_one_call() -> None:
    oracle = asked(squares)
    verify(oracle, scores(), EACH, rows_moved(), YARDSTICK)
    assert oracle.calls == 1


def test_rows_that_are_coupled_are_not() -> None:
    with pytest.raises(Coupled, match="otherwise than its rows"):
        verify(asked(squares_and_a_product_of_rows), scores(), EACH, rows_moved(), YARDSTICK)


def test_a_batch_that_raises_where_its_rows_do_not_is_not() -> None:
    with pytest.raises(Coupled, match="with an entry of every row moved"):
        verify(asked(raises_where_moved), scores(), EACH, rows_moved(), YARDSTICK)


def test_entries_are_borne_out_by_a_call_each() -> None:
    oracle = asked(squares)
    verify_entries(oracle, scores(), EACH, MOVED, changes(), float((scores() ** 2).sum()), YARDSTICK)
    assert oracle.calls == N


def test_an_entry_that_changes_the_batch_otherwise_is_not() -> None:
    value = squares_and_a_product_of_rows(scores(), None)[0]
    with pytest.raises(Coupled, match="otherwise than its rows"):
        verify_entries(asked(squares_and_a_product_of_rows), scores(), EACH, MOVED, changes(), float(value), YARDSTICK)
