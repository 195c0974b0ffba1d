"""The terms have the values that the notes give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.diagnosis.dictionary import CLASS_TERMS, MATRIX_TERMS, View, jumps_of, terms_for
from gradcheck.losses import BUILT_INS

rng = np.random.default_rng(0)
S, Y = rng.standard_normal((6, 4)), rng.integers(0, 4, size=6)


def value(text: str, scores: Any = S, labels: Any = Y) -> Any:
    view = View(scores, labels)
    (term,) = [term for term in terms_for(view) if term.text == text]
    return term.of(view)


def test_the_terms_of_softmax_make_its_gradient():
    _, dS = BUILT_INS["softmax"].function(S, Y)
    np.testing.assert_allclose((value("p_j") - value("1{j=y}")) / 6, dS, atol=1e-15)


def test_the_terms_of_the_hinge_make_its_gradient():
    _, dS = BUILT_INS["svm"].function(S, Y)
    np.testing.assert_allclose((value("q_{j,y}1{j!=y}") - value("1{j=y}·sum_{m!=y} q_{m,y}")) / 6, dS)


def test_the_terms_of_the_squared_hinge_make_its_gradient():
    others, label = "max(0, s_j - s_y + 1)·1{j!=y}", "1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)"
    margins = np.maximum(S - S[np.arange(6), Y][:, None] + 1, 0)
    margins[np.arange(6), Y] = 0
    np.testing.assert_allclose(value(others), margins)
    np.testing.assert_allclose(value(label).sum(axis=1), margins.sum(axis=1))


@pytest.mark.parametrize("terms", [CLASS_TERMS, MATRIX_TERMS], ids=["classes", "numbers"])
def test_every_term_is_a_fresh_kind_of_function(terms):
    labels = Y if terms is CLASS_TERMS else rng.standard_normal((6, 4))
    values = [term.of(View(S, labels)) for term in terms]
    assert all(each.shape == (6, 4) for each in values)
    for k, each in enumerate(values):
        assert not any(np.allclose(each, other) for other in values[:k]), terms[k].text
    assert len({term.text for term in terms}) == len(terms)


def test_a_term_jumps_where_its_margin_or_its_score_is_zero():
    view = View(np.array([[1.0, 0.0, -2.0], [0.5, 0.2, 0.1]]), np.array([0, 1]))
    jumping = [term for term in CLASS_TERMS if term.jumps_somewhere]
    jumps = {term.text: term.jumps(view)[0].tolist() for term in jumping}
    assert jumps == {
        "q_{j,y}1{j!=y}": [False, True, False],
        "1{j=y}·sum_{m!=y} q_{m,y}": [True, False, False],
        "max(0, s_j - s_y + 1)·1{j!=y}": [False, True, False],
        "1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)": [True, False, False],
        "1{s_j > 0}": [False, True, False],
    }
    assert not any(term.jumps(view)[1].any() for term in jumping)
    assert jumps_of(CLASS_TERMS, view).tolist() == [[True, True, False], [False, False, False]]
    assert not jumps_of(CLASS_TERMS[:4], view).any()


@pytest.mark.parametrize(
    "labels", [np.array([0.5, 1.5]), np.array([0, 1, 2]), np.zeros((2, 2)), np.zeros(()), np.array(["a", "b"])]
)
def test_labels_of_another_kind_have_no_terms(labels):
    assert terms_for(View(np.zeros((2, 3)), labels)) == ()


def test_large_scores_overflow_in_no_term_of_the_softmax():
    with np.errstate(all="raise", under="ignore"):
        for text in ("p_j", "log p_j", "p_y·p_j", "sigmoid(s_j)"):
            assert np.isfinite(value(text, scores=1e3 * S)).all()
