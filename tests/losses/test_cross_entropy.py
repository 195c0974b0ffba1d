from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from gradcheck.losses.cross_entropy import focal, label_smoothing, softmax


def p_of(s: list[Decimal], j: int) -> Decimal:
    return s[j].exp() / sum(score.exp() for score in s)


@pytest.mark.torch
def test_softmax_is_torchs_cross_entropy(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("softmax", torch.nn.CrossEntropyLoss())


@pytest.mark.torch
def test_label_smoothing_is_torchs(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("label-smoothing", torch.nn.CrossEntropyLoss(label_smoothing=0.1))


@pytest.mark.torch
def test_focal_is_torchs_autograd_of_its_formula(agrees_with_torch):
    torch = pytest.importorskip("torch")

    def torch_loss(S, y):
        log_p = torch.log_softmax(S, dim=1)
        wrong = torch.nn.functional.one_hot(y, S.shape[1]) == 0
        u = (log_p.exp() * wrong).sum(dim=1)
        return (-(u**2) * log_p[torch.arange(len(y)), y]).mean()

    agrees_with_torch("focal", torch_loss)


def test_softmax_value_is_scipys_logsumexp_less_the_labels_score():
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(0)
    S, y = 10 * rng.normal(size=(30, 6)), rng.integers(0, 6, size=30)
    value, dS = softmax(S, y)
    assert value == pytest.approx((special.logsumexp(S, axis=1) - S[np.arange(30), y]).mean(), rel=1e-14)
    np.testing.assert_allclose(30 * dS + np.eye(6)[y], special.softmax(S, axis=1), rtol=0, atol=1e-15)


def test_softmax_keeps_its_digits_in_hard_rows(agrees_with_decimals, hard_row):
    agrees_with_decimals("softmax", lambda s: -p_of(s, 0).ln(), hard_row, 0)


@pytest.mark.parametrize("y", [0, 1])
def test_softmax_keeps_its_digits_at_700_apart(agrees_with_decimals, y):
    agrees_with_decimals("softmax", lambda s: -p_of(s, y).ln(), [350.0, -350.0, 3.0], y)


def test_label_smoothing_keeps_its_digits_in_hard_rows(agrees_with_decimals, hard_row):
    def smoothed(s):
        t = [Decimal("0.025") + Decimal("0.9") * (j == 0) for j in range(4)]
        return -sum(t_j * p_of(s, j).ln() for j, t_j in enumerate(t))

    agrees_with_decimals("label-smoothing", smoothed, hard_row, 0)


def test_focal_keeps_its_digits_in_hard_rows(agrees_with_decimals, hard_row):
    agrees_with_decimals("focal", lambda s: -((1 - p_of(s, 0)) ** 2) * p_of(s, 0).ln(), hard_row, 0)


def test_focal_is_the_softmax_where_the_label_has_no_chance():
    S, y = np.array([[-1e3, 1e3, 0.0]]), np.array([0])
    assert focal(S, y)[0] == softmax(S, y)[0] == 2e3
    np.testing.assert_array_equal(focal(S, y)[1], softmax(S, y)[1])


def test_all_ties_give_the_logarithm_of_the_class_count():
    S, y = np.full((3, 4), 1e3), np.array([0, 3, 1])
    value, dS = softmax(S, y)
    assert value == pytest.approx(np.log(4), rel=1e-15)
    np.testing.assert_allclose(dS, (0.25 - np.eye(4)[y]) / 3, rtol=1e-15)


def test_label_smoothing_is_flat_where_the_softmax_is_the_target():
    S = np.log(np.array([[0.05, 0.95]]))
    _, dS = label_smoothing(S, np.array([1]))
    np.testing.assert_allclose(dS, 0, atol=1e-16)
