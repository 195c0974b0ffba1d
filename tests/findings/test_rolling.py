"""What is wrong for its place stays when rows and classes change theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from observed import evidence_of, is_label

from gradcheck.diagnosis.laws import Law
from gradcheck.diagnosis.regions import Region
from gradcheck.diagnosis.rolling import stays


def bent(a: Any, S: Any) -> Any:
    return a * (1.5 + np.sin(S))


def in_row(i: int) -> Any:
    return lambda a, S, y: np.where(np.arange(len(S))[:, np.newaxis] == i, bent(a, S), a)


def in_class(k: int) -> Any:
    return lambda a, S, y: np.where(np.arange(S.shape[1]) == k, bent(a, S), a)


def test_a_row_that_is_wrong_for_its_index_stays() -> None:
    evidence = evidence_of("softmax", in_row(2), [(4, 5)])
    assert stays(evidence, Region("one-row", 2)) is True
    assert evidence.ask.calls == 1


def test_a_row_that_is_wrong_for_its_scores_moves() -> None:
    evidence = evidence_of(
        "softmax", lambda a, S, y: np.where(S.max(axis=1, keepdims=True) == S.max(), 2 * a, a), [(4, 5)]
    )
    row = int(np.flatnonzero(evidence.observations[0].wrong.any(axis=1))[0])
    assert stays(evidence, Region("one-row", row)) is False


def test_a_class_stays_and_the_label_moves() -> None:
    problem = [(1, 5)]
    assert stays(evidence_of("softmax", in_class(3), problem), Region("one-class", 3)) is True
    evidence = evidence_of("softmax", lambda a, S, y: np.where(is_label(S, y), bent(a, S), a), problem)
    assert stays(evidence, Region("one-class", int(evidence.observations[0].y[0]))) is False


def test_indicators_move_with_their_classes() -> None:
    def squares(S: Any, y: Any) -> tuple[float, Any]:
        return float(((S - y) ** 2).sum()), 2 * (S - y)

    def one_hot(rng: Any, N: int, C: int) -> Any:
        return np.eye(C)[rng.integers(0, C, N)]

    assert stays(evidence_of(squares, in_class(1), [(3, 4)], labels=one_hot), Region("one-class", 1)) is True


def test_it_is_seen_beside_a_factor_and_beside_another_place() -> None:
    def both(a: Any, S: Any, y: Any) -> Any:
        return in_row(0)(-a, S, y)

    evidence = evidence_of("softmax", both, [(4, 5)])
    assert stays(evidence, Region("one-row", 0), factor=Law(-1.0)) is True
    assert stays(evidence, Region("one-row", 0)) is False

    def beside(a: Any, S: Any, y: Any) -> Any:
        return np.where(is_label(S, y), bent(a, S), in_row(0)(a, S, y))

    evidence = evidence_of("softmax", beside, [(4, 5)])
    assert stays(evidence, Region("one-row", 0), beside=Region("label-column")) is True
    assert stays(evidence, Region("one-row", 0)) is False


def test_a_value_that_changes_with_the_order_tells_nothing() -> None:
    def weighted(S: Any, y: Any) -> tuple[float, Any]:
        weights = np.arange(1.0, len(S) + 1)[:, np.newaxis]
        return float((weights * S**2).sum()), 2 * weights * S

    assert stays(evidence_of(weighted, in_row(0), [(4, 5)]), Region("one-row", 0)) is None


@pytest.mark.parametrize("calls", [0, 1])
def test_without_calls_it_cannot_be_told(calls: int) -> None:
    evidence = evidence_of("softmax", in_row(0), [(4, 5), (6, 5)], calls=calls)
    assert stays(evidence, Region("one-row", 0)) is None


def test_a_single_row_has_no_other_place() -> None:
    evidence = evidence_of("softmax", in_row(0), [(1, 5)])
    assert stays(evidence, Region("one-row", 0)) is None
    assert evidence.ask.calls == 0
