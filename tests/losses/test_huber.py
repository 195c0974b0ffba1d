from __future__ import annotations

import numpy as np
import pytest

from gradcheck.losses.elementwise import huber


@pytest.mark.torch
def test_huber_is_torchs_against_the_one_hot_label_summed_over_classes(agrees_with_torch):
    torch = pytest.importorskip("torch")

    def torch_loss(S, y):
        label = torch.nn.functional.one_hot(y, S.shape[1]).to(S.dtype)
        return torch.nn.HuberLoss(reduction="sum", delta=1.0)(S, label) / len(y)

    agrees_with_torch("huber", torch_loss)


def test_huber_is_scipys_where_scipy_is_there():
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(0)
    S, y = 3 * rng.normal(size=(20, 4)), rng.integers(0, 4, size=20)
    assert huber(S, y)[0] == pytest.approx(special.huber(1.0, S - np.eye(4)[y]).sum() / 20, rel=1e-14)


def test_huber_by_hand_inside_at_and_beyond_its_corner():
    value, dS = huber(np.array([[1.5, 1.0, -4.0]]), np.array([0]))
    assert value == 0.125 + 0.5 + 3.5
    np.testing.assert_array_equal(dS, [[0.5, 1.0, -1.0]])


def test_huber_is_0_at_the_one_hot_label():
    value, dS = huber(np.eye(3), np.arange(3))
    assert value == 0
    np.testing.assert_array_equal(dS, 0)
