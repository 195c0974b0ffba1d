"""The notes' indicator identities, beside the built-in losses that are made of them."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from gradcheck.losses.cross_entropy import softmax
from gradcheck.losses.hinge import svm
from gradcheck.losses.indicator_examples import min_square_exp

numbers = st.floats(-50, 50)
vectors = st_numpy.arrays(np.float64, st.integers(1, 8), elements=numbers)
whole_vectors = st_numpy.arrays(np.float64, st.integers(2, 8), elements=st.integers(-3, 3).map(float))


def one(condition):
    """1{condition}: 1 where it holds, else 0."""
    return np.where(condition, 1.0, 0.0)


@given(x=numbers, y=numbers)
@example(x=1.0, y=0.0)
@example(x=-1.0, y=0.0)
def test_a_minimum_of_two_is_two_indicators_of_which_one_holds(x, y):
    square, exponential = x * x, np.exp(y)
    selected = one(square < exponential) * square + one(square >= exponential) * exponential
    assert selected == min(square, exponential)
    assert one(square < exponential) + one(square >= exponential) == 1
    assert min_square_exp(np.array([[x, y]]), np.array([0]))[0] == selected


@given(s=whole_vectors, data=st.data())
def test_the_hinges_sum_of_indicators_reduces_to_its_gradient(s, data):
    y = data.draw(st.integers(0, len(s) - 1))
    q = one(s - s[y] + 1 >= 0)
    others = [m for m in range(len(s)) if m != y]
    unreduced = [sum(q[m] * (one(m == j) - one(j == y)) for m in others) for j in range(len(s))]
    reduced = [one(j != y) * q[j] - one(j == y) * sum(q[m] for m in others) for j in range(len(s))]
    assert unreduced == reduced
    value, dS = svm(s[np.newaxis], np.array([y]))
    np.testing.assert_array_equal(dS[0], unreduced)
    assert value == sum(q[m] * (s[m] - s[y] + 1) for m in others)


@given(s=vectors, data=st.data())
def test_the_softmaxs_grouped_cases_are_p_j_less_the_indicator(s, data):
    y, j = data.draw(st.integers(0, len(s) - 1)), np.arange(len(s))
    p = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
    grouped = one(j != y) * p - one(j == y) * (1 - p)
    np.testing.assert_allclose(grouped, p - one(j == y), rtol=0, atol=1e-15)
    np.testing.assert_allclose(softmax(s[np.newaxis], np.array([y]))[1][0], grouped, rtol=0, atol=1e-15)
