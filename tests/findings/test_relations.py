"""What is said of dS in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from observed import evidence_of, is_label

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.relations import relation


def label(seen: Case) -> BoolArray:
    assert seen.at_label is not None
    return seen.at_label


@pytest.mark.parametrize(
    ("change", "there"),
    [
        (lambda a, S: 0 * a, "there dS = 0"),
        (lambda a, S: a / len(S), "there dS = 1/N times the numerical gradient"),
        (lambda a, S: a / S.shape[1], "there dS = 1/C times the numerical gradient"),
        (lambda a, S: 0 * a + 2, "there dS = 2"),
        (lambda a, S: a + 0.25 / len(S), "there dS is the numerical gradient plus 1/(4N)"),
        (lambda a, S: np.where(S > 0, -a, a), "where it is wrong, dS = -1 times the numerical gradient"),
        (lambda a, S: a**3, ""),
    ],
)
def test_the_simplest_relation_is_said(change: Any, there: str) -> None:
    evidence = evidence_of(
        "softmax",
        lambda a, S, y: np.where(is_label(S, y), change(a, S), a),
        [(N, C) for N in (1, 3, 8) for C in (4, 6)],
    )
    assert relation(evidence, label) == there


def test_two_rows_are_too_few_for_a_number_that_nobody_writes() -> None:
    def loose(a: Any, S: Any, y: Any) -> Any:
        return np.where(is_label(S, y), 1.2345678 * a, a)

    assert relation(evidence_of("softmax", loose, [(2, 5)]), label) == ""
    assert (
        relation(evidence_of("softmax", loose, [(3, 5)]), label) == "there dS = 1.2345678 times the numerical gradient"
    )
