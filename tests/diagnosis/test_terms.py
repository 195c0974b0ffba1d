"""A term that dS lacks or has too much of: the label's, a penalty's, a logarithm's guard, the derivative of a link."""

import draws
import numpy as np
import pytest
from corpora.parts import sigmoid, softmax
from hypothesis import given
from hypothesis import strategies as st
from observed import changed, codes, evidence_of, findings, is_label, leading, right

import gradcheck
from gradcheck.diagnosis.terms import extra_term

SIZES = (1, 3, 8)


def off_by(k, power=-1):
    """dS is off by k N^power in the label's column."""
    return lambda a, S, y: a + k * float(len(S)) ** power * is_label(S, y)


@draws.few_examples
@given(
    draws.smooth_losses,
    draws.class_counts,
    draws.seeds,
    st.sampled_from([1.0, -1.0, 2.0, 0.8, 0.37]),
    st.sampled_from([-1, 0]),
)
def test_a_constant_in_the_label_s_column_alone_is_named(name, C, seed, k, power):
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
def test_it_says_what_the_constant_is(k, power, words):
    (finding,) = extra_term(evidence_of("softmax", off_by(k, power)))
    assert words in finding.message


@draws.few_examples
@given(draws.smooth_losses, draws.seeds, st.sampled_from([1.0, -1.0]), st.sampled_from([1, 0]))
def test_a_factor_beside_it_is_named_too(name, seed, sign, power):
    def both(a, S, y):
        return sign * float(len(S)) ** power * (a + is_label(S, y) / len(S))

    expected = ["missing-label-term", *["sign-flipped"] * (sign < 0), *["missing-mean"] * (power > 0)]
    found = list(extra_term(evidence_of(name, both, seed=seed)))
    assert codes(found) == expected
    assert ("a factor is a second defect" in found[0].message) == (len(expected) > 1)


def test_labels_that_are_no_classes_have_no_column():
    labels = {"labels": lambda rng, *shape: rng.standard_normal(shape)}
    assert codes(extra_term(evidence_of("squared-error", lambda a, S, y: a + 1 / len(S), **labels))) == []


@draws.few_examples
@given(draws.some_losses, draws.seeds, st.sampled_from([1.0, 0.1, 1e-4]), st.booleans(), st.booleans())
def test_a_penalty_that_dS_lacks_is_named(name, seed, c, is_mean, integers):  # noqa: N802
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
    ("change", "words", "factor"),
    [
        (lambda a, S: a + 0.02 * S, "dS has the gradient of a term that the value lacks, 0.01·sum S^2: dS = num", []),
        (lambda a, S: a - 0.1 * np.sign(S), "the value has a term that dS lacks, 0.1·sum |S|", []),
        (
            lambda a, S: len(S) * (a - 0.1 * S),
            "and a factor is a second defect: dS = N·numerical - 0.1N·S",
            ["missing-mean"],
        ),
        (lambda a, S: -(a - 0.1 * S), "dS = -numerical + 0.1·S", ["sign-flipped"]),
        (lambda a, S: (a - 0.1 * S) / len(S), "dS = numerical/N - 0.1·S/N", ["averaged-twice"]),
    ],
)
def test_which_penalty_is_said_and_a_factor_beside_it(change, words, factor):
    found = list(extra_term(evidence_of("softmax", lambda a, S, y: change(a, S))))
    assert codes(found) == ["missing-regularizer", *factor]
    assert words in found[0].message


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
def test_nothing_else_is_a_term(change):
    assert codes(extra_term(evidence_of("softmax", change))) == []


def label_p(S, y):
    return np.exp(-right("softmax")(S, y, reduction="none")[0])


def guarded(eps):
    """The softmax with log(p_y + eps), its gradient right."""

    def loss(S, y):
        p = label_p(S, y)
        return -np.log(p + eps).mean(), right("softmax")(S, y)[1] * (p / (p + eps))[:, np.newaxis]

    return loss


def softmax_gradient(a, S, y):
    return right("softmax")(S, y)[1]


@draws.few_examples
@given(st.sampled_from([1e-8, 1e-7, 1e-6, 1e-5, 5e-4, 1e-2]), draws.class_counts, draws.seeds)
def test_eps_is_named(eps, C, seed):
    evidence = evidence_of(guarded(eps), softmax_gradient, [(N, C) for N in SIZES], seed=seed, bound=1e-13)
    if evidence.wrong:  # some p_y is small enough
        (finding,) = extra_term(evidence)
        assert finding.code == "log-guard"
        written = f"{eps:.6g}".replace("e-0", "e-")
        assert f"the value takes log(p_y + eps) with eps = {written}, and dS is the deriv" in finding.message
        assert f"dS = numerical + {written}·numerical/p_y in all " in finding.message


def test_a_guard_in_dS_alone_is_named_as_such():  # noqa: N802
    def guarded_gradient(a, S, y):
        p = label_p(S, y)
        return a * (p / (p + 1e-4))[:, np.newaxis]

    (finding,) = extra_term(evidence_of("softmax", guarded_gradient))
    assert "dS has p_y + eps in place of p_y, with eps = 0.0001" in finding.message
    assert "dS = numerical - 0.0001·dS/p_y" in finding.message
    assert finding.hint.startswith("take eps out of dS")


@pytest.mark.parametrize("is_summed", [False, True])
@pytest.mark.parametrize("name", ["svm", "squared-hinge"])
def test_negative_margins_that_are_left_in_dS_are_named(name, is_summed):  # noqa: N802
    def left(a, S, y):
        margins = (S - S[np.arange(len(S)), y][:, np.newaxis] + 1) * ~is_label(S, y)
        below = np.minimum(margins, 0)
        return a + (below - is_summed * is_label(S, y) * below.sum(axis=1, keepdims=True)) / len(S)

    (finding,) = findings(changed(name, left), scores="normal")
    assert finding.code == ("gradient-of-another-loss" if is_summed else "other-columns")
    assert "negative are left in dS, where s_j - s_y + 1 < 0: (s_j - s_y + 1)/N" in finding.message


def test_other_slips_where_margins_are_negative_are_not_taken_for_them():
    def ones(a, S, y):
        return np.where(S - S[np.arange(len(S)), y][:, np.newaxis] + 1 < 0, -1 / len(S), a)

    assert "are left in dS" not in leading(changed("svm", ones)).message


# --- links -----------------------------------------------------------------------------------------------

#: A function of the scores, and its derivative times dp.
LINKS = {
    "exp": (np.exp, lambda S, dp: dp * np.exp(S)),
    "sigmoid": (sigmoid, lambda S, dp: dp * sigmoid(S) * (1 - sigmoid(S))),
    "softmax": (softmax, lambda S, dp: softmax(S) * (dp - (softmax(S) * dp).sum(axis=1, keepdims=True))),
    "tanh": (np.tanh, lambda S, dp: dp * (1 - np.tanh(S) ** 2)),
}


def distance(p, y):
    """The mean of sqrt(1 + (p - t)^2), and its gradient by p."""
    r = p - np.eye(p.shape[1])[y]
    root = np.sqrt(1 + r**2)
    return float(root.sum() / len(p)), r / root / len(p)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_named_where_its_derivative_is_lost_or_twice_or_the_value_lacks_it(name):
    g, through = LINKS[name]

    def right(S, y):
        value, dp = distance(g(S), y)
        return value, through(S, dp)

    assert gradcheck.check(right).passed
    for loss, words in (
        (lambda S, y: distance(g(S), y), f"dS is the derivative by p = {name}(S), and not by S"),
        (changed(right, lambda dS, S, y: through(S, dS)), f"dS has the derivative of {name} once more than it should"),
        (
            lambda S, y: (distance(S, y)[0], right(S, y)[1]),
            f"dS is the gradient of the value taken at {name}(S) in place of S",
        ),
    ):
        (finding,) = (each for each in findings(loss) if each.severity == "error")
        assert words in finding.message


def test_another_factor_is_no_link():
    def off(S, y):
        value, dp = distance(sigmoid(S), y)
        return value, dp * sigmoid(S) * (1 - sigmoid(S) ** 2)

    def other(S, y):
        return distance(S, y)[0], 1.1 * LINKS["exp"][1](S, distance(np.exp(S), y)[1])

    for loss in (off, other):
        errors = [each for each in findings(loss) if each.severity == "error"]
        assert errors
        assert not any("derivative" in each.message or "in place of S" in each.message for each in errors)
