from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from gradcheck.losses.elementwise import one_vs_all


def logistic_of(s: list[Decimal]) -> Decimal:
    return sum((1 + (score if j else -score).exp()).ln() for j, score in enumerate(s))


@pytest.mark.torch
def test_one_vs_all_is_torchs_binary_cross_entropy_summed_over_classes(agrees_with_torch):
    torch = pytest.importorskip("torch")

    def torch_loss(S, y):
        label = torch.nn.functional.one_hot(y, S.shape[1]).to(S.dtype)
        return torch.nn.BCEWithLogitsLoss(reduction="sum")(S, label) / len(y)

    agrees_with_torch("one-vs-all", torch_loss)


@pytest.mark.parametrize("row", [[40.0, -40.0, -50.0], [-40.0, 700.0, 30.0], [0.0, 0.0, 0.0], [1e-9, -1e-9, 1.0]])
def test_one_vs_all_keeps_its_digits_at_both_ends(agrees_with_decimals, row):
    agrees_with_decimals("one-vs-all", logistic_of, row, 0, rtol=1e-14)


def test_all_scores_0_cost_log_2_each():
    value, dS = one_vs_all(np.zeros((2, 3)), np.array([2, 0]))
    assert value == pytest.approx(3 * np.log(2), rel=1e-15)
    np.testing.assert_array_equal(dS, [[0.25, 0.25, -0.25], [-0.25, 0.25, 0.25]])
