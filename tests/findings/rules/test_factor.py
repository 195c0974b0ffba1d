"""dS as a multiple of the gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import changed, class_counts, codes, evidence_of, few_examples, is_label, seeds, some_losses

import gradcheck
from gradcheck.diagnosis.rules.factor import factor

SIZES = (1, 3, 8)


def shapes(C: int, sizes: tuple[int, ...] = SIZES) -> list[tuple[int, int]]:
    return [(N, C) for N in sizes for _ in range(2)]


@few_examples
@given(some_losses, class_counts, seeds, st.sampled_from([1, -1]), st.sampled_from([-1, 0, 1]), st.booleans())
def test_sign_mean_and_constant_are_each_named(
    name: str, C: int, seed: int, sign: int, power: int, halved: bool
) -> None:
    k = sign * (0.5 if halved else 1.0)
    evidence = evidence_of(name, lambda a, S, y: k * float(len(S)) ** power * a, shapes(C), seed=seed)
    expected = ["sign-flipped"] * (sign < 0) + ["missing-mean"] * (power > 0) + ["averaged-twice"] * (power < 0)
    assert codes(factor(evidence)) == expected + ["constant-factor"] * halved


@few_examples
@given(some_losses, seeds, st.sampled_from([1, -1]), st.sampled_from([-1, 0, 1]))
def test_ties_are_left_out(name: str, seed: int, sign: int, power: int) -> None:
    evidence = evidence_of(name, lambda a, S, y: sign * float(len(S)) ** power * a, shapes(5), seed=seed, integers=True)
    expected = ["sign-flipped"] * (sign < 0) + ["missing-mean"] * (power > 0) + ["averaged-twice"] * (power < 0)
    assert codes(factor(evidence)) == expected


@pytest.mark.parametrize(
    ("k", "words"),
    [(2.0, "2"), (1 / 3, "1/3"), (0.9, "0.9"), (math.log(2), "0.693147 (log 2)"), (1.2345678, "1.2345678"), (0.0, "0")],
)
def test_the_constant_is_named(k: float, words: str) -> None:
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: k * a))
    assert finding.code == "constant-factor"
    says = "dS is 0 in all 120 entries" if k == 0 else f"dS = {words} times the numerical gradient in all 120 entries"
    assert finding.message.startswith(says)


def test_the_number_of_classes_is_told_from_a_constant_where_several_were_tried() -> None:
    several = [(N, C) for N in SIZES for C in (3, 5)]
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a / S.shape[1], several))
    assert "dS = 1/C times" in finding.message
    assert "only" not in finding.message
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a / S.shape[1]))
    assert "(or 1/5: only C = 5 was tried)" in finding.message


def test_of_one_batch_size_alone_it_says_that_n_is_not_told_from_a_constant() -> None:
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: len(S) * a, shapes(5, (4,))))
    assert finding.code == "missing-mean"
    assert "(or 4: only N = 4 was tried)" in finding.message


def test_a_batch_size_that_is_written_as_a_number_is_told() -> None:
    first, second = factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 64))
    assert (first.code, second.code) == ("missing-mean", "constant-factor")
    assert "as if the batch size were written as 64" in second.message


def test_a_law_that_is_one_at_a_size_that_was_tried_is_left_to_the_rule_of_batch_sizes() -> None:
    assert codes(factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 8))) == []


@few_examples
@given(some_losses, seeds)
def test_a_factor_of_each_problem_s_own_is_no_constant(name: str, seed: int) -> None:
    """As where dS is divided by its norm."""
    evidence = evidence_of(name, lambda a, S, y: a / (1e-3 + np.linalg.norm(a)), seed=seed)
    assert codes(factor(evidence)) == []


def test_a_factor_of_each_batch_size_s_own_is_told_at_each() -> None:
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a * (len(S) + 1)))
    assert finding.code == "constant-factor"
    assert "2 times the numerical gradient at N = 1, 4 times at N = 3, 9 times at N = 8" in finding.message


def test_two_entries_of_one_row_are_always_proportional_and_say_nothing() -> None:
    """Those of a softmax of two classes are u and -u, whatever the scores."""

    def other_scores(a: Any, S: Any, y: Any) -> Any:
        p = 1 / (1 + np.exp(S[:, :1] * 0.3))
        return np.hstack([p, -p])

    assert codes(factor(evidence_of("softmax", other_scores, [(1, 2)]))) == []
    assert codes(factor(evidence_of("softmax", other_scores, [(1, 2), (1, 2), (3, 2)]))) == []


def test_one_entry_a_row_takes_two_rows_that_agree() -> None:
    def largest(S: Any, y: Any) -> tuple[float, Any]:
        top = S.max(axis=1, keepdims=True) == S
        return float(S.max(axis=1).mean()), top / len(S)

    assert codes(factor(evidence_of(largest, lambda a, S, y: 3.5 * a, [(1, 5)]))) == []
    assert codes(factor(evidence_of(largest, lambda a, S, y: 3.5 * a, [(1, 5), (3, 5)]))) == ["constant-factor"]
    assert codes(factor(evidence_of(largest, lambda a, S, y: a * (1 + S**2), [(1, 5), (3, 5), (8, 5)]))) == []


@few_examples
@given(some_losses, seeds)
def test_one_entry_apart_is_enough_to_say_nothing(name: str, seed: int) -> None:
    def all_but_one(a: Any, S: Any, y: Any) -> Any:
        a = -a
        a[0, 0] += 1e-3
        return a

    assert codes(factor(evidence_of(name, all_but_one, seed=seed))) == []


def test_wide_bounds_do_not_make_a_fraction() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: 1.37 * a, bound=1e-2)
    assert all("1.37" in each.message for each in factor(evidence))


def test_float32_is_known_well_enough() -> None:
    loss = changed("softmax", lambda a, S, y: (-len(S) * a).astype(np.float32))
    report = gradcheck.check(loss, gradcheck.Config(dtype="float32"))
    assert codes(report.losses[0].findings)[:2] == ["sign-flipped", "missing-mean"]


def test_two_defects_that_are_no_factor_are_none() -> None:
    assert codes(factor(evidence_of("softmax", lambda a, S, y: np.where(is_label(S, y), a, -a)))) == []
