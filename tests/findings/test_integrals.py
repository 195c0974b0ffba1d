"""What a sum of terms is said to be the gradient of has that gradient."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gradcheck.diagnosis.dictionary import CLASS_TERMS, MATRIX_TERMS, Term, View
from gradcheck.diagnosis.integrals import integral_of
from gradcheck.diagnosis.notation import Coefficient, Fit

TERMS = {term.text: term for term in (*CLASS_TERMS, *MATRIX_TERMS)}
MARGIN = "1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)"


def fit(*parts: tuple[str, str], power: int = 1, by_classes: tuple[str, str] = ("", "")) -> Fit:
    return Fit(tuple((TERMS[text], Coefficient(Fraction(number), power, by_classes)) for text, number in parts))


def of_y(s: Any, y: Any) -> Any:
    return s @ y


#: Of a row's scores, and its labels as a number for each class.
MEANT: dict[str, Callable[[Any, Any], float]] = {
    "log sum_m e^{s_m}": lambda s, y: np.log(np.exp(s).sum()),
    "s_y": of_y,
    "sum_{m!=y} s_m": lambda s, y: s @ (1 - y),
    "sum_m s_m": lambda s, y: s.sum(),
    "sum_m s_m^2": lambda s, y: (s**2).sum(),
    "s_y^2": lambda s, y: (s @ y) ** 2,
    "(sum_m s_m)^2/C": lambda s, y: s.sum() ** 2 / len(s),
    "sum_m log(1 + e^{s_m})": lambda s, y: np.log1p(np.exp(s)).sum(),
    "sum_m e^{s_m}": lambda s, y: np.exp(s).sum(),
    "sum_m log cosh(s_m)": lambda s, y: np.log(np.cosh(s)).sum(),
    "sum_m max(0, s_m)": lambda s, y: np.maximum(s, 0).sum(),
    "sum_m y_m·s_m": of_y,
    "sum_m y_m·s_m^2": lambda s, y: s**2 @ y,
    "(sum_m y_m)·log sum_m e^{s_m}": lambda s, y: y.sum() * np.log(np.exp(s).sum()),
    "sum_{m!=y} max(0, s_m - s_y + 1)": lambda s, y: (np.maximum(s - s @ y + 1, 0) * (1 - y)).sum(),
    "sum_{m!=y} max(0, s_m - s_y + 1)^2": lambda s, y: (np.maximum(s - s @ y + 1, 0) ** 2 * (1 - y)).sum(),
    "p_y": lambda s, y: np.exp(s) @ y / np.exp(s).sum(),
    "sum_m y_m·p_m": lambda s, y: np.exp(s) @ y / np.exp(s).sum(),
}

PAIRS = [
    ("q_{j,y}1{j!=y}", "1{j=y}·sum_{m!=y} q_{m,y}"),
    ("max(0, s_j - s_y + 1)·1{j!=y}", MARGIN),
    ("1{j=y}p_j", "p_y·p_j"),
    ("y_j·p_j", "p_j·sum_m y_m·p_m"),
]


def sums_of(terms: tuple[Term, ...]) -> list[tuple[str, ...]]:
    names = [term.text for term in terms]
    return [(name,) for name in names] + [pair for pair in PAIRS if set(pair) <= set(names)]


@pytest.mark.parametrize("terms", [CLASS_TERMS, MATRIX_TERMS], ids=["classes", "numbers"])
def test_every_integral_in_the_table_has_its_term_for_a_derivative(terms):
    rng = np.random.default_rng(0)
    s, h = rng.standard_normal(5), 1e-5
    y = 2 if terms is CLASS_TERMS else rng.standard_normal(5)
    view = View(s[np.newaxis], np.array([y]))
    tried = 0
    for names in sums_of(terms):
        signs = ("1", "-1")[: len(names)]
        whole = integral_of(fit(*zip(names, signs, strict=True), power=0))
        if whole is None:
            continue
        inner = whole.removesuffix("/2").removeprefix("sum(").removesuffix(")")
        meant, half = MEANT[inner], 0.5 if whole.endswith(")/2") else 1.0
        labels = view.y_j[0]
        steps = h * np.eye(5)
        slope = half * np.array([(meant(s + step, labels) - meant(s - step, labels)) / (2 * h) for step in steps])
        written = fit(*zip(names, signs, strict=True), power=0).at(view)[0]
        np.testing.assert_allclose(slope, written, atol=1e-8, err_msg=whole)
        tried += 1
    assert tried >= 10


@pytest.mark.parametrize(
    ("parts", "power", "text"),
    [
        ([("p_j", "1")], 1, "mean(log sum_m e^{s_m})"),
        ([("p_j", "1"), ("1{j=y}", "-1")], 1, "mean(log sum_m e^{s_m} - s_y)"),
        ([("p_j", "1"), ("1{j=y}", "-1")], 0, "sum(log sum_m e^{s_m} - s_y)"),
        ([("p_j", "1"), ("1{j=y}", "-1")], 2, "mean(log sum_m e^{s_m} - s_y)/N"),
        ([("p_j", "-1"), ("1{j=y}", "1")], 1, "mean(s_y - log sum_m e^{s_m})"),
        ([("p_j", "2"), ("1{j=y}", "-2")], 1, "2·mean(log sum_m e^{s_m} - s_y)"),
        ([("p_j", "-1")], 1, "-mean(log sum_m e^{s_m})"),
        ([("s_j", "1")], 1, "mean(sum_m s_m^2)/2"),
        ([("s_j", "2"), ("1{j=y}", "-2")], 1, "mean(sum_m s_m^2 - 2·s_y)"),
        ([("s_j", "1"), ("1{j=y}", "-1")], 1, "mean((1/2)·sum_m s_m^2 - s_y)"),
        ([("sigmoid(s_j)", "1"), ("1{j=y}", "-1")], 1, "mean(sum_m log(1 + e^{s_m}) - s_y)"),
        ([(PAIRS[0][0], "1"), (PAIRS[0][1], "-1")], 1, "mean(sum_{m!=y} max(0, s_m - s_y + 1))"),
        ([(PAIRS[1][0], "2"), (PAIRS[1][1], "-2")], 1, "mean(sum_{m!=y} max(0, s_m - s_y + 1)^2)"),
        ([("p_y·p_j", "1"), ("1{j=y}p_j", "-1")], 1, "-mean(p_y)"),
    ],
)
def test_an_integral_is_written_over_the_batch(parts, power, text):
    assert integral_of(fit(*parts, power=power)) == text


@pytest.mark.parametrize(
    "parts",
    [
        [("1{j=y}p_j", "1")],
        [("1{j!=y}p_j", "1")],
        [("q_{j,y}1{j!=y}", "1")],
        [("q_{j,y}1{j!=y}", "1"), ("1{j=y}·sum_{m!=y} q_{m,y}", "1")],
        [("q_{j,y}1{j!=y}", "1"), ("1{j=y}·sum_{m!=y} q_{m,y}", "-2")],
        [("log p_j", "1")],
        [("p_j", "1"), ("p_j^2", "-1")],
        [],
    ],
)
def test_what_is_no_gradient_has_no_integral(parts):
    assert integral_of(fit(*parts)) is None


def test_terms_averaged_differently_have_no_integral():
    parts = (*fit(("p_j", "1")).parts, *fit(("1{j=y}", "-1"), power=0).parts)
    assert integral_of(Fit(parts)) is None


def test_a_factor_of_the_class_count_stands_before_the_mean():
    assert integral_of(fit(("p_j", "1"), by_classes=("", "C"))) == "mean(log sum_m e^{s_m})/C"
