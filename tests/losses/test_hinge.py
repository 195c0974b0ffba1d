from __future__ import annotations

import numpy as np
import pytest

from gradcheck.losses.hinge import crammer_singer, squared_hinge, svm


@pytest.mark.torch
def test_svm_is_torchs_multi_margin_loss_without_its_division_by_the_class_count(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("svm", lambda S, y: S.shape[1] * torch.nn.MultiMarginLoss()(S, y))


@pytest.mark.torch
def test_squared_hinge_is_torchs_multi_margin_loss_with_p_2(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("squared-hinge", lambda S, y: S.shape[1] * torch.nn.MultiMarginLoss(p=2)(S, y))


@pytest.mark.torch
def test_crammer_singer_is_torchs_maximum_over_raised_scores(agrees_with_torch):
    torch = pytest.importorskip("torch")

    def torch_loss(S, y):
        label = torch.nn.functional.one_hot(y, S.shape[1])
        return ((S + 1 - label).max(dim=1).values - (S * label).sum(dim=1)).mean()

    agrees_with_torch("crammer-singer", torch_loss)


def test_svm_by_hand():
    S = np.array([[3.0, 1.0, 2.5], [0.0, 0.0, -2.0]])
    value, dS = svm(S, np.array([0, 1]))
    assert value == (0.5 + 1.0) / 2
    np.testing.assert_array_equal(dS, [[-0.5, 0, 0.5], [0.5, -0.5, 0]])


def test_svm_counts_a_margin_of_exactly_0_as_the_notes_do():
    value, dS = svm(np.array([[2.0, 1.0, -5.0]]), np.array([0]))
    assert value == 0
    np.testing.assert_array_equal(dS, [[-1, 1, 0]])


def test_squared_hinge_by_hand():
    value, dS = squared_hinge(np.array([[0.0, 1.0, -0.5]]), np.array([0]))
    assert value == 4 + 0.25
    np.testing.assert_array_equal(dS, [[-5, 4, 1]])


def test_squared_hinge_is_flat_at_a_margin_of_exactly_0():
    value, dS = squared_hinge(np.array([[2.0, 1.0]]), np.array([0]))
    assert value == 0
    np.testing.assert_array_equal(dS, [[0, 0]])


def test_crammer_singer_charges_the_closest_class_alone():
    value, dS = crammer_singer(np.array([[0.0, 3.0, 2.0]]), np.array([0]))
    assert value == 4
    np.testing.assert_array_equal(dS, [[-1, 1, 0]])


def test_crammer_singer_is_0_where_the_label_leads_by_1():
    value, dS = crammer_singer(np.array([[5.0, 3.0, 2.0]]), np.array([0]))
    assert value == 0
    np.testing.assert_array_equal(dS, [[0, 0, 0]])


def test_crammer_singer_takes_the_first_class_at_a_tie():
    _, dS = crammer_singer(np.array([[7.0, 7.0, 7.0]]), np.array([1]))
    np.testing.assert_array_equal(dS, [[1, -1, 0]])


def test_crammer_singer_never_costs_more_than_the_svm_and_shares_its_value_with_two_classes():
    rng = np.random.default_rng(0)
    for C in (2, 3, 7):
        S, y = rng.normal(size=(20, C)), rng.integers(0, C, size=20)
        assert crammer_singer(S, y)[0] <= svm(S, y)[0]
    S, y = rng.normal(size=(20, 2)), rng.integers(0, 2, size=20)
    assert crammer_singer(S, y)[0] == svm(S, y)[0]
