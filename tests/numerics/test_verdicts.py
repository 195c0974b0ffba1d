"""From estimates and bounds to verdicts: the tables."""

import numpy as np
import pytest

from gradcheck.numerics import verdicts
from gradcheck.numerics.richardson import Limit
from gradcheck.report import VERDICTS


def limit(estimate, bound):
    return Limit(np.array([estimate]), np.array([bound]))


def word(told):
    assert told.dtype == np.int8
    return VERDICTS[int(told[0])].value


@pytest.mark.parametrize(("analytic", "estimate", "bound", "allowed", "expected"), [
    (1.0, 1.0 + 5e-10, 1e-9, 0.0, "ok"),  # within the bound
    (1.0, 1.0 + 5e-9, 1e-9, 1e-8, "ok"),  # within bound and allowance
    (1.0, 1.0 + 2e-8, 1e-9, 1e-8, "wrong"),  # beyond both
    (1.0, 3.0, 0.5, 0.0, "wrong"),  # wide, and yet beyond it
    (1.0, 1.0, 0.5, 0.0, "unresolved"),  # agrees, but so would much else
    (1.0, 1.0, 0.5, 1.0, "ok"),  # the user allows so much
    (1.0, np.nan, np.inf, 0.0, "unresolved"),
    (0.0, 0.0, 0.0, 0.0, "ok"),
])  # fmt: skip
def test_smooth_verdicts(analytic, estimate, bound, allowed, expected):
    got = verdicts.judge_smooth(np.array([analytic]), limit(estimate, bound), np.array([allowed]), np.zeros(1), 1.0)
    assert word(got) == expected


@pytest.mark.parametrize(("analytic", "expected"), [
    (-1.0, "subgradient"), (0.3, "subgradient"), (1.0 + 1.9e-6, "subgradient"),  # within bound and allowance
    (1.0 + 3e-6, "wrong"), (-1.0 - 3e-6, "wrong"), (5.0, "wrong"),
])  # fmt: skip
@pytest.mark.parametrize("falling", [False, True], ids=["convex", "concave"])
def test_verdicts_at_kinks(analytic, expected, falling):
    left, right = limit(-1.0, 1e-6), limit(1.0, 1e-6)
    if falling:
        left, right = right, left
    got = verdicts.judge_kinks(np.array([analytic]), left, right, np.array([1e-6]), granted=np.zeros(1), scale=1.0)
    assert word(got) == expected


def test_a_kink_with_one_wide_side_is_unresolved_between_and_wrong_beyond():
    left, right, zero = limit(-1.0, 1e-6), limit(1.0, 0.5), np.zeros(1)
    for analytic, expected in ((0.0, "unresolved"), (2.0, "wrong")):
        assert word(verdicts.judge_kinks(np.array([analytic]), left, right, zero, zero, 1.0)) == expected


def test_what_is_granted_to_ds_counts_as_a_bound_and_may_not_be_wide():
    off, zero = np.array([1.0 + 3e-3]), np.zeros(1)
    for granted, expected in ((5e-3, "ok"), (2e-3, "wrong"), (5e-2, "unresolved")):
        assert word(verdicts.judge_smooth(off, limit(1.0, 1e-9), zero, np.array([granted]), 1.0)) == expected
