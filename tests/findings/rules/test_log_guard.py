"""log(p + eps) in the value, log(p) in dS; or the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import LossFunction, changed, class_counts, codes, evidence_of, right, seeds

import gradcheck
from gradcheck.diagnosis.rules.log_guard import log_guard


def label_p(S: Any, y: Any) -> Any:
    return np.exp(-right("softmax")(S, y, reduction="none")[0])  # type: ignore[call-arg]


def guarded(eps: float) -> LossFunction:
    """The softmax with log(p_y + eps), its gradient right."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        p = label_p(S, y)
        dS = right("softmax")(S, y)[1]
        return -np.log(p + eps).mean(), dS * (p / (p + eps))[:, np.newaxis]

    return loss


def plain(a: Any, S: Any, y: Any) -> Any:
    return right("softmax")(S, y)[1]


@given(st.sampled_from([1e-8, 1e-7, 1e-6, 1e-5, 5e-4, 1e-2]), class_counts, seeds)
def test_eps_is_named(eps: float, C: int, seed: int) -> None:
    shapes = [(N, C) for N in (1, 3, 8)]
    evidence = evidence_of(guarded(eps), plain, shapes, seed=seed, bound=1e-13)
    if not evidence.wrong:  # no p_y is small enough for 1e-8
        return
    (finding,) = log_guard(evidence)
    assert finding.code == "log-guard"
    written = f"{eps:.0e}".replace("e-0", "e-")
    assert f"each row of dS is the numerical gradient's times 1 + eps/p_y, with eps = {written}: " in finding.message


def test_how_far_off_dS_is_and_both_mends_are_told() -> None:  # noqa: N802
    evidence = evidence_of(guarded(1e-3), plain)
    (finding,) = log_guard(evidence)
    worst = max(1e-3 / label_p(seen.S, seen.y).min() for seen in evidence.observations)
    assert f"off by up to {worst / (1 + worst):.1e}" in finding.message
    assert "log(sum_m e^{s_m}) - s_y" in finding.hint
    assert "multiply dS by p_y/(p_y + eps)" in finding.hint


@pytest.mark.parametrize(("eps", "words"), [(np.finfo(np.float32).eps, "float32's epsilon"), (3.21e-4, "3.21e-4")])
def test_other_numbers_are_written_as_they_are(eps: float, words: str) -> None:
    (finding,) = log_guard(evidence_of(guarded(float(eps)), plain))
    assert words in finding.message


def test_a_guard_in_dS_alone_is_told_as_such() -> None:  # noqa: N802
    def guarded_gradient(a: Any, S: Any, y: Any) -> Any:
        p = label_p(S, y)
        return a * (p / (p + 1e-4))[:, np.newaxis]

    (finding,) = log_guard(evidence_of("softmax", guarded_gradient))
    assert "each row of the numerical gradient is dS's times 1 + eps/p_y, with eps = 1e-4" in finding.message
    assert finding.hint.startswith("take eps out of dS")


@pytest.mark.parametrize("labels", ["class", "one-hot", "multi-hot"])
def test_a_guard_on_every_class_s_own_probability_is_told(labels: str) -> None:
    def logistic(S: Any, y: Any) -> tuple[Any, Any]:
        t = (np.arange(S.shape[1]) == y[:, np.newaxis]) if y.ndim == 1 else y
        g = 1 / (1 + np.exp(-S))
        value = -(t * np.log(g + 1e-6) + (1 - t) * np.log(1 - g + 1e-6)).sum() / len(S)
        return value, (g - t) / len(S)

    report = gradcheck.check(logistic, gradcheck.Config(labels={"kind": labels}))  # type: ignore[arg-type]
    finding = report.losses[0].findings[0]
    assert finding.code == "log-guard"
    assert "each entry of dS is the numerical gradient's times 1 + eps/q_j, with eps = 1e-6" in finding.message


def test_a_guard_is_told_where_all_probabilities_are_nearly_one() -> None:
    """At scores of 0.001 every p_y is 1/C but for a thousandth, and the guard nearly a constant factor."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        p = label_p(S, y)
        return -np.log(p + 1e-3).mean(), plain(None, S, y)

    report = gradcheck.check(loss, gradcheck.Config(scores="normal(0, 0.001)"))  # type: ignore[arg-type]
    assert "eps = 1e-3" in report.losses[0].findings[0].message


@pytest.mark.parametrize(
    "change",
    [
        lambda a, S, y: a * 1.001,  # one factor for all
        lambda a, S, y: a * (1 + 1e-3 * label_p(S, y))[:, np.newaxis],  # it grows with p_y
        lambda a, S, y: a * (1 + 1e-3 / label_p(S, y) ** 2)[:, np.newaxis],
        lambda a, S, y: a * (1 + 1e-3 * (np.arange(len(S)) == 0))[:, np.newaxis],  # one row
        lambda a, S, y: a + 1e-3,
    ],
)
def test_other_factors_are_no_guard(change: Any) -> None:
    assert codes(log_guard(evidence_of("softmax", change))) == []


def test_nothing_is_said_without_labels_that_are_classes() -> None:
    def real(rng: np.random.Generator, N: int, C: int) -> Any:
        return rng.standard_normal((N, C))

    def square(S: Any, y: Any) -> tuple[Any, Any]:
        return ((S - y) ** 2).sum(), 2 * (S - y)

    evidence = evidence_of(changed(square, lambda a, S, y: a), lambda a, S, y: 2 * a, labels=real)
    assert codes(log_guard(evidence)) == []
