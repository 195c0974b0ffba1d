from __future__ import annotations

import numpy as np
import pytest
from row_losses import COUPLED, EACH_ROW, SEPARABLE, LossFunction

from gradcheck.loss import Loss
from gradcheck.oracle import Oracle
from gradcheck.plans.afar import Afar
from gradcheck.plans.plan import Coupled
from gradcheck.plans.projections import Base
from gradcheck.plans.separability import Yardstick

N, C = 6, 5
#: Coupled in a way that a few looks far from S need not see.
HIDDEN = {"far_hinge", "far_product", "reduced_with_a_far_hinge", "plus_log_of_the_count", "by_class_counts"}


def looked(loss: LossFunction, seed: int = 0) -> tuple[Afar, Oracle, Base]:
    rng = np.random.default_rng(seed)
    S, y = rng.normal(size=(N, C)), rng.integers(0, C, N)
    evaluation = Loss("loss", loss).evaluate(S, y)
    oracle = Oracle(Loss("loss", loss), y)
    base = Base(S, evaluation.value, evaluation.gradient, evaluation.gradient)
    oracle.remember(evaluation)
    afar = Afar(oracle, base, np.empty((N, C)))
    afar.look()
    return afar, oracle, base


YARDSTICK = Yardstick(1e-15, 1e-16)


@pytest.mark.parametrize("name", ["mean", "total", "hinges", "a_vector", "reduced", "summed_by_default"])
def test_rows_of_a_mean_count_1_over_n_and_those_of_a_sum_1(name: str) -> None:
    loss = {**SEPARABLE, **EACH_ROW}[name]
    afar, oracle, _ = looked(loss)
    weight = afar.weight_of_rows(YARDSTICK, np.random.default_rng(0))
    assert weight == (1.0 if name in ("total", "a_vector", "summed_by_default") else 1 / N)
    assert oracle.calls == 7  # five of the batch, two of a row


@pytest.mark.parametrize("name", sorted(set(COUPLED) - HIDDEN))
def test_rows_that_are_coupled_are_found_out(name: str) -> None:
    afar, _, _ = looked(COUPLED[name])
    with pytest.raises(Coupled):
        afar.weight_of_rows(YARDSTICK, np.random.default_rng(0))


def test_a_loss_that_raises_far_from_s_is_not_taken_row_by_row() -> None:
    def delicate(S, y):
        if np.max(np.abs(S)) > 20:
            raise ValueError("too large")
        return SEPARABLE["mean"](S, y)

    afar, _, _ = looked(delicate)
    with pytest.raises(Coupled, match="far from S"):
        afar.weight_of_rows(YARDSTICK, np.random.default_rng(0))


def test_looks_tell_how_large_things_are_where_s_itself_is_flat() -> None:
    def flat_at_home(S, y):
        return float(np.sum(np.maximum(S - 3, 0))), (S > 3) * 1.0

    _, oracle, base = looked(flat_at_home)
    assert not base.gradient.any()
    assert oracle.gradient_scale is not None
    assert np.max(oracle.gradient_scale) == 1.0
