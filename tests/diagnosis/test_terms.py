"""A term that dS lacks or has too much of: the label's, a penalty's, the guard of a logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import (
    LossFunction,
    changed,
    class_counts,
    codes,
    evidence_of,
    few_examples,
    is_label,
    right,
    seeds,
    smooth_losses,
    some_losses,
)

import gradcheck
from gradcheck.diagnosis.terms import extra_term

SIZES = (1, 3, 8)


def off_by(k: float, power: int = -1) -> Any:
    """dS is off by k N^power in the label's column."""
    return lambda a, S, y: a + k * float(len(S)) ** power * is_label(S, y)


@few_examples
@given(smooth_losses, class_counts, seeds, st.sampled_from([1.0, -1.0, 2.0, 0.8, 0.37]), st.sampled_from([-1, 0]))
def test_a_constant_in_the_label_s_column_alone_is_named(name: str, C: int, seed: int, k: float, power: int) -> None:
    evidence = evidence_of(name, off_by(k, power), [(N, C) for N in SIZES for _ in range(2)], seed=seed)
    assert codes(extra_term(evidence)) == ["missing-label-term"]


@pytest.mark.parametrize(
    ("k", "power", "words"),
    [
        (1.0, -1, "the label's term -1{j=y}/N is missing: dS = numerical + 1{j=y}/N in all 120 entries"),
        (1.0, 0, "the label's term -1{j=y} is missing: dS = numerical + 1{j=y} in"),
        (-1.0, -1, "the label's term -1{j=y}/N is counted twice: dS = numerical - 1{j=y}/N in"),
        (2.0, -1, "the label's term -2·1{j=y}/N is missing, or -1{j=y}/N has the wrong sign"),
        (0.8, -1, "the label's term -4·1{j=y}/(5N) is missing"),
    ],
)
def test_it_says_what_the_constant_is(k: float, power: int, words: str) -> None:
    (finding,) = extra_term(evidence_of("softmax", off_by(k, power)))
    assert words in finding.message


@few_examples
@given(smooth_losses, seeds, st.sampled_from([1.0, -1.0]), st.sampled_from([1, 0]))
def test_a_factor_beside_it_is_named_too(name: str, seed: int, sign: float, power: int) -> None:
    def both(a: Any, S: Any, y: Any) -> Any:
        return sign * float(len(S)) ** power * (a + is_label(S, y) / len(S))

    expected = ["missing-label-term", *["sign-flipped"] * (sign < 0), *["missing-mean"] * (power > 0)]
    found = list(extra_term(evidence_of(name, both, seed=seed)))
    assert codes(found) == expected
    assert ("a factor is a second defect" in found[0].message) == (len(expected) > 1)


@pytest.mark.parametrize("integers", [False, True])
def test_one_too_many_in_the_svm_s_count_is_a_constant(integers: bool) -> None:
    (finding,) = extra_term(evidence_of("svm", off_by(-1.0), integers=integers))
    assert "dS = numerical - 1{j=y}/N" in finding.message


def test_labels_that_are_no_classes_have_no_column() -> None:
    def squares(S: Any, y: Any) -> tuple[float, Any]:
        return float(((S - y) ** 2).sum() / len(S)), 2 * (S - y) / len(S)

    def real(rng: np.random.Generator, N: int, C: int) -> Any:
        return rng.standard_normal((N, C))

    assert codes(extra_term(evidence_of(squares, lambda a, S, y: a + 1 / len(S), labels=real))) == []


@few_examples
@given(some_losses, seeds, st.sampled_from([1.0, 0.1, 1e-4]), st.booleans(), st.booleans())
def test_a_penalty_that_dS_lacks_is_named(name: str, seed: int, c: float, is_mean: bool, integers: bool) -> None:  # noqa: N802
    evidence = evidence_of(name, lambda a, S, y: a - c * S / (len(S) if is_mean else 1), seed=seed, integers=integers)
    (finding,) = extra_term(evidence)
    assert finding.code == "missing-regularizer"
    if not integers:
        over = "/N" if is_mean else ""
        size, half = {1.0: ("S", "sum S^2/2"), 0.1: ("0.1·S", "0.05·sum S^2"), 1e-4: ("0.0001·S", "5e-5·sum S^2")}[c]
        half = "sum S^2/(2N)" if is_mean and c == 1.0 else half + over
        assert finding.message.startswith(f"the value has a term that dS lacks, {half}: dS = numerical - {size}{over} ")
        assert finding.hint == f"add {size}{over} to dS, or take {half} out of the value"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, S: a + 0.02 * S, "dS has the gradient of a term that the value lacks, 0.01·sum S^2: dS = numerical"),
        (lambda a, S: a - 0.1 * np.sign(S), "the value has a term that dS lacks, 0.1·sum |S|"),
        (lambda a, S: len(S) * (a - 0.1 * S), "S^2, and a factor is a second defect: dS = N·numerical - 0.1N·S"),
        (lambda a, S: -(a - 0.1 * S), "dS = -numerical + 0.1·S"),
    ],
)  # fmt: skip
def test_which_penalty_is_said(change: Any, words: str) -> None:
    assert words in next(iter(extra_term(evidence_of("softmax", lambda a, S, y: change(a, S))))).message


@pytest.mark.parametrize(
    ("scale", "code"),
    [(lambda N: N, "missing-mean"), (lambda N: -1, "sign-flipped"), (lambda N: 1 / N, "averaged-twice")],
)
def test_a_factor_beside_a_penalty_is_named_too(scale: Any, code: str) -> None:
    evidence = evidence_of("softmax", lambda a, S, y: scale(len(S)) * (a - 0.1 * S))
    assert codes(extra_term(evidence)) == ["missing-regularizer", code]


@pytest.mark.parametrize(
    "change",
    [
        lambda a, S, y: a - 0.1 * S**2,
        lambda a, S, y: a - 0.1 * S * (np.arange(len(S)) > 0)[:, np.newaxis],  # not the first row's
        lambda a, S, y: a - 0.1 * S * (np.arange(S.shape[1]) > 0),
        lambda a, S, y: a + is_label(S, y) * np.sin(S) / len(S),
        lambda a, S, y: a + 1 / len(S),
        lambda a, S, y: a * 1.001,
        lambda a, S, y: a * (1 + 1e-3 * label_p(S, y))[:, np.newaxis],  # it grows with p_y
        lambda a, S, y: a * (1 + 1e-3 / label_p(S, y) ** 2)[:, np.newaxis],
        lambda a, S, y: a * (1 + 1e-3 * (np.arange(len(S)) == 0))[:, np.newaxis],  # one row
        lambda a, S, y: a + np.where(np.indices(S.shape).sum(axis=0) == 0, 1e-3, is_label(S, y) / len(S)),
    ],
)
def test_nothing_else_is_a_term(change: Any) -> None:
    assert codes(extra_term(evidence_of("softmax", change))) == []


def label_p(S: Any, y: Any) -> Any:
    return np.exp(-right("softmax")(S, y, reduction="none")[0])  # type: ignore[call-arg]


def guarded(eps: float) -> LossFunction:
    """The softmax with log(p_y + eps), its gradient right."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        p = label_p(S, y)
        return -np.log(p + eps).mean(), right("softmax")(S, y)[1] * (p / (p + eps))[:, np.newaxis]

    return loss


def softmax_gradient(a: Any, S: Any, y: Any) -> Any:
    return right("softmax")(S, y)[1]


@few_examples
@given(st.sampled_from([1e-8, 1e-7, 1e-6, 1e-5, 5e-4, 1e-2]), class_counts, seeds)
def test_eps_is_named(eps: float, C: int, seed: int) -> None:
    evidence = evidence_of(guarded(eps), softmax_gradient, [(N, C) for N in SIZES], seed=seed, bound=1e-13)
    if evidence.wrong:  # some p_y is small enough
        (finding,) = extra_term(evidence)
        assert finding.code == "log-guard"
        written = f"{eps:.6g}".replace("e-0", "e-")
        assert f"the value takes log(p_y + eps) with eps = {written}, and dS is the deriv" in finding.message
        assert f"dS = numerical + {written}·numerical/p_y in all " in finding.message


def test_a_guard_in_dS_alone_is_named_as_such() -> None:  # noqa: N802
    def guarded_gradient(a: Any, S: Any, y: Any) -> Any:
        p = label_p(S, y)
        return a * (p / (p + 1e-4))[:, np.newaxis]

    (finding,) = extra_term(evidence_of("softmax", guarded_gradient))
    assert "dS has p_y + eps in place of p_y, with eps = 0.0001" in finding.message
    assert "dS = numerical - 0.0001·dS/p_y" in finding.message
    assert finding.hint.startswith("take eps out of dS")


def test_in_a_check_it_leads_and_stands_alone() -> None:
    report = gradcheck.check(changed("softmax", off_by(1.0)))
    assert codes(each for each in report.losses[0].findings if each.severity == "error") == ["missing-label-term"]
