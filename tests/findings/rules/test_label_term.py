"""The label's constant: missing, twice, of the wrong sign."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import changed, class_counts, codes, evidence_of, few_examples, is_label, right, seeds, smooth_losses

import gradcheck
from gradcheck.diagnosis.rules.label_term import label_term


def off_by(k: float, power: int = -1) -> Any:
    """dS is off by k N^power in the label's column."""
    return lambda a, S, y: a + k * float(len(S)) ** power * is_label(S, y)


@few_examples
@given(smooth_losses, class_counts, seeds, st.sampled_from([1.0, -1.0, 2.0, 0.8, 0.37]), st.sampled_from([-1, 0]))
def test_a_constant_in_the_label_s_column_alone_is_named(name: str, C: int, seed: int, k: float, power: int) -> None:
    shapes = [(N, C) for N in (1, 3, 8) for _ in range(2)]
    assert codes(label_term(evidence_of(name, off_by(k, power), shapes, seed=seed))) == ["missing-label-term"]


@pytest.mark.parametrize(
    ("k", "power", "words"),
    [
        (1.0, -1, "the label's term -1{j=y}/N is missing: dS is the numerical gradient plus 1/N in the label's column"),
        (1.0, -1, "(j = y) of all 24 rows, and right elsewhere"),
        (1.0, 0, "the label's term -1{j=y} is missing: dS is the numerical gradient plus 1 in"),
        (-1.0, -1, "the label's term -1{j=y}/N is counted twice: dS is the numerical gradient minus 1/N in"),
        (2.0, -1, "the label's term -2·1{j=y}/N is missing, or -1{j=y}/N has the wrong sign"),
        (0.8, -1, "the label's term -4·1{j=y}/(5N) is missing"),
    ],
)
def test_it_says_what_the_constant_is(k: float, power: int, words: str) -> None:
    (finding,) = label_term(evidence_of("softmax", off_by(k, power)))
    assert words in finding.message


@few_examples
@given(smooth_losses, seeds, st.sampled_from([1.0, -1.0]), st.sampled_from([1, 0, -1]))
def test_a_factor_beside_it_is_named_too(name: str, seed: int, sign: float, power: int) -> None:
    def both(a: Any, S: Any, y: Any) -> Any:
        return sign * float(len(S)) ** power * (a + is_label(S, y) / len(S))

    expected = ["missing-label-term"] + ["sign-flipped"] * (sign < 0)
    expected += ["missing-mean"] * (power > 0) + ["averaged-twice"] * (power < 0)
    if power >= 0:  # twice divided, the constant is 1/N^2
        found = list(label_term(evidence_of(name, both, seed=seed)))
        assert codes(found) == expected
        assert all("second defect" in each.message or "beyond" in each.message for each in found[: len(expected) > 1])


def test_where_n_was_not_varied_it_says_so() -> None:
    (finding,) = label_term(evidence_of("softmax", off_by(1.0), [(4, 5)]))
    assert "1/N (or 1/4: only N = 4 was tried)" in finding.message


def test_one_row_is_enough_for_a_one_among_fractions() -> None:
    assert codes(label_term(evidence_of("softmax", off_by(1.0), [(1, 5)]))) == ["missing-label-term"]


def test_one_row_is_not_enough_for_any_constant() -> None:
    assert codes(label_term(evidence_of("softmax", off_by(0.37), [(1, 5)]))) == []


def test_counts_that_are_lost_are_no_constant() -> None:
    """The svm's label column at 0: in a few rows as many classes may violate."""
    for seed in range(20):
        for shapes in ([(1, 3)], [(3, 3)], [(1, 5), (3, 5)], [(8, 3)]):
            evidence = evidence_of("svm", lambda a, S, y: a * ~is_label(S, y), shapes, seed=seed)
            assert codes(label_term(evidence)) == [], (seed, shapes)


@pytest.mark.parametrize("integers", [False, True])
def test_one_too_many_in_the_svm_s_count_is_a_constant(integers: bool) -> None:
    (finding,) = label_term(evidence_of("svm", off_by(-1.0), integers=integers))
    assert "minus 1/N in the label's column" in finding.message


@few_examples
@given(smooth_losses, seeds)
def test_a_label_s_column_off_by_different_numbers_is_none(name: str, seed: int) -> None:
    evidence = evidence_of(name, lambda a, S, y: a + is_label(S, y) * np.sin(S) / len(S), seed=seed)
    assert codes(label_term(evidence)) == []


@few_examples
@given(smooth_losses, seeds)
def test_one_entry_beside_it_is_enough_to_say_nothing(name: str, seed: int) -> None:
    def beside(a: Any, S: Any, y: Any) -> Any:
        a = off_by(1.0)(a, S, y)
        a[0, (y[0] + 1) % 5] += 1e-3
        return a

    assert codes(label_term(evidence_of(name, beside, seed=seed))) == []


def test_the_same_constant_in_every_column_is_none() -> None:
    assert codes(label_term(evidence_of("softmax", lambda a, S, y: a + 1 / len(S)))) == []


def test_labels_that_are_no_classes_have_no_column() -> None:
    def squares(S: Any, y: Any) -> tuple[float, Any]:
        return float(((S - y) ** 2).sum() / len(S)), 2 * (S - y) / len(S)

    evidence = evidence_of(
        squares, lambda a, S, y: a + 1 / len(S), labels=lambda rng, N, C: rng.standard_normal((N, C))
    )
    assert codes(label_term(evidence)) == []


def test_in_a_check_it_leads_and_stands_alone() -> None:
    report = gradcheck.check(changed("softmax", off_by(1.0)))
    assert codes(each for each in report.losses[0].findings if each.severity == "error") == ["missing-label-term"]


def test_a_right_loss_is_left_alone() -> None:
    assert gradcheck.check(right("softmax")).losses[0].findings == ()
