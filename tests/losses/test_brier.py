from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from gradcheck.losses.cross_entropy import brier


def brier_of(s: list[Decimal]) -> Decimal:
    Z = sum(score.exp() for score in s)
    return sum((score.exp() / Z - (j == 0)) ** 2 for j, score in enumerate(s))


@pytest.mark.torch
def test_brier_is_torchs_squared_distance_of_softmax_and_one_hot(agrees_with_torch):
    torch = pytest.importorskip("torch")

    def torch_loss(S, y):
        label = torch.nn.functional.one_hot(y, S.shape[1])
        p = torch.softmax(S, dim=1)
        # 1 - p_y as the sum of the others: torch's own p_y - 1 has no digits left at scores of 20.
        u = (p * (1 - label)).sum(dim=1)
        return (u**2 + (p**2 * (1 - label)).sum(dim=1)).mean()

    agrees_with_torch("brier", torch_loss)


def test_brier_keeps_its_digits_in_hard_rows(agrees_with_decimals, hard_row):
    agrees_with_decimals("brier", brier_of, hard_row, 0)


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_brier_keeps_its_digits_whichever_class_leads(agrees_with_decimals, lead):
    row = [0.3, -1.2, 0.8]
    row[lead] += 35.0
    agrees_with_decimals("brier", brier_of, row, 0)


def test_brier_keeps_its_digits_where_two_wrong_classes_nearly_tie(agrees_with_decimals):
    # p_t - p_j as a difference of the two is off by 6e-13 here.
    agrees_with_decimals("brier", brier_of, [0.0, 70.0, 70.00000003, 60.0], 0, rtol=1e-13)


def test_brier_by_hand():
    value, dS = brier(np.log(np.array([[1.0, 3.0]])), np.array([0]))
    assert value == pytest.approx(2 * 0.75**2, rel=1e-15)
    np.testing.assert_allclose(dS, [[-4 * 0.75 * 0.1875, 4 * 0.75 * 0.1875]], rtol=1e-14)


def test_brier_is_at_most_2_and_flat_where_two_wrong_classes_share_everything():
    value, dS = brier(np.array([[-1e3, 1e3, 1e3]]), np.array([0]))
    assert value == 1.5
    np.testing.assert_array_equal(dS, 0)
