"""One relation between dS and the numerical gradient everywhere: a factor, a term, entries exchanged."""

from __future__ import annotations

import math
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
from gradcheck import Config
from gradcheck.diagnosis.factors import factor, transposed
from gradcheck.diagnosis.terms import extra_term

SIZES = (1, 3, 8)


def shapes(C: int, sizes: tuple[int, ...] = SIZES) -> list[tuple[int, int]]:
    return [(N, C) for N in sizes for _ in range(2)]


def squares(S: Any, y: Any) -> tuple[float, Any]:
    return float(((S - y) ** 2).sum() / len(S)), 2 * (S - y) / len(S)


def real(rng: np.random.Generator, N: int, C: int) -> Any:
    return rng.standard_normal((N, C))


# --- a factor ---------------------------------------------------------------------------------------------


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


def test_with_one_batch_size_it_says_that_n_may_be_a_constant() -> None:
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: len(S) * a, shapes(5, (4,))))
    assert finding.code == "missing-mean"
    assert "(or 4: only N = 4 was tried)" in finding.message


def test_a_batch_size_that_is_written_as_a_number_is_named() -> None:
    first, second = factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 64))
    assert (first.code, second.code) == ("missing-mean", "constant-factor")
    assert "as if the batch size were written as 64" in second.message


def test_a_law_that_is_one_at_a_size_that_was_tried_depends_on_the_batch_size() -> None:
    assert codes(factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 8))) == ["batch-size-dependent"]


@pytest.mark.parametrize("change", [
    lambda a, S, y: a / (1e-3 + np.linalg.norm(a)),  # a factor of each problem's own
    lambda a, S, y: np.where(is_label(S, y), a, -a),
    lambda a, S, y: np.where(np.indices(S.shape).sum(axis=0) == 0, -a + 1e-3, -a),  # one entry is another multiple
])  # fmt: skip
def test_other_defects_are_no_factor(change: Any) -> None:
    assert codes(factor(evidence_of("softmax", change))) == []


# --- the label's term -------------------------------------------------------------------------------------


def off_by(k: float, power: int = -1) -> Any:
    """dS is off by k N^power in the label's column."""
    return lambda a, S, y: a + k * float(len(S)) ** power * is_label(S, y)


@few_examples
@given(smooth_losses, class_counts, seeds, st.sampled_from([1.0, -1.0, 2.0, 0.8, 0.37]), st.sampled_from([-1, 0]))
def test_a_constant_in_the_label_s_column_alone_is_named(name: str, C: int, seed: int, k: float, power: int) -> None:
    assert codes(extra_term(evidence_of(name, off_by(k, power), shapes(C), seed=seed))) == ["missing-label-term"]


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
    assert codes(extra_term(evidence_of(squares, lambda a, S, y: a + 1 / len(S), labels=real))) == []


# --- a penalty --------------------------------------------------------------------------------------------


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


# --- guards of logarithms ---------------------------------------------------------------------------------


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


# --- entries exchanged ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
@pytest.mark.parametrize(
    ("change", "batch_sizes", "message", "hint"),
    [
        (lambda dS: dS.T.reshape(dS.shape), [1, 3, 8], "n.T.reshape(N, C)", "return dS.T"),
        (np.transpose, [5], "dS is the numerical gradient transposed in all ", "return dS.T, or fill dS[i, j]"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_entries_that_change_places_are_seen(
    name: str, change: Any, batch_sizes: Any, message: str, hint: str, dtype: Any
) -> None:
    loss = changed(name, lambda a, S, y: change(a))
    found = gradcheck.check(loss, Config(batch_sizes=batch_sizes, dtype=dtype)).losses[0].findings
    assert found[0].code == "transposed"
    assert message in found[0].message
    assert hint in found[0].hint
    assert "not-a-gradient" not in codes(found)


def test_a_transpose_with_a_factor_is_two_defects() -> None:
    found = list(transposed(evidence_of("softmax", lambda a, S, y: 2 * a.T.reshape(a.shape))))
    assert codes(found) == ["transposed", "constant-factor"]
    assert "dS is 2 times the numerical gradient transposed" in found[0].message


# --- in a check -------------------------------------------------------------------------------------------


def test_in_a_check_it_leads_and_stands_alone() -> None:
    report = gradcheck.check(changed("softmax", off_by(1.0)))
    assert codes(each for each in report.losses[0].findings if each.severity == "error") == ["missing-label-term"]


def test_a_right_loss_is_left_alone() -> None:
    assert gradcheck.check(right("softmax")).losses[0].findings == ()
