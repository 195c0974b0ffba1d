from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from gradcheck.losses.indicator_examples import affine_exp, cubed_relu, min_square_exp

NO_LABELS = np.zeros(1, dtype=int)


@pytest.mark.torch
def test_min_square_exp_is_torchs_minimum(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("min-square-exp", lambda S, y: torch.minimum(S[:, 0] ** 2, S[:, 1].exp()).mean())


@pytest.mark.torch
def test_cubed_relu_is_torchs_relu_of_the_cube(agrees_with_torch):
    torch = pytest.importorskip("torch")
    agrees_with_torch("cubed-relu", lambda S, y: torch.relu(S**3).sum(dim=1).mean())


@pytest.mark.torch
def test_affine_exp_is_torchs(agrees_with_torch):
    pytest.importorskip("torch")

    def torch_loss(S, y):
        return (2 * S[:, 0] - 3 * S[:, 1] + S[:, 2].exp()).mean()

    agrees_with_torch("affine-exp", torch_loss, min_classes=3)


@pytest.mark.parametrize("row", [[0.5, 1.0, 9.0], [3.0, 1.0, 9.0], [-3.0, -40.0, 9.0]])
def test_min_square_exp_is_the_derivative_of_its_formula(agrees_with_decimals, row):
    agrees_with_decimals("min-square-exp", lambda s: min(s[0] ** 2, s[1].exp()), row, 0, rtol=1e-14)


def test_cubed_relu_is_the_derivative_of_its_formula(agrees_with_decimals):
    row = [1e3, -1e3, 0.25, -0.25]
    agrees_with_decimals("cubed-relu", lambda s: sum(max(Decimal(0), x**3) for x in s), row, 0, rtol=1e-14)


def test_affine_exp_is_the_derivative_of_its_formula(agrees_with_decimals):
    agrees_with_decimals("affine-exp", lambda s: 2 * s[0] - 3 * s[1] + s[2].exp(), [0.5, -2.0, 3.0, 7.0], 0, rtol=1e-14)


def test_min_square_exp_takes_the_second_at_a_tie_as_the_notes_do():
    value, dS = min_square_exp(np.array([[1.0, 0.0, 5.0]]), NO_LABELS)
    assert value == 1
    np.testing.assert_array_equal(dS, [[0, 1, 0]])


def test_min_square_exp_shows_no_overflow_of_the_larger_one():
    with np.errstate(all="raise"):
        value, dS = min_square_exp(np.array([[30.0, 1e3]]), NO_LABELS)
    assert value == 900
    np.testing.assert_array_equal(dS, [[60, 0]])


def test_min_square_exp_of_one_class_is_the_square():
    value, dS = min_square_exp(np.array([[-3.0], [1.0]]), np.zeros(2, dtype=int))
    assert value == 5
    np.testing.assert_array_equal(dS, [[-3], [1]])


def test_cubed_relu_is_flat_at_0_and_below():
    value, dS = cubed_relu(np.array([[0.0, -2.0, 2.0]]), NO_LABELS)
    assert value == 8
    np.testing.assert_array_equal(dS, [[0, 0, 12]])


@pytest.mark.parametrize(
    ("row", "value", "slopes"),
    [
        ([5.0], 10, [2]),
        ([5.0, 2.0], 4, [2, -3]),
        ([5.0, 2.0, 0.0], 5, [2, -3, 1]),
        ([5.0, 2.0, 0.0, 8.0, 9.0], 5, [2, -3, 1, 0, 0]),
    ],
)
def test_affine_exp_has_the_terms_whose_scores_there_are(row, value, slopes):
    answer, dS = affine_exp(np.array([row]), NO_LABELS)
    assert answer == value
    np.testing.assert_array_equal(dS, [slopes])


def test_affine_exp_overflows_by_its_own_nature_and_only_where_it_must():
    assert np.isfinite(affine_exp(np.array([[0.0, 0.0, 709.7]]), NO_LABELS)[0])
    with np.errstate(over="ignore"):
        value, dS = affine_exp(np.array([[0.0, 0.0, 1e3]]), NO_LABELS)
    assert np.isinf(value)
    np.testing.assert_array_equal(dS, [[2, -3, np.inf]])
