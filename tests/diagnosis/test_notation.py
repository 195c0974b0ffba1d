"""What is said of a wrong loss in the notes' notation, and when nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck import check
from gradcheck.checking.evidence import Allowance, Evidence
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.diagnosis.notation import explain_terms
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.sampling import problems

LossFunction = Callable[[Any, Any], Any]


def evidence_of(function: LossFunction, calls: int = 40, **config: Any) -> Evidence:
    asked, loss = Config(**config), Function("test", function)
    seen = [check_problem(loss, problem, asked).case for problem in problems(asked)]
    assert None not in seen
    return Evidence(tuple(seen), asked.rtol, Allowance(loss, calls, asked.dtype))


def said(function: LossFunction, **config: Any) -> str:
    """The sentence; empty where nothing is said."""
    return explain_terms(evidence_of(function, **config))


def softmax(S: Any, y: Any) -> tuple[Any, Any]:
    """The value, and p."""
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(S)), y]).mean(), p


def without_the_label(S: Any, y: Any) -> Any:
    value, p = softmax(S, y)
    return value, p / len(S)


def without_the_log(S: Any, y: Any) -> Any:
    """The notes' own softmax, its X mended."""
    _, p = softmax(S, y)
    value = -p[np.arange(len(S)), y].mean()
    p[np.arange(len(S)), y] -= 1
    return value, p / len(S)


def changed(name: str, change: Callable[[Any, Any, Any], Any]) -> LossFunction:
    """A built-in loss, its dS changed by a function of it, S and y."""
    right = BUILT_INS[name].function

    def loss(S: Any, y: Any) -> Any:
        value, dS = right(S, y)
        return value, change(np.array(dS), S, y)

    return loss


WITHOUT_THE_LABEL = "your dS = p_j/N, but the gradient of your value is p_j/N - 1{j=y}/N"
SVM = "q_{j,y}1{j!=y}/N - 1{j=y}·sum_{m!=y} q_{m,y}/N"
LEGEND = ", where q_{m,y} = 1{s_m - s_y + 1 > 0}"


def test_a_softmax_without_the_label_lacks_the_label():
    assert said(without_the_label) == WITHOUT_THE_LABEL


def test_the_softmax_of_the_notes_has_the_gradient_of_a_log_and_the_value_without():
    sentence = "your dS = p_j/N - 1{j=y}/N, but the gradient of your value is p_y·p_j/N - 1{j=y}p_j/N"
    assert said(without_the_log) == sentence


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (
            changed("softmax", lambda dS, S, y: dS * len(S)),
            "your dS = p_j - 1{j=y}, but the gradient of your value is p_j/N - 1{j=y}/N",
        ),
        (
            changed("softmax", lambda dS, S, y: -dS),
            "your dS = 1{j=y}/N - p_j/N, but the gradient of your value is p_j/N - 1{j=y}/N",
        ),
        (
            changed("softmax", lambda dS, S, y: 0 * dS),
            "your dS = 0, but the gradient of your value is p_j/N - 1{j=y}/N",
        ),
        (
            changed("svm", lambda dS, S, y: dS * (np.arange(S.shape[1]) != y[:, None])),
            f"your dS = q_{{j,y}}1{{j!=y}}/N, but the gradient of your value is {SVM}{LEGEND}",
        ),
        (
            changed("svm", lambda dS, S, y: dS + 0.05 * S),
            f"your dS = q_{{j,y}}1{{j!=y}}/N + 0.05·s_j - 1{{j=y}}·sum_{{m!=y}} q_{{m,y}}/N, "
            f"but the gradient of your value is {SVM}{LEGEND}",
        ),
        (
            changed("one-vs-all", lambda dS, S, y: dS / 2),
            "your dS = sigmoid(s_j)/(2N) - 1{j=y}/(2N), but the gradient of your value is sigmoid(s_j)/N - 1{j=y}/N",
        ),
    ],
)
def test_both_gradients_are_said_in_the_notation_of_the_notes(loss, sentence):
    assert said(loss) == sentence


def test_a_ds_that_is_no_sum_stands_beside_a_gradient_that_is():
    one_class = changed("softmax", lambda dS, S, y: dS * np.where(np.arange(S.shape[1]) == 2, 1.1, 1))
    assert said(one_class) == "the gradient of your value is p_j/N - 1{j=y}/N, and your dS is not"


def test_a_ds_that_rounding_leaves_nothing_of_is_not_called_zero():
    rounded = changed("one-vs-all", lambda dS, S, y: np.round(dS))
    assert (
        said(rounded, batch_sizes=[3, 8])
        == "the gradient of your value is sigmoid(s_j)/N - 1{j=y}/N, and your dS is not"
    )


def test_a_ds_alone_is_said():
    def brier_value(S: Any, y: Any) -> Any:
        return BUILT_INS["brier"].function(S, y)[0], BUILT_INS["softmax"].function(S, y)[1]

    assert said(brier_value) == ("your dS = p_j/N - 1{j=y}/N, which is not the gradient of your value")


def test_nothing_is_said_where_neither_is_a_sum():
    assert said(changed("focal", lambda dS, S, y: 2 * dS)) == ""
    assert said(changed("brier", lambda dS, S, y: np.random.default_rng(S.shape).normal(size=S.shape))) == ""


def test_nothing_is_said_of_a_right_loss():
    assert said(BUILT_INS["softmax"].function) == ""
    assert said(BUILT_INS["svm"].function) == ""


def test_nothing_is_said_where_both_are_the_same_away_from_kinks():
    def at_ties(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS["svm"].function(S, y)
        tied = (S - S[np.arange(len(S)), y][:, None] + 1 == 0).any(axis=1, keepdims=True)
        return value, np.where(tied, dS + 3, dS)

    evidence = evidence_of(at_ties)
    assert evidence.wrong
    assert all((seen.wrong & ~seen.known).any() for seen in evidence.wrong)
    assert "your dS =" not in explain_terms(evidence)


def test_float32_is_said_as_float64_is():
    assert said(without_the_label, dtype="float32") == WITHOUT_THE_LABEL


def test_labels_that_are_one_hot_are_written_as_numbers():
    def one_hot(S: Any, y: Any) -> Any:
        _, p = softmax(S, y.argmax(axis=1))
        return -(y * np.log(p)).sum() / len(S), p / len(S)

    sentence = said(one_hot, labels={"kind": "one-hot"})
    assert sentence == "your dS = p_j/N, but the gradient of your value is p_j/N - y_j/N"


def test_labels_that_are_real_weigh_the_softmax():
    def real(S: Any, y: Any) -> Any:
        p = softmax(S, np.zeros(len(S), dtype=int))[1]
        return -(y * np.log(p)).sum() / len(S), (p - y) / len(S)

    sentence = said(real, labels={"kind": "real"})
    assert sentence == "your dS = p_j/N - y_j/N, but the gradient of your value is p_j·sum_m y_m/N - y_j/N"


# --- which batch sizes ------------------------------------------------------------------------------------


def test_one_batch_size_cannot_tell_powers_of_n():
    assert said(without_the_label, batch_sizes=[3]) == ""


# --- what is said of a whole run --------------------------------------------------------------------------


def test_the_leading_finding_begins_with_the_terms():
    findings = check(without_the_label).losses[0].findings
    assert findings[0].message.startswith(f"{WITHOUT_THE_LABEL}: ")
    assert not any("your dS =" in finding.message for finding in findings[1:])


def test_the_contract_is_not_told_by_terms():
    def mutating(S: Any, y: Any) -> Any:
        S -= S.max(axis=1, keepdims=True)
        return without_the_label(S, y)

    findings = check(mutating).losses[0].findings
    assert findings[0].code == "mutates-input"
    assert "p_j/N" not in findings[0].message
