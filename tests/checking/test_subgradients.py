"""Where kinks meet: what lies in the hull of the derivatives around a point."""

from dataclasses import replace

import numpy as np
import pytest
from judging import absolute, at_point, hinge, ranked, tied

from gradcheck.api import check_at
from gradcheck.checking.subgradients import Nearby
from gradcheck.config import Config
from gradcheck.numerics.verdicts import SUBGRADIENT
from gradcheck.report import VERDICTS


def nearby_of(loss, S, y=None):
    objective, x, _, precision = at_point(loss, S, y)
    return Nearby(objective, x, precision, [objective.shape])


def verdict_on(nearby, entry, claimed):
    """What is made of a derivative that is claimed of an entry."""
    at = np.array([entry]), np.array([claimed]), np.array([1e-7]), np.array([True])
    return VERDICTS[nearby.judge(*at)[1][0]].value


#: Margins clipped to [0, 1]: each has two kinks, whose derivatives are counted.
ramp = hinge(1.0, cap=1.0, at_cap=1.0)
largest, second_largest = ranked(0), ranked(1)


@pytest.mark.parametrize(("seed", "entry"), [(74, (1, 7)), (1460, (0, 4)), (1540, (3, 0)), (68, (1, 3))])
def test_one_kink_that_goes_on_as_another_goes_off_at_all_sampled_points_is_no_false_alarm(seed, entry):
    rng = np.random.default_rng(seed)
    N, C = int(rng.integers(1, 14)), int(rng.integers(2, 9))
    S = rng.integers(-2, 3, size=(N, C)).astype(float)
    batch = check_at(hinge(0.0, cap=1.0), S, rng.integers(0, C, size=N), Config(plan="full")).losses[0].batches[0]
    assert batch.wrong == 0
    assert batch.verdicts[entry] == SUBGRADIENT


#: At [0, 0] the label's score moves both margins, of 1 and of 0: the derivative along the axis is -1 on both sides.
AT_THE_CAP = [[1.0, 1.0, 0.0]]


@pytest.mark.parametrize(("loss", "S", "right", "wrong"), [
    (absolute, [[0.0, 2.0]], [-1.0, 0.0, 1.0], [1.01, -1.01, 7.0]),
    (ramp, AT_THE_CAP, [0.0, -1.0, -2.0], [-2.5, 0.5]),
    (second_largest, [[1.0, 1.0, 1.0, -3.0]], [0.0, 1.0, 0.5], [-0.5, 1.5]),
    (largest, np.full((1, 2), 2.0), [0.0, 1.0, 0.3], [1.5]),
    (largest, np.full((1, 12), 2.0), [0.0, 1.0, 0.3], [1.5]),
    (lambda S, y: (np.abs(S).sum(), 5 * np.sign(S)), [[0.0, 2.0]], [1.0], [4.0]),  # gradients propose, values decide
], ids=["absolute", "ramp", "second of three", "first of two", "first of twelve", "exaggerated"])  # fmt: skip
def test_what_lies_in_the_hull_is_a_subgradient_and_nothing_else_is(loss, S, right, wrong):
    equal = np.flatnonzero(np.ravel(S) == np.ravel(S)[0]) if loss is not ramp else [0]
    for entry in equal:
        for claimed, expected in [*((c, "subgradient") for c in right), *((c, "wrong") for c in wrong)]:
            assert verdict_on(nearby_of(loss, S, [0]), int(entry), claimed) == expected, (entry, claimed)


def test_where_nothing_can_be_measured_nothing_is_called_wrong():
    nearby = nearby_of(absolute, [[0.0, 2.0]])
    drowned = Nearby(nearby.objective, nearby.x, replace(nearby.precision, value_noise=1.0), nearby.arrays)
    assert verdict_on(drowned, 0, 2.0) == "unresolved"


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("columns", [30, 400])
def test_the_second_and_the_third_largest_of_many_that_tie_are_right(rank, columns):
    """Few points around S know one of dozens of tied scores as the second of them; along its axis it never is."""
    for seed in range(4):
        S, _ = tied(seed, (1, columns))
        assert check_at(ranked(rank), S, [0], Config(plan="full")).passed, seed


def one_of_the_maxima(chosen):
    """The value is one of the classes' largest scores: the one whose rank among them is ``chosen(C)``."""

    def loss(S, y):
        column = int(np.argsort(S.max(axis=0), kind="stable")[chosen(S.shape[1])])
        row = int(S[:, column].argmax())
        dS = np.zeros_like(S)
        dS[row, column] = 1.0
        return S[row, column], dS

    return loss


@pytest.mark.parametrize("chosen", [lambda C: 0, lambda C: C // 2, lambda C: C - 2], ids=["least", "median", "second"])
def test_of_dozens_of_tied_scores_of_coupled_rows_any_may_be_the_one_that_counts(chosen):
    loss = one_of_the_maxima(chosen)
    for seed in range(10):
        S = np.random.default_rng(seed).integers(0, 2, size=(8, 5)).astype(float)
        assert check_at(loss, S, [0] * 8).passed, seed
        assert not check_at(lambda S, y: (loss(S, y)[0], 2 * loss(S, y)[1]), S, [0] * 8).passed, seed


@pytest.mark.parametrize("N", [1, 12])  # of 12 rows, single ones are moved
def test_a_maximum_of_minima_over_the_axes_of_an_input_may_take_any_of_those_that_tie(N):
    def pooled(x):
        dx = np.zeros_like(x)
        for n, image in enumerate(x):
            position = image.min(axis=0).argmax()
            dx[n, image[:, position].argmin(), position] = 1.0
        return x.min(axis=1).max(axis=1).sum(), dx

    for seed in range(10):
        x = np.random.default_rng(seed).integers(0, 2, size=(N, 4, 6)).astype(float)
        assert check_at(pooled, {"x": x}).passed, seed
