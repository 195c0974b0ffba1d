"""A penalty in the value or in dS alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import codes, evidence_of, seeds, some_losses

from gradcheck.diagnosis.rules.regularizer import missing_regularizer


@given(some_losses, seeds, st.sampled_from([1.0, 0.1, 1e-4]), st.sampled_from(["", "/N"]))
def test_what_dS_lacks_is_named(name: str, seed: int, c: float, over: str) -> None:  # noqa: N802
    evidence = evidence_of(name, lambda a, S, y: a - c * S / (len(S) if over else 1), seed=seed)
    (finding,) = missing_regularizer(evidence)
    assert finding.code == "missing-regularizer"
    assert finding.message.startswith(f"dS - numerical = -{c:g} S{over} in all 120 entries: the value has a term that")
    assert f"that dS lacks, {c / 2:g} sum S^2{over}" in finding.message
    assert finding.hint == f"add {c:g} S{over} to dS, or take it out of the value"


@given(some_losses, seeds)
def test_ties_are_left_out(name: str, seed: int) -> None:
    evidence = evidence_of(name, lambda a, S, y: a - 0.1 * S, seed=seed, integers=True)
    assert codes(missing_regularizer(evidence)) == ["missing-regularizer"]


def test_what_the_value_lacks_is_named() -> None:
    (finding,) = missing_regularizer(evidence_of("softmax", lambda a, S, y: a + 0.02 * S))
    assert "dS - numerical = 0.02 S in all 120 entries: dS has the gradient of a term" in finding.message
    assert finding.hint == "add 0.01 sum S^2 to the value, or take it out of dS"


def test_a_penalty_of_sizes_is_named() -> None:
    (finding,) = missing_regularizer(evidence_of("softmax", lambda a, S, y: a - 0.1 * np.sign(S)))
    assert "the value has a term that dS lacks, 0.1 sum |S|" in finding.message


def test_a_mean_over_all_entries_needs_two_class_counts() -> None:
    def mean_ridge(a: Any, S: Any, y: Any) -> Any:
        return a - 0.1 * S / S.size

    (finding,) = missing_regularizer(evidence_of("softmax", mean_ridge, [(1, 5), (3, 5)]))
    assert "0.02 S/N" in finding.message
    assert "(C = 5 throughout: its factor may hang on C)" in finding.message
    (finding,) = missing_regularizer(evidence_of("softmax", mean_ridge, [(2, 5), (3, 4)]))
    assert "-0.1 S/(N C)" in finding.message


def test_one_batch_size_does_not_tell_c_from_c_over_n() -> None:
    (finding,) = missing_regularizer(evidence_of("softmax", lambda a, S, y: a - 0.1 * S, [(3, 5)]))
    assert "(N = 3 throughout: its factor may hang on N)" in finding.message


@pytest.mark.parametrize(
    ("scale", "code", "says"),
    [
        (lambda N: N, "missing-mean", "dS = N times (numerical - 0.1 S)"),
        (lambda N: -1, "sign-flipped", "dS = -1 times (numerical - 0.1 S)"),
        (lambda N: 1 / N, "averaged-twice", "dS = 1/N times (numerical - 0.1 S)"),
    ],
)
def test_a_factor_beside_it_is_named_too(scale: Any, code: str, says: str) -> None:
    regularizer, factor = missing_regularizer(evidence_of("softmax", lambda a, S, y: scale(len(S)) * (a - 0.1 * S)))
    assert says in regularizer.message
    assert factor.code == code
    assert "less that term" in factor.message


@pytest.mark.parametrize(
    "change",
    [
        lambda a, S, y: a - 0.1 * S**2,
        lambda a, S, y: a - 0.1,
        lambda a, S, y: a - 0.1 * S * (np.arange(len(S)) > 0)[:, np.newaxis],  # not the first row's
        lambda a, S, y: a - 0.1 * S * (np.arange(S.shape[1]) > 0),
        lambda a, S, y: a - 0.1 * S / len(S) ** 2,
        lambda a, S, y: 2 * a,
    ],
)
def test_nothing_else_is_a_regularizer(change: Any) -> None:
    assert codes(missing_regularizer(evidence_of("softmax", change))) == []


def ridge(S: Any, y: Any) -> tuple[Any, Any]:
    return (S**2).sum() / len(S), 2 * S / len(S)


@pytest.mark.parametrize("factor", [0.0, 0.5, 3.0])
def test_a_factor_of_a_penalty_by_itself_is_none_that_is_missing(factor: float) -> None:
    assert codes(missing_regularizer(evidence_of(ridge, lambda a, S, y: factor * a))) == []
