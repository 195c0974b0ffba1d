from __future__ import annotations

import numpy as np
from gradcheck.checking.gradient_noise import GradientNoise
from gradcheck.checking.projected.first_look import chosen, first_look
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import Base
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.checking.precision import Precision
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import Verdict


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 64), st.booleans())
def test_the_sample_holds_each_entry_once_and_labels_first(N: int, C: int, count: int, has_labels: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, C, N) if has_labels else None
    rows, columns = chosen((N, C), labels, count, rng)
    entries = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(entries) == len(rows) <= max(count, 1)
    assert len(rows) == min(count, N * C) or len(rows) >= count // 2  # a draw may hold one twice
    assert all(0 <= row < N and 0 <= column < C for row, column in entries)
    if labels is not None and count < N * C:
        own = sum(labels[row] == column for row, column in entries)
        assert own >= min(N, int(0.75 * count))


def test_what_one_difference_bears_out_is_right_and_the_farthest_off_comes_first_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(8, 20)), rng.integers(0, 20, 8)
    evaluation = Function("softmax", BUILT_INS["softmax"].function).evaluate(S, y)
    oracle = Oracle(Function("softmax", BUILT_INS["softmax"].function), y)
    oracle.remember(evaluation)
    analytic = evaluation.gradient.copy()
    analytic[2, 3] += 1e-4
    analytic[5, 7] -= 1e-2
    base = Base(S, evaluation.value, evaluation.gradient, analytic)
    precision = Precision(1e-15, GradientNoise((), np.full(8, 1e-17)), 2.0**-9, 1e-16, 0.1)
    rows, columns = np.indices(S.shape).reshape(2, -1)
    told = first_look(oracle, base, 1 / 8, precision, rows, columns, 1e-7, 0.0)
    assert told.doubtful == [(5, 7), (2, 3)]
    assert len(told.right) == 158
    assert all(each.verdict is Verdict.OK for each in told.right)
    assert oracle.calls == 2 * 160
