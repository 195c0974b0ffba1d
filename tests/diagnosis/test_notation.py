"""What is said of a wrong loss in the notes' notation, and when nothing is."""

import numpy as np
import pytest
from observed import changed, evidence_of, findings, is_label, leading, mean_of, right

from gradcheck.diagnosis.notation import explain_terms

SOFTMAX = "the gradient of your value is p_j/N - 1{j=y}/N"
WITHOUT_THE_LABEL = f"your dS = p_j/N, but {SOFTMAX}"
SVM = "q_{j,y}1{j!=y}/N - 1{j=y}·sum_{m!=y} q_{m,y}/N"
LEGEND = ", where q_{m,y} = 1{s_m - s_y + 1 > 0}"


def without_the_label(dS, S, y):
    return dS + is_label(S, y) / len(S)


@pytest.mark.parametrize(
    ("base", "change", "sentence"),
    [
        ("softmax", without_the_label, WITHOUT_THE_LABEL),
        (
            mean_of("-p_y"),
            lambda dS, S, y: right("softmax")(S, y)[1],
            "your dS = p_j/N - 1{j=y}/N, but the gradient of your value is p_y·p_j/N - 1{j=y}p_j/N",
        ),
        ("softmax", lambda dS, S, y: dS * len(S), f"your dS = p_j - 1{{j=y}}, but {SOFTMAX}"),
        ("softmax", lambda dS, S, y: -dS, f"your dS = 1{{j=y}}/N - p_j/N, but {SOFTMAX}"),
        ("softmax", lambda dS, S, y: 0 * dS, f"your dS = 0, but {SOFTMAX}"),
        (
            "svm",
            lambda dS, S, y: dS * ~is_label(S, y),
            f"your dS = q_{{j,y}}1{{j!=y}}/N, but the gradient of your value is {SVM}{LEGEND}",
        ),
        (
            "svm",
            lambda dS, S, y: dS + 0.05 * S,
            f"your dS = q_{{j,y}}1{{j!=y}}/N + 0.05·s_j - 1{{j=y}}·sum_{{m!=y}} q_{{m,y}}/N, "
            f"but the gradient of your value is {SVM}{LEGEND}",
        ),
        (
            "one-vs-all",
            lambda dS, S, y: dS / 2,
            "your dS = sigmoid(s_j)/(2N) - 1{j=y}/(2N), but the gradient of your value is sigmoid(s_j)/N - 1{j=y}/N",
        ),
        # One of the two is no sum, or neither.
        ("softmax", lambda dS, S, y: dS * [1, 1, 1.1, 1, 1], f"{SOFTMAX}, and your dS is not"),
        (
            "brier",
            lambda dS, S, y: right("softmax")(S, y)[1],
            "your dS = p_j/N - 1{j=y}/N, which is not the gradient of your value",
        ),
        ("focal", lambda dS, S, y: 2 * dS, ""),
        ("brier", lambda dS, S, y: np.random.default_rng(S.shape).normal(size=S.shape), ""),
        # A right loss.
        ("softmax", lambda dS, S, y: dS, ""),
    ],
)
def test_both_gradients_are_said_in_the_notation_of_the_notes(base, change, sentence):
    assert explain_terms(evidence_of(base, change)) == sentence


@pytest.mark.parametrize(
    ("labels", "theirs"),
    [
        (lambda rng, N, C: np.eye(C)[rng.integers(0, C, size=N)], "p_j/N - y_j/N"),
        (lambda rng, N, C: rng.standard_normal((N, C)), "p_j·sum_m y_m/N - y_j/N"),
    ],
)
def test_labels_of_each_class_are_written_as_numbers(labels, theirs):
    sentence = explain_terms(evidence_of("soft-cross-entropy", lambda dS, S, Y: dS + Y / len(S), labels=labels))
    assert sentence == f"your dS = {theirs.removesuffix(' - y_j/N')}, but the gradient of your value is {theirs}"


def test_one_batch_size_cannot_tell_powers_of_n():
    assert explain_terms(evidence_of("softmax", without_the_label, [(3, 5), (3, 5)])) == ""


def test_nothing_is_said_where_both_are_the_same_away_from_kinks():
    def at_ties(dS, S, y):
        tied = (S - S[np.arange(len(S)), y][:, None] + 1 == 0).any(axis=1, keepdims=True)
        return np.where(tied, dS + 3, dS)

    assert "your dS =" not in leading(changed("svm", at_ties)).message


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_leading_finding_begins_with_the_terms(dtype):
    first, *others = findings(changed("softmax", without_the_label), dtype=dtype)
    assert first.message.startswith(f"{WITHOUT_THE_LABEL}: ")
    assert not any("your dS =" in finding.message for finding in others)


def test_the_contract_is_not_told_by_terms():
    def mutating(S, y):
        S -= S.max(axis=1, keepdims=True)
        return changed("softmax", without_the_label)(S, y)

    finding = leading(mutating)
    assert finding.code == "mutates-input"
    assert "p_j/N" not in finding.message
