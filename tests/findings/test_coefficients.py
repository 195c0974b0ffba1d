"""A fitted number is rounded to a simple one only where that is no chance."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.diagnosis.coefficients import coefficients
from gradcheck.diagnosis.notation import BY_CLASSES

CONSTANT = [("", "")]


@pytest.mark.parametrize("number", [1, -2, 1 / 3, -5 / 12, 0.9, 0.05, 0.01, 3e-4, 2.5e-9, 1e9, 64])
def test_a_simple_number_is_found(number):
    found = [float(each.number) for each in coefficients(number, 1e-9 * abs(number), 1, 5, CONSTANT) if each.power == 0]
    assert found == [pytest.approx(number)]


@pytest.mark.parametrize("number", [0.731, np.pi, 1.00001, 1 / 17, 123.4, 1e-9 * np.e])
def test_another_number_is_not(number):
    assert coefficients(number, 1e-9 * abs(number), 1, 5, CONSTANT) == []


def test_no_number_drawn_at_random_is_simple_whatever_the_tolerance():
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-3, 3, size=3000), 10.0 ** rng.uniform(-9, -1, size=3000)
    found = [each for number, error in zip(*drawn, strict=True) for each in coefficients(number, error, 1, 5, CONSTANT)]
    assert len(found) <= 3 * 3  # each as often as there are powers of N


def test_a_number_that_may_be_zero_is_none():
    assert coefficients(0.0, 0.0, 3, 5, CONSTANT) == []
    assert coefficients(1e-12, 1e-11, 3, 5, CONSTANT) == []


def test_every_option_is_that_number_where_it_was_seen():
    found = coefficients(0.8, 1e-9, 4, 5, list(BY_CLASSES))
    assert len(found) > 3
    assert all(each.at(4, 5) == pytest.approx(0.8) for each in found)
    assert ("(C-1)", "") in {each.by_classes for each in found}


def test_one_class_leaves_no_factor_that_divides_by_nothing():
    assert all(each.by_classes != ("", "(C-1)") for each in coefficients(1.0, 1e-9, 2, 1, list(BY_CLASSES)))
