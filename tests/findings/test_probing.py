"""Sums of terms that are one function are told from those that are not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gradcheck.diagnosis.dictionary import CLASS_TERMS, MATRIX_TERMS, View
from gradcheck.diagnosis.notation import Coefficient, Fit
from gradcheck.diagnosis.probing import are_one, probes_like, simplest

SEEN = [View(np.zeros((1, 5)), np.array([2])), View(np.zeros((4, 5)), np.array([2, 0, 1, 1]))]


def fit(*parts: tuple[str, int], power: int = 1) -> Fit:
    terms = {term.text: term for term in (*MATRIX_TERMS, *CLASS_TERMS)}
    return Fit(tuple((terms[text], Coefficient(Fraction(number), power)) for text, number in parts))


def test_the_same_function_written_in_two_ways_is_one():
    two = fit(("1", 1), ("1{j=y}", -5)), fit(("1{j!=y}", 1), ("1{j=y}", -4))
    assert are_one(two, probes_like(SEEN))
    assert simplest(two, probes_like(SEEN)) is two[1]
    assert simplest(two[::-1], probes_like(SEEN)) is two[1]


@pytest.mark.parametrize(
    "other",
    [fit(("p_j", 1), power=0), fit(("p_j", 1), power=2), fit(("p_j", 2)), fit(("1{j!=y}p_j", 1)), fit(("p_j^2", 1))],
)
def test_another_function_is_another(other):
    assert not are_one([fit(("p_j", 1)), other], probes_like(SEEN))
    assert simplest([fit(("p_j", 1)), other], probes_like(SEEN)) is None


def test_terms_that_agree_where_every_margin_is_positive_are_not_one():
    two = fit(("q_{j,y}1{j!=y}", 1)), fit(("1{j!=y}", 1))
    assert not are_one(two, probes_like([View(1e-3 * view.S, view.y) for view in SEEN]))


def test_labels_that_are_one_hot_stay_so():
    """p_j and p_j·sum_m y_m are one function for these, and not for others."""
    two = fit(("p_j", 1)), fit(("p_j·sum_m y_m", 1))
    assert are_one(two, probes_like([View(np.zeros((3, 4)), np.eye(4)[:3])]))
    assert not are_one(two, probes_like([View(np.zeros((3, 4)), np.eye(4)[:3] + 0.5)]))


def test_probes_have_the_class_counts_that_were_seen():
    probes = probes_like([*SEEN, View(np.zeros((2, 3)), np.array([0, 2]))])
    assert {view.S.shape[1] for view in probes} == {3, 5}
    assert len({view.S.shape[0] for view in probes}) == 2


def test_none_and_a_single_one_are_one():
    assert are_one([], probes_like(SEEN))
    assert are_one([fit(("p_j", 1))], probes_like(SEEN))
    assert simplest([], probes_like(SEEN)) is None
