"""Losses whose labels are numbers: one-hot, multi-hot, real."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradcheck
from gradcheck.losses import BUILT_INS
from gradcheck.losses.cross_entropy import soft_cross_entropy

KINDS = {"soft-cross-entropy": "one-hot", "binary-cross-entropy": "multi-hot", "squared-error": "real"}
TWINS = {"soft-cross-entropy": "softmax", "binary-cross-entropy": "one-vs-all"}


def drawn(kind: str, seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    N, C = int(rng.integers(1, 7)), int(rng.integers(1, 9))
    t = {
        "one-hot": np.eye(C)[rng.integers(0, C, N)],
        "multi-hot": (rng.random((N, C)) < 0.5).astype(float),
        "real": rng.normal(size=(N, C)),
    }[kind]
    return scale * rng.normal(size=(N, C)), t


@pytest.mark.torch
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
@pytest.mark.parametrize("name", KINDS)
def test_it_is_torchs(name: str, scale: float) -> None:
    torch = pytest.importorskip("torch")
    losses = {
        "soft-cross-entropy": lambda s, t: torch.nn.CrossEntropyLoss()(s, t),
        "binary-cross-entropy": lambda s, t: torch.nn.BCEWithLogitsLoss(reduction="sum")(s, t) / len(s),
        "squared-error": lambda s, t: torch.nn.MSELoss(reduction="sum")(s, t) / 2 / len(s),
    }
    for seed in range(10):
        S, t = drawn(KINDS[name], seed, scale)
        value, dS = BUILT_INS[name].function(S, t)
        scores = torch.tensor(S, requires_grad=True)
        expected = losses[name](scores, torch.tensor(t))
        expected.backward()
        assert float(value) == pytest.approx(float(expected.detach()), rel=1e-12, abs=1e-15)
        np.testing.assert_allclose(dS, scores.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "twin"), TWINS.items())
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_of_one_class_a_row_it_is_the_loss_of_classes(name: str, twin: str, seed: int, scale: float) -> None:
    S, t = drawn("one-hot", seed, scale)
    expected, expected_dS = BUILT_INS[twin].function(S, t.argmax(axis=1))
    for labels in (t, t.argmax(axis=1), t.astype(int), t.astype(bool)):
        value, dS = BUILT_INS[name].function(S, labels)
        assert float(value) == pytest.approx(float(expected), rel=1e-13)
        np.testing.assert_allclose(dS, expected_dS, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_gradcheck_finds_it_right_with_its_own_kind_of_labels_and_a_slip_in_it_wrong(name: str, kind: str) -> None:
    def slipped(S: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        value, dS = BUILT_INS[name].function(S, t)
        return value, dS * (1 + 1e-6)

    assert not gradcheck.check(slipped, gradcheck.Config(labels={"kind": kind})).passed
    for dtype in ("float64", "float32"):
        report = gradcheck.check(name, gradcheck.Config(labels={"kind": kind}, trials=2, dtype=dtype))
        assert report.passed
        assert sum(batch.unresolved for batch in report.losses[0].batches) == 0


@pytest.mark.parametrize("row", [[40.0, -40.0, -50.0], [0.0, 0.0, 0.0], [1e-9, -1e-9, 1.0]])
def test_digits_are_kept_where_a_probability_nears_1(row: list[float]) -> None:
    t = [0.25, 0.75, 0.0]
    e = [Decimal(score).exp() for score in row]
    expected = [float(Decimal(e_j) / sum(e) - Decimal(t_j)) for e_j, t_j in zip(e, t, strict=True)]
    _, dS = soft_cross_entropy(np.array([row]), np.array([t]))
    np.testing.assert_allclose(dS[0], expected, rtol=1e-14)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("labels", "error"), [(np.zeros((2, 3)), ValueError), (np.zeros((2, 2), complex), TypeError), ([5, 0], ValueError)]
)
def test_labels_that_are_none_are_refused(name: str, labels: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="labels"):
        BUILT_INS[name].function(np.zeros((2, 2)), labels)
