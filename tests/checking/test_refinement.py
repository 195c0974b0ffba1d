"""Step sequences: what each step costs, and the derivatives that they lead to."""

import numpy as np
import pytest
from judging import absolute, exponential, objective_of

from gradcheck.checking.precision import GradientNoise, Precision
from gradcheck.checking.refinement import Refinement
from gradcheck.evaluation.evaluators import WholeBatch
from gradcheck.numerics.differences import Rounding


def refinement_of(loss, S, noise=1e-16):
    """The sequence of every entry of S, from a step of 0.05 on."""
    x = np.ravel(S).astype(float)
    objective = objective_of(loss, np.shape(S))
    evaluator, entries = WholeBatch(objective, x, objective(x)), np.arange(x.size)
    of_gradient = GradientNoise(np.zeros((1, 8, x.size)), None, objective.blocks, np.zeros(len(objective.blocks)))
    precision = Precision(
        noise, noise, 0.0, None, of_gradient, 0.01, 1.0, np.ones(1), 0.05 / 56, (), Rounding(0.0, 0.0)
    )
    return Refinement.of(evaluator, entries, np.full(x.size, noise), np.full(x.size, 1e-16), precision)


def limits_of(loss, S, noise=1e-16):
    return refinement_of(loss, S, noise).limits()


def test_no_step_is_finer_than_the_floats_at_a_large_score():
    refined = refinement_of(lambda S, y: (float(S.sum()), np.ones(S.shape)), [[1e9]])
    above = refined.stencils.above[:, 0]
    taken = np.isfinite(above)
    assert 3 < np.count_nonzero(taken) < len(taken)
    assert np.all(above[taken] >= 4 * np.spacing(1e9))
    assert [plain for _, plain in refined.plain_differences()[0]] == [1.0] * np.count_nonzero(taken)


def test_a_small_kink_on_a_curve_is_seen():
    for jump in (1e-2, 1e-4):
        limits = limits_of(lambda S, y, j=jump: (float((np.exp(S) + j * np.abs(S)).sum()), np.exp(S)), [[0.0]])
        assert limits.is_kink()[0]
        assert limits.right.estimate[0] - limits.left.estimate[0] == pytest.approx(2 * jump, rel=1e-3)


def test_values_decide_where_a_false_correction_contradicts_them():
    # dS has a jump that the values know nothing of.
    central = limits_of(lambda S, y: (float(S.sum()), np.sign(S) * 1e6), [[0.0]]).central
    assert abs(central.estimate[0] - 1.0) <= central.bound[0] < 1e-9


def test_a_value_that_jumps_at_the_point_has_no_derivative_and_one_that_is_removable_has_a_size():
    step = limits_of(lambda S, y: (float((S > 0).sum() + 0.1 * S.sum()), np.full(S.shape, 0.1)), [[0.0, 0.3]])
    assert step.jumps.tolist() == [True, False]
    hole = limits_of(lambda S, y: (float((S != 0).sum() + 0.1 * S.sum()), np.full(S.shape, 0.1)), [[0.0, 0.3]])
    assert hole.leaps.tolist() == pytest.approx([1.0, 0.0])
    for loss in (absolute, exponential):
        assert not np.any(limits_of(loss, [[0.0, 0.3]]).jumps)


def test_steps_that_are_not_finite_are_done_without_and_nothing_finite_is_nothing_said():
    with np.errstate(all="ignore"):
        limits = limits_of(lambda S, y: (float(np.sqrt(S).sum()), 0.5 / np.sqrt(S)), [[1e-3]])
    slope = 0.5 / np.sqrt(1e-3)  # the coarsest steps reach below 0
    assert abs(limits.central.estimate[0] - slope) <= limits.central.bound[0] < 1e-6 * slope
    nothing = limits_of(lambda S, y: (float("nan"), np.zeros(S.shape)), np.zeros((1, 2)))
    assert np.all(np.isinf(nothing.central.bound))
    assert not np.any(nothing.is_kink())
