"""Sums of terms, as one would write them by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gradcheck.diagnosis.dictionary import CLASS_TERMS, View
from gradcheck.diagnosis.notation import BY_CLASSES, Coefficient, Fit, signed

P, LABEL, ONE = CLASS_TERMS[0], CLASS_TERMS[1], CLASS_TERMS[3]


@pytest.mark.parametrize(
    ("number", "power", "by_classes", "text"),
    [
        ("1", 1, ("", ""), "p_j/N"),
        ("1", 0, ("", ""), "p_j"),
        ("1", 2, ("", ""), "p_j/N^2"),
        ("-2", 1, ("", ""), "2·p_j/N"),
        ("1/3", 1, ("", ""), "p_j/(3N)"),
        ("2/3", 0, ("", ""), "2·p_j/3"),
        ("1/10", 1, ("", ""), "0.1·p_j/N"),
        ("9/10", 0, ("", ""), "0.9·p_j"),
        ("1/1000", 0, ("", ""), "0.001·p_j"),
        ("1", 1, ("(C-1)", ""), "(C-1)·p_j/N"),
        ("1", 1, ("", "C"), "p_j/(NC)"),
        ("3", 2, ("", "(C-1)"), "3·p_j/(N^2(C-1))"),
    ],
)
def test_a_coefficient_is_written_beside_its_term(number, power, by_classes, text):
    assert Coefficient(Fraction(number), power, by_classes).times("p_j") == text


def test_the_term_1_is_written_by_its_coefficient_alone():
    assert [Coefficient(Fraction(n), p).times("1") for n, p in ((1, 1), (4, 1), (1, 0), (2, 0))] == [
        "1/N", "4/N", "1", "2",
    ]  # fmt: skip
    assert Coefficient(Fraction(1), 1, ("(C-1)", "")).times("1") == "(C-1)/N"


def test_what_is_added_comes_first():
    fit = Fit(((P, Coefficient(Fraction(-1))), (LABEL, Coefficient(Fraction(1)))))
    assert str(fit) == "1{j=y}/N - p_j/N"
    assert str(Fit(((P, Coefficient(Fraction(-1), 0)),))) == "-p_j"
    assert str(Fit(())) == "0"
    assert signed([(False, "a"), (True, "b"), (False, "c")]) == "a + c - b"


def test_the_values_of_a_sum_are_those_that_are_written():
    view = View(np.random.default_rng(0).standard_normal((4, 3)), np.array([0, 2, 1, 1]))
    fit = Fit(((P, Coefficient(Fraction(1))), (LABEL, Coefficient(Fraction(-1), 0, ("(C-1)", "")))))
    np.testing.assert_allclose(fit.at(view), view.p / 4 - 2 * view.y_j)
    np.testing.assert_array_equal(Fit(()).at(view), 0)


def test_every_factor_of_the_class_count_is_what_is_written():
    for (above, below), factor in BY_CLASSES.items():
        meant = eval(f"{above or 1}/{below or 1}", {"C": 7})
        assert factor(7) == pytest.approx(meant)


def test_digits_count_before_sizes_when_the_simplest_is_sought():
    def written(*numbers: str) -> Fit:
        return Fit(tuple((term, Coefficient(Fraction(n))) for term, n in zip((P, LABEL, ONE), numbers, strict=True)))

    smoothed, the_same, longer = (
        written("1", "-0.9", "-0.02"),
        written("1", "0.9", "-0.92"),
        written("1", "0.92", "1.1"),
    )
    assert smoothed.complexity < the_same.complexity < longer.complexity
