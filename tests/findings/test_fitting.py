"""Sums of terms are recovered exactly or not at all, and what is none is not taken for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.diagnosis.dictionary import CLASS_TERMS, MATRIX_TERMS, View, jumps_of
from gradcheck.diagnosis.fitting import Sample, fits, holds
from gradcheck.diagnosis.notation import Coefficient, Fit
from gradcheck.diagnosis.probing import are_one, probes_like, simplest

NUMBERS = [
    Fraction(text) for text in ("1", "-1", "2", "-2", "1/2", "-1/3", "3/4", "5/12", "-4", "0.1", "0.05", "-0.01")
]
SHAPES = ((1, 5), (3, 5), (8, 5))

Gradient = Callable[[View], Any]


def views(shapes: Sequence[tuple[int, int]] = SHAPES, seed: int = 0, one_hot: bool = False) -> list[View]:
    """Normal scores and whole ones of each shape."""
    drawn = []
    for N, C in shapes:
        rng = np.random.default_rng([seed, N, C])
        for S in (rng.standard_normal((N, C)), rng.integers(-2, 3, size=(N, C)).astype(float)):
            y = rng.integers(0, C, size=N)
            drawn.append(View(S, np.eye(C)[y] if one_hot else y))
    return drawn


def samples(gradient: Gradient, seen: Sequence[View], error: float = 1e-13, seed: int = 0) -> list[Sample]:
    """What would be known of a gradient: it, off by up to an error; no entry where a term jumps."""
    rng = np.random.default_rng(seed)
    made = []
    for view in seen:
        values = np.asarray(gradient(view), dtype=float)
        noisy = values + error * rng.uniform(-1, 1, size=view.S.shape)
        known = ~jumps_of(CLASS_TERMS if view.y.ndim == 1 else MATRIX_TERMS, view)
        scale = float(np.abs(values).max()) or 1.0
        made.append(Sample(view, noisy, np.full(view.S.shape, error), known, 1e-9, scale))
    return made


def found(gradient: Gradient, seen: Sequence[View] | None = None, error: float = 1e-13) -> str:
    """How the gradient is written; empty where nothing may be said."""
    seen = views() if seen is None else seen
    terms = CLASS_TERMS if seen[0].y.ndim == 1 else MATRIX_TERMS
    fit = simplest(fits(samples(gradient, seen, error), terms), probes_like(seen))
    return "" if fit is None else str(fit)


def softmax(view: View) -> Any:
    return (view.p - view.y_j) / len(view.S)


@st.composite
def sums(draw: st.DrawFn, numbers: Sequence[Fraction] = NUMBERS, powers: Sequence[int] = (0, 1, 1, 1, 2)) -> Fit:
    chosen = sorted(draw(st.sets(st.integers(0, len(CLASS_TERMS) - 1), min_size=1, max_size=3)))
    number, power = st.sampled_from(numbers), st.sampled_from(powers)
    return Fit(tuple((CLASS_TERMS[k], Coefficient(draw(number), draw(power))) for k in chosen))


@given(sums(), st.integers(0, 50), st.sampled_from([1e-14, 1e-12, 1e-9, 1e-6, 1e-4]))
@settings(max_examples=80, deadline=None)
def test_a_sum_of_terms_is_recovered_exactly_or_not_at_all(fit, seed, error):
    seen = views(seed=seed)
    told = simplest(fits(samples(fit.at, seen, error, seed), CLASS_TERMS), probes_like(seen))
    assert told is None or are_one([told, fit], probes_like(seen))
    if told is not None:
        assert len(told.parts) <= len(fit.parts)


@given(sums(NUMBERS[:5], (1,)), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_sum_that_is_known_well_is_recovered(fit, seed):
    seen = views(seed=seed)
    told = simplest(fits(samples(fit.at, seen, 1e-14, seed), CLASS_TERMS), probes_like(seen))
    assert told is not None


@pytest.mark.parametrize("number", [0.731, np.pi, 1.0001])
@pytest.mark.parametrize("term", range(len(CLASS_TERMS)))
def test_a_coefficient_that_is_not_simple_is_not_shown(number, term):
    assert found(lambda view: number * CLASS_TERMS[term].of(view) / len(view.S)) == ""


@pytest.mark.parametrize("number", [0.731, 1.0001, 1 / 17, 0.3335])
@pytest.mark.parametrize("error", [1e-9, 1e-7, 1e-5, 1e-3, 1e-1])
def test_wide_bounds_round_no_coefficient_to_a_simple_one(number, error):
    said = found(lambda view: number * view.p + 0.37 * view.S, error=error)
    assert said == ""


OTHERS: dict[str, Gradient] = {
    "temperature": lambda view: np.exp(2 * view.S) / np.exp(2 * view.S).sum(axis=1, keepdims=True) - view.y_j,
    "sine": lambda view: np.sin(3 * view.S),
    "cube": lambda view: view.p**3,
    "square": lambda view: view.S**2,
    "brier": lambda view: 2 * view.p * (view.p - view.y_j - ((view.p - view.y_j) * view.p).sum(axis=1, keepdims=True)),
    "pseudo-huber": lambda view: view.S / np.sqrt(1 + view.S**2),
    "columns": lambda view: np.exp(view.S) / np.exp(view.S).sum(axis=0),
    "four terms": lambda view: view.p + view.y_j + view.S + np.exp(view.S),
    "noise": lambda view: np.random.default_rng(view.S.shape).normal(size=view.S.shape),
    "N - 1": lambda view: view.p / max(len(view.S) - 1, 1),
    "root of N": lambda view: view.p / np.sqrt(len(view.S)),
    "one entry": lambda view: softmax(view) + 1e-6 * (np.arange(view.S.size).reshape(view.S.shape) == 2),
    "one class": lambda view: softmax(view) * np.where(np.arange(view.S.shape[1]) == 2, 1.1, 1),
    "labels rolled": lambda view: (view.p - np.roll(view.y_j, 1, axis=0)) / len(view.S),
    "rounded": lambda view: np.round(softmax(view), 4),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_gradient_that_is_no_sum_of_terms_is_not_written(name):
    assert found(OTHERS[name]) == ""


def test_a_coefficient_that_is_right_at_one_batch_size_only_is_not_shown():
    assert found(lambda view: view.p / (8 if len(view.S) == 8 else 4)) == ""


@pytest.mark.parametrize(
    ("gradient", "text"),
    [
        (softmax, "p_j/N - 1{j=y}/N"),
        (lambda view: -softmax(view), "1{j=y}/N - p_j/N"),
        (lambda view: view.p / len(view.S), "p_j/N"),
        (lambda view: view.p / len(view.S) - view.y_j, "p_j/N - 1{j=y}"),
        (lambda view: softmax(view) / len(view.S), "p_j/N^2 - 1{j=y}/N^2"),
        (lambda view: softmax(view) / 3, "p_j/(3N) - 1{j=y}/(3N)"),
        (lambda view: softmax(view) + 0.01 * view.S, "p_j/N + 0.01·s_j - 1{j=y}/N"),
        (lambda view: softmax(view) + 3e-4 * view.S, "p_j/N + 0.0003·s_j - 1{j=y}/N"),
        (lambda view: 1e6 * view.p, "1e+06·p_j"),
        (lambda view: view.p * (1 - view.y_j), "1{j!=y}p_j"),
        (lambda view: view.p * (1 - view.p), "p_j - p_j^2"),
        (lambda view: view.q - view.at_label(view.q), "q_{j,y}1{j!=y} - 1{j=y}·sum_{m!=y} q_{m,y}"),
        (lambda view: (1 - view.y_j) - 4 * view.y_j, "1{j!=y} - 4·1{j=y}"),
        (lambda view: 2 * (view.S - view.y_j), "2·s_j - 2·1{j=y}"),
        (lambda view: np.ones(view.S.shape) / len(view.S), "1/N"),
    ],
)
def test_known_gradients_are_written_as_one_would(gradient, text):
    assert found(gradient) == text


def test_a_scale_is_written_as_a_power_of_ten():
    assert found(lambda view: 2e-9 * view.p, error=1e-22) == "2e-09·p_j"


def test_a_gradient_of_zero_is_written_as_such():
    seen = views()
    zero = [Sample(s.view, 0 * s.gradient, s.slack, s.entries, 0.0, 1.0) for s in samples(softmax, seen)]
    assert [str(fit) for fit in fits(zero, CLASS_TERMS)] == ["0"]


def test_a_sum_of_no_terms_holds_where_all_is_zero():
    right = samples(softmax, views())[0]
    assert not holds(Fit(()), right)
    assert holds(Fit(()), Sample(right.view, 0 * right.gradient, right.slack, right.entries, 0.0, 1.0))


def test_a_gradient_below_wide_bounds_is_not_called_zero():
    seen = views()
    blurred = [Sample(s.view, 0 * s.gradient, s.slack + 1e-3, s.entries, 0.0, 1.0) for s in samples(softmax, seen)]
    assert fits(blurred, CLASS_TERMS) == []


def test_class_counts_are_told_from_constants_where_several_were_seen():
    seen = views([(8, 5), (3, 5), (8, 4), (3, 7)])
    assert found(lambda view: view.y_j * (view.S.shape[1] - 1) / len(view.S), seen) == "(C-1)·1{j=y}/N"
    assert found(lambda view: softmax(view) / view.S.shape[1], seen) == "p_j/(NC) - 1{j=y}/(NC)"
    assert found(lambda view: 4 * view.y_j / len(view.S), seen) == "4·1{j=y}/N"


def test_one_batch_size_leaves_powers_of_n_open():
    seen = views([(4, 5)])
    assert found(lambda view: view.p / 4, seen) == ""
    told = {str(fit) for fit in fits(samples(lambda view: view.p / 4, seen), CLASS_TERMS)}
    assert told == {"p_j/N", "p_j/4", "4·p_j/N^2"}


def test_scores_that_do_not_tell_two_terms_apart_say_nothing():
    """At scores of 0.001 every margin is positive: q_{j,y} may be there or not."""
    tiny = [View(1e-3 * view.S, view.y) for view in views()]
    assert found(lambda view: view.q, tiny) == ""


def test_too_few_entries_say_nothing():
    one = [View(np.array([[0.3, -1.2]]), np.array([1])), View(np.array([[1.3, 0.2]]), np.array([0]))]
    assert found(softmax, one) == ""
    assert fits([], CLASS_TERMS) == []


def test_one_hot_labels_have_terms_of_their_own():
    seen = views(one_hot=True)
    assert found(softmax, seen) == "p_j/N - y_j/N"
    assert found(lambda view: view.p * view.p_y - view.y_j * view.p, seen) == "p_j·sum_m y_m·p_m - y_j·p_j"


def test_a_sum_holds_at_a_problem_or_not():
    seen = views()
    fit = fits(samples(softmax, seen), CLASS_TERMS)[0]
    right, off = samples(softmax, views(seed=1)), samples(OTHERS["one entry"], views(seed=1))
    assert all(holds(fit, sample) for sample in right)
    assert not all(holds(fit, sample) for sample in off)


def test_a_term_that_overflows_is_left_out():
    wild = [View(1e3 * view.S, view.y) for view in views()]
    with np.errstate(all="raise", under="ignore"):
        assert found(lambda view: view.y_j * view.S, wild) == "1{j=y}s_j"
