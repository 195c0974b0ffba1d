"""Complex scores: the imaginary part of the value is the derivative, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.losses import BUILT_INS

H = 1e-20

every = pytest.mark.parametrize("name", BUILT_INS)


def imaginary_slopes(loss, S, y, **options):
    """Im(value) / h for every entry moved by i·h, the last axes those of the value."""
    slopes = []
    for entry in np.ndindex(S.shape):
        moved = S.astype(complex)
        moved[entry] += 1j * H
        moved.flags.writeable = False
        value, dS = loss(moved, y, **options)
        assert np.iscomplexobj(value)
        assert dS.shape == S.shape
        slopes.append(np.imag(value) / H)
    return np.reshape(slopes, S.shape + np.shape(value))


@every
@pytest.mark.parametrize("shape", [(1, 2), (1, 5), (3, 5), (8, 4)])
def test_the_imaginary_part_is_the_derivative_to_a_few_eps_of_its_rows_largest_and_the_real_part_the_value(name, shape):
    loss = BUILT_INS[name].function
    for seed in range(6):
        rng = np.random.default_rng(seed)
        S, y = rng.normal(size=shape), rng.integers(0, shape[1], size=shape[0])
        value, dS = loss(S, y)
        largest = np.abs(dS).max(axis=1, keepdims=True)
        assert (np.abs(imaginary_slopes(loss, S, y) - dS) <= 1e-14 * largest).all()
        complex_value, _ = loss(S.astype(complex), y)
        assert complex_value.imag == 0
        assert complex_value.real == pytest.approx(float(value), rel=1e-14, abs=1e-300)


@every
@pytest.mark.parametrize("row", [[30.0, 1.0, -2.0, 3.5], [1.0, 30.0, -2.0, 3.5], [-1e3, 1e3, 0.5, 0.25]])
def test_it_holds_where_the_label_leads_or_trails_by_far(name, row):
    S, y = np.array([row]) / (10 if name == "affine-exp" else 1), np.array([0])
    _, dS = BUILT_INS[name].function(S, y)
    slopes = imaginary_slopes(BUILT_INS[name].function, S, y)
    assert np.abs(slopes - dS).max() <= 1e-14 * np.abs(dS).max()


@every
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_every_reduction_carries_it(name, reduction):
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(3, 4)), rng.integers(0, 4, size=3)
    _, derivatives = BUILT_INS[name].function(S, y, reduction="none")
    slopes = imaginary_slopes(BUILT_INS[name].function, S, y, reduction=reduction)
    if reduction == "none":  # row i moves value i alone
        others = ~np.eye(3, dtype=bool)[:, np.newaxis, :] & np.ones((3, 4, 3), dtype=bool)
        assert not slopes[others].any()
        slopes = np.diagonal(slopes, axis1=0, axis2=2).T
    np.testing.assert_allclose(slopes, derivatives, rtol=0, atol=1e-14 * np.abs(derivatives).max())
