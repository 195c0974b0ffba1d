"""Complex steps: what rounding explains, and which of them a central difference confirms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.checking.complex_step import in_question, is_frozen, rounding
from gradcheck.config.settings import Reference
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import FloatArray

EPS = float(np.finfo(np.float64).eps)
ENTRIES = 40


def samples(points: int, noise: float, seed: int, wrong_by: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Complex steps and analytic derivatives of sizes about 1 at so many points, both with noise, one wrong perhaps."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.5, 1.0, size=ENTRIES) * (1 + 1e-4 * rng.normal(size=(points, ENTRIES)))
    slopes = truth + noise * rng.normal(size=truth.shape)
    return slopes, truth * (1 + wrong_by) + noise * rng.normal(size=truth.shape)


@pytest.mark.parametrize(("points", "most"), [(3, 12.0), (17, 6.0)])
def test_what_is_only_rounding_lies_within_a_bound_of_a_few_deviations(points: int, most: float) -> None:
    for seed in range(200):
        slopes, derivatives = samples(points, 1e-15, seed)
        bound = rounding(slopes, derivatives)[0]
        assert np.all(np.abs(slopes[0] - derivatives[0]) <= bound)
    assert np.median(bound) <= most * np.sqrt(2.0) * 1e-15


@given(st.floats(-0.5, 0.5), st.integers(0, 20))
def test_what_is_wrong_is_not_taken_for_rounding(wrong_by: float, seed: int) -> None:
    slopes, derivatives = samples(17, 1e-16, seed, wrong_by)
    assert (rounding(slopes, derivatives)[0] <= 1e-14 + 2e-3 * abs(wrong_by)).all()


def test_an_entry_whose_rounding_did_not_show_by_chance_is_granted_what_is_usual() -> None:
    slopes, derivatives = samples(3, 1e-14, seed=0)
    derivatives[:, 0] = slopes[:, 0]
    alone = rounding(slopes[:, :1], derivatives[:, :1])
    among_others = rounding(slopes, derivatives)
    told = rounding(slopes[:, :1], derivatives[:, :1], usual=among_others[1])
    assert alone[0][0] <= 2 * EPS
    assert among_others[0][0] == told[0][0] >= 1e-14


def test_a_derivative_is_frozen_where_nearby_points_hardly_change_the_numbers_it_was_cancelled_from() -> None:
    derivatives, scale = np.array([[0.1, 1e-14], [0.0, -1e-9]]), np.array([[1.0], [1e3]])
    assert is_frozen(derivatives, scale).tolist() == [[False, True], [False, True]]
    # 1 - p, for p near 1: at points near S it is rounded to the same few numbers
    p = 1 - 1e-13 * np.exp(2.0**-13 * np.random.default_rng(0).normal(size=(200, 1)))
    assert len(np.unique(1 - p)) <= 2
    assert is_frozen(1 - p, np.ones((200, 1))).all()


@pytest.mark.parametrize(("bound", "reference", "wanted"), [
    (1e-10, "auto", False),  # as precise as rtol asks
    (5e-8, "auto", True),
    (1e-5, "central", False),
    (1e-10, "complex", True),
    (0.1, "auto", False),  # too wide to confirm a complex step
    (0.1, "complex", False),
    (np.nan, "auto", False),
])  # fmt: skip
def test_complex_steps_are_wanted_where_the_bound_is_wider_than_rtol_and_can_still_confirm_them(
    bound: float, reference: Reference, wanted: bool
) -> None:
    central = Limit(np.ones(1), np.array([bound]))
    assert in_question(reference, np.ones(1), central, Tolerance(1e-9)).tolist() == [wanted]
