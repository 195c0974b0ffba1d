"""dS that is right for other labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from observed import evidence_of, right

import gradcheck
from gradcheck import Config
from gradcheck.diagnosis.factors import misaligned
from gradcheck.report import Report


def taking(other: Callable[[Any, int], Any], name: str = "softmax") -> Any:
    """A loss whose dS takes other labels."""

    def loss(S: Any, y: Any) -> Any:
        return right(name)(S, y)[0], right(name)(S, other(y, S.shape[1]))[1]

    return loss


def message_of(report: Report) -> str:
    finding = report.losses[0].findings[0]
    assert finding.code == "labels-misaligned", finding
    return finding.message


@pytest.mark.parametrize("name", ["softmax", "svm", "one-vs-all"])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda y, C: (y - 1) % C, "y - 1"),
        (lambda y, C: (y + 1) % C, "y + 1"),
        (lambda y, C: C - 1 - y, "C - 1 - y"),
        (lambda y, C: np.roll(y, 1), "y[i - 1]"),
        (lambda y, C: np.roll(y, -1), "y[i + 1]"),
        (lambda y, C: y[::-1], "y in reverse"),
        (lambda y, C: np.sort(y), "y in ascending order"),
        (lambda y, C: np.full_like(y, y[0]), "y[0] for every row"),
        (lambda y, C: np.full_like(y, y[-1]), "y[-1] for every row"),
    ],
)
def test_which_labels_dS_takes_is_said(other: Any, words: str, name: str) -> None:  # noqa: N802
    assert words in message_of(gradcheck.check(taking(other, name)))


def test_rows_in_any_order_are_told_with_an_example() -> None:
    def shuffled(y: Any, C: int) -> Any:
        return y[np.random.default_rng(len(y)).permutation(len(y))]

    message = message_of(gradcheck.check(taking(shuffled)))
    assert "the labels of other rows" in message
    assert "has the label" in message


@pytest.mark.parametrize(
    "config",
    [Config(dtype="float32"), Config(classes=[12]), Config(batch_sizes=[6]), Config(labels={"kind": "one-hot"})],
    ids=lambda config: f"{config.dtype}, {config.classes}, {config.batch_sizes}, {config.labels.kind}",
)
def test_it_is_seen_in_every_kind_of_problem(config: Config) -> None:
    def loss(S: Any, y: Any) -> Any:
        labels = y.argmax(axis=1) if y.ndim == 2 else y
        return taking(lambda y, C: np.roll(y, 1))(S, labels)

    assert "y[i - 1]" in message_of(gradcheck.check(loss, config))


def test_a_single_row_shows_a_shifted_class() -> None:
    report = gradcheck.check_at(taking(lambda y, C: (y + 1) % C), [[0.5, -1.0, 2.0]], [0])
    assert "y + 1" in message_of(report)


@pytest.mark.parametrize(
    "change",
    [np.negative, lambda dS: 2 * dS, lambda dS: np.roll(dS, 1, axis=0), lambda dS: dS[:, ::-1], np.abs],
    ids=["sign", "factor", "rows", "classes", "abs"],
)
def test_other_defects_are_not_taken_for_it_and_cost_few_calls(change: Any) -> None:
    evidence = evidence_of("softmax", lambda a, S, y: change(a), calls=16)
    assert list(misaligned(evidence)) == []
