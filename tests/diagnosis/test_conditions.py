"""dS that is wrong where one condition holds, or by a factor of each label, row or batch; and what only looks so."""

import draws
import numpy as np
import pytest
from corpora.parts import cross_entropy
from hypothesis import given
from hypothesis import strategies as st
from observed import at, bent, changed, evidence_of, findings, is_label, leading

import gradcheck
from gradcheck.diagnosis.conditions import in_a_region, row_factors, threshold, weights, wrong_places


def rows(S):
    return np.arange(len(S))[:, np.newaxis]


def classes(S):
    return np.arange(S.shape[1])


def contrast(S, y):
    """log(1 + e^{d(a, p) - d(a, n)}) of an anchor, a positive and a negative, thirds of a row's columns."""
    a, p, n = np.split(S, 3, axis=1)
    z = ((a - p) ** 2 - (a - n) ** 2).sum(axis=1)
    q = 2 / (1 + np.exp(-z[:, np.newaxis])) / len(S)
    return np.logaddexp(0, z).mean(), np.hstack([q * (n - p), q * (p - a), q * (a - n)])


@pytest.mark.parametrize(
    ("where", "change", "said"),
    [
        (lambda S, y: y[:, None] == 3, bent, "in rows with label 3, 20 of 20 entries"),
        (lambda S, y: y[:, None] % 2 == 1, bent, "in rows with label 1, 3 (every second), "),
        (lambda S, y: rows(S) % 2 == 0, bent, "in rows 0, 2, 4, 6 (every second), 70 of 70 entries"),
        (lambda S, y: rows(S) >= 4, lambda a, S: -a, "there dS = -1 times the numerical gradient"),
        (lambda S, y: rows(S) >= 4, bent, "in rows 4 and above, 40 of 40 entries"),
        (lambda S, y: rows(S) < len(S) - 1, bent, "in rows other than the last, 90 of 90 entries"),
        (lambda S, y: classes(S) % 3 == 0, bent, "in classes 0, 3, 48 of 48 entries"),
        (lambda S, y: classes(S) >= 2, bent, "in classes 2 and above, 72 of 72 entries"),
    ],
)
def test_rows_labels_and_classes_are_named(where, change, said):
    finding = leading(changed("label-smoothing", at(where, change)), seed=2)
    assert finding.code == "one-region"
    assert said in finding.message


def test_the_columns_of_an_anchor_are_one_place():
    (finding,) = findings(changed(contrast, at(lambda S, y: classes(S) < 3, lambda a, S: 0 * a)), classes=[9])
    assert finding.message == "dS is wrong only in classes 0, 1, 2, 66 of 72 entries; there dS = 0"
    assert gradcheck.check(contrast, classes=[9]).passed


def tukey(S, Y, within=lambda r: np.abs(r) <= 1.3):
    """The biweight: c^2/6 (1 - (1 - (r/c)^2)^3) up to c, flat beyond."""
    c, r = 1.3, S - Y
    u = np.clip(r / c, -1, 1)
    dS = np.where(within(r), r * (1 - (r / c) ** 2) ** 2, 0)
    return (c**2 / 6 * (1 - (1 - u**2) ** 3)).sum() / len(S), dS / len(S)


@pytest.mark.parametrize(
    ("within", "said"),
    [
        (lambda r: np.abs(r) <= 9, "dS is wrong only where |s_j - y_j| > 1.3, "),
        (lambda r: r <= 1.3, "dS is wrong only where s_j - y_j < -1.3, "),
        (lambda r: (abs(r) < 0.6) | (abs(abs(r) - 1.1) < 0.2), "dS is wrong only where 0.6 < |s_j - y_j| < 0.9, "),
        (lambda r: np.cos(9 * r) > 0, "no known cause fits; dS is wrong in "),
    ],
)
def test_a_threshold_is_named_of_real_labels(within, said):
    labels = {"kind": "real", "distribution": "uniform"}
    finding = leading(lambda S, Y: tukey(S, Y, within), labels=labels, trials=4, scores="normal(0, 1.5)")
    assert said in finding.message
    assert gradcheck.check(tukey, labels=labels, trials=4, scores="normal(0, 1.5)").passed


@pytest.mark.parametrize(
    ("is_wrong", "words"),
    [
        (lambda S, y: np.abs(S) > 1, ", only where |s_j| > 1;"),
        (lambda S, y: S < -0.5, ", only where s_j < -0.5;"),
        (lambda S, y: S - S[rows(S)[:, 0], y][:, None] > 0.7, ", only where s_j - s_y > 0.8;"),
        (lambda S, y: np.abs(S - is_label(S, y)) > 1, ", only where |s_j - y_j| > 1 (y one-hot);"),
        (lambda S, y: S.cumsum(axis=1) > 0, " entries; the largest error"),
    ],
)
def test_beside_a_known_value_a_threshold_is_named_too(is_wrong, words):
    evidence = evidence_of("softmax", at(is_wrong), seed=3)
    assert words in wrong_places(evidence)
    assert list(in_a_region(evidence)) == []
    finding = leading(changed("softmax", at(is_wrong)), trials=2)
    expected = ("value-of-another-loss", "other-columns") if threshold(evidence) else ("not-a-gradient",)
    assert finding.code in expected


def test_a_term_that_is_0_at_0_begins_at_no_threshold():
    def swish(S, y):
        p = 1 / (1 + np.exp(-S))
        return (S * p).sum() / len(S), p / len(S)

    finding = leading(swish)
    assert "dS is wrong only where s_j is not 0, " in finding.message
    assert "a term or a factor that is lost" in finding.hint


def test_labels_of_rows_of_which_some_are_right_are_no_condition():
    """The mean over the other rows with the row's label: its 1/n is lost, where a row has several."""

    def by_label(S, y):
        alike = (y[:, None] == y) & ~np.eye(len(S), dtype=bool)
        own = np.tanh(S[np.arange(len(S)), y])
        value, dS = float((alike * own).sum(axis=1) @ (1 / np.maximum(alike.sum(axis=1), 1))), np.zeros(S.shape)
        dS[np.arange(len(S)), y] = alike.sum(axis=0) * (1 - own**2)
        return value, dS

    for seed in range(3):
        assert "in rows with label" not in leading(by_label, seed=seed).message


@pytest.mark.parametrize(
    ("part", "size", "most"),
    [
        *((part, lambda S: S.shape, 6) for part in (0.03, 0.1, 0.3, 0.8)),  # entries
        *((part, lambda S: (len(S), 1), 8) for part in (0.1, 0.4)),  # rows
        *((part, lambda S: (1, S.shape[1]), 8) for part in (0.1, 0.4)),  # columns
    ],
)
def test_entries_rows_or_columns_that_are_wrong_anywhere_fulfil_no_condition(part, size, most):
    def found(seed):
        rng = np.random.default_rng(seed)
        how = {"base": contrast, "shapes": [(N, 6) for N in (1, 3, 8)]} if most == 6 else {"base": "one-vs-all"}
        evidence = evidence_of(change=at(lambda S, y: rng.random(size(S)) < part), seed=seed, **how)
        return bool(evidence.wrong and list(in_a_region(evidence)))

    assert sum(map(found, range(100))) <= most


# --- factors ----------------------------------------------------------------------------------------------

OF_LABELS = np.array([2.0, 0.5, 1, 3, 0.25])
FACTORS = [
    (lambda S, y: OF_LABELS[y][:, None], "of each label: 2 for label 0, 1/2 for label 1, 1 for label 2, 3 for label 3"),
    (lambda S, y: 1 / OF_LABELS, "of each class: 1/2 for class 0, 2 for class 1, 1 for class 2"),
    (lambda S, y: 1 + rows(S), "of each row: 1 for row 0, 2 for row 1, 3 for row 2, 4 for row 3, 5 for row 4, ..."),
]


@draws.few_examples
@given(draws.dense_losses, draws.seeds, st.sampled_from(FACTORS))
def test_weights_are_named_with_their_factors(name, seed, factor):
    evidence = evidence_of(name, lambda a, S, y: a * factor[0](S, y), [(N, 5) for N in (1, 3, 8, 8, 8)], seed=seed)
    (finding,) = weights(evidence)
    assert finding.code == "row-factor"
    assert finding.message.startswith("dS is the numerical gradient times a factor " + factor[1].partition(":")[0])


def test_class_weights_in_the_value_alone_are_weights_and_not_another_loss():
    def loss(S, y):
        losses, dS = cross_entropy(S, y)
        return (losses * OF_LABELS[y]).mean(), dS / len(S)

    finding = leading(loss)
    assert finding.code == "row-factor"
    factors = "1/2 for label 0, 2 for label 1, 1 for label 2, 1/3 for label 3, 4 for label 4"
    assert f"of each label: {factors}" in finding.message
    assert finding.hint.startswith("look for weights")


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (lambda a, S, y: 1 / np.linalg.norm(a, axis=1, keepdims=True), "a factor of each row of all batches: from "),
        (lambda a, S, y: 1 / np.abs(a).sum(), "a factor of each batch: from "),
        (lambda a, S, y: len(y) / OF_LABELS[y].sum(), "a factor of each batch: from "),
    ],
)
def test_a_factor_of_each_row_or_batch_is_named(factor, said):
    finding = leading(changed("one-vs-all", lambda a, S, y: a * factor(a, S, y)))
    assert finding.code == "row-factor"
    assert said in finding.message


def test_of_two_classes_any_dS_of_rows_that_sum_to_0_is_a_factor_and_none_is_named():  # noqa: N802
    evidence = evidence_of("softmax", lambda a, S, y: a * (1 + S[:, :1] ** 2), [(N, 2) for N in (1, 3, 8)])
    assert [*weights(evidence), *row_factors(evidence)] == []


def test_a_mean_over_all_entries_is_one_defect():
    (finding,) = findings(changed("one-vs-all", lambda a, S, y: a * S.size))
    assert finding.code == "constant-factor"
    assert "the value is divided by N·C, as a mean over all N·C entries is, and dS is not" in finding.message


def test_a_threshold_is_found_though_some_entries_beyond_it_are_right_by_coincidence():
    def clipped_with_a_slope(S, y):
        r = S - np.eye(S.shape[1])[y]
        value = np.where(np.abs(r) <= 0.9, r * r / 2, 0.9 * np.abs(r) - 0.405).sum(axis=1).mean()
        return value, np.where(np.abs(r) <= 0.9, r, 0.9 * r) / len(S)  # right where |r| is 1

    assert "dS is wrong only where |s_j - y_j| > 0.9 (y one-hot)" in leading(clipped_with_a_slope).message
