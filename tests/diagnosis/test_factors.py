"""One factor from the numerical gradient to dS, by batch size, with the entries exchanged, or for other labels."""

import math

import draws
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import bent, changed, codes, evidence_of, findings, is_label, right

import gradcheck
from gradcheck.diagnosis.factors import batch_size, factor, misaligned, transposed

SIGNS, POWERS = st.sampled_from([1, -1]), st.sampled_from([-1, 0, 1])


@draws.few_examples
@given(draws.some_losses, draws.class_counts, draws.seeds, SIGNS, POWERS, st.booleans(), st.booleans())
def test_sign_mean_and_constant_are_each_named_and_ties_are_left_out(name, C, seed, sign, power, halved, integers):
    k = sign * (0.5 if halved and not integers else 1.0)
    shapes = [(N, C) for N in (1, 3, 8) for _ in range(2)]
    evidence = evidence_of(name, lambda a, S, y: k * float(len(S)) ** power * a, shapes, seed=seed, integers=integers)
    expected = ["sign-flipped"] * (sign < 0) + ["missing-mean"] * (power > 0) + ["averaged-twice"] * (power < 0)
    assert codes(factor(evidence)) == expected + ["constant-factor"] * (abs(k) != 1)


@pytest.mark.parametrize(
    ("k", "words"),
    [
        (2.0, "2"),
        (1 / 3, "1/3"),
        (0.9, "0.9"),
        (math.log(2), "0.693147 (log 2)"),
        (1 / math.log(2), "1.4427 (1/log 2)"),
        (1.2345678, "1.2345678"),
        (0.0, "0"),
    ],
)
def test_the_constant_is_named(k, words):
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: k * a))
    assert finding.code == "constant-factor"
    says = "dS is 0 in all 120 entries" if k == 0 else f"dS = {words} times the numerical gradient in all 120 entries"
    assert finding.message.startswith(says)


def test_the_number_of_classes_is_told_from_a_constant_where_several_were_tried():
    several = [(N, C) for N in (1, 3, 8) for C in (3, 5)]
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a / S.shape[1], several))
    assert "dS = 1/C times" in finding.message
    assert "only" not in finding.message
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a / S.shape[1]))
    assert "(or 1/5: only C = 5 was tried)" in finding.message


def test_with_one_batch_size_it_says_that_n_may_be_a_constant():
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: len(S) * a, [(4, 5), (4, 5)]))
    assert finding.code == "missing-mean"
    assert "(or 4: only N = 4 was tried)" in finding.message


def test_a_batch_size_that_is_written_as_a_number_is_named():
    first, second = factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 64))
    assert (first.code, second.code) == ("missing-mean", "constant-factor")
    assert "as if the batch size were written as 64" in second.message
    (finding,) = factor(evidence_of("softmax", lambda a, S, y: a * len(S) / 8))
    assert finding.code == "batch-size-dependent"
    assert "right at N = 8, wrong at N = 1, 3: it is N/8 times the numerical gradient" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        lambda a, S, y: a / (1e-3 + np.linalg.norm(a)),  # a factor of each problem's own
        lambda a, S, y: np.where(is_label(S, y), a, -a),
        lambda a, S, y: np.where(np.indices(S.shape).sum(axis=0) == 0, -a + 1e-3, -a),  # one entry's is another
        lambda a, S, y: a * (1 + 1.2e-7 + 8e-8 * np.sin(S)),  # some are within the tolerance
    ],
)
def test_other_defects_are_no_factor(change):
    evidence = evidence_of("one-vs-all", change)
    assert evidence.wrong
    assert codes(factor(evidence)) == []


@draws.few_examples
@given(draws.dense_losses, draws.seeds, st.booleans())
def test_the_sizes_at_which_it_is_right_are_named(name, seed, alone):
    (finding,) = batch_size(evidence_of(name, lambda a, S, y: a if (len(S) == 1) == alone else bent(a, S), seed=seed))
    assert finding.code == "batch-size-dependent"
    wrong, right = ("3, 8", "1") if alone else ("1", "3, 8")
    assert finding.message == f"dS is right at N = {right}, wrong at N = {wrong}"


@draws.few_examples
@given(draws.dense_losses, draws.seeds)
def test_rows_that_are_wrong_for_their_scores_do_not_hang_on_the_batch(name, seed):
    """One row in ten or so: the single rows are right by chance."""
    evidence = evidence_of(name, lambda a, S, y: np.where(S[:, :1] > 1.3, bent(a, S), a), seed=seed)
    if evidence.wrong and not any(seen.is_wrong for seen in evidence.observations if seen.rows == 1):
        assert codes(batch_size(evidence)) == []


@pytest.mark.parametrize("name", ["softmax", "svm", "brier"])
@pytest.mark.parametrize(
    ("change", "batch_sizes", "message", "hint"),
    [
        (lambda dS: dS.T.reshape(dS.shape), [1, 3, 8], "n.T.reshape(N, C)", "return dS.T"),
        (np.transpose, [5], "dS is the numerical gradient transposed in all ", "return dS.T, or fill dS[i, j]"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_entries_that_change_places_are_seen(name, change, batch_sizes, message, hint, dtype):
    found = findings(changed(name, lambda a, S, y: change(a)), batch_sizes=batch_sizes, dtype=dtype)
    assert found[0].code == "transposed"
    assert message in found[0].message
    assert hint in found[0].hint
    assert "not-a-gradient" not in codes(found)


def test_a_transpose_with_a_factor_is_two_defects():
    found = list(transposed(evidence_of("softmax", lambda a, S, y: 2 * a.T.reshape(a.shape))))
    assert codes(found) == ["transposed", "constant-factor"]
    assert "dS is 2 times the numerical gradient transposed" in found[0].message


@pytest.mark.parametrize(("factor", "is_named"), [(1.0000005, True), (1 + 1e-8, False)])
def test_a_factor_near_1_is_named_where_it_holds_more_exactly_than_the_tolerance(factor, is_named):
    found = findings(changed("softmax", lambda a, S, y: factor * a))
    assert ["dS = 1.0000005 times the numerical gradient" in each.message for each in found] == [True] * is_named


# --- the gradient for other labels -----------------------------------------------------------------------


def taking(other, name="softmax"):
    """A loss whose dS takes other labels."""

    def loss(S, y):
        y = y.argmax(axis=1) if y.ndim == 2 else y
        return right(name)(S, y)[0], right(name)(S, other(y, S.shape[1]))[1]

    return loss


def message_of(report):
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
        (lambda y, C: y[np.random.default_rng(len(y)).permutation(len(y))], "the labels of other rows"),
    ],
)
def test_which_labels_dS_takes_is_said(other, words, name):  # noqa: N802
    message = message_of(gradcheck.check(taking(other, name)))
    assert words in message
    assert words != "the labels of other rows" or "has the label" in message


@pytest.mark.parametrize(
    "config", [{"dtype": "float32"}, {"classes": [12]}, {"batch_sizes": [6]}, {"labels": {"kind": "one-hot"}}]
)
def test_other_labels_are_seen_in_every_kind_of_problem(config):
    assert "y[i - 1]" in message_of(gradcheck.check(taking(lambda y, C: np.roll(y, 1)), **config))


def test_a_single_row_shows_a_shifted_class():
    report = gradcheck.check_at(taking(lambda y, C: (y + 1) % C), [[0.5, -1.0, 2.0]], [0])
    assert "y + 1" in message_of(report)


@pytest.mark.parametrize(
    "change",
    [np.negative, lambda dS: 2 * dS, lambda dS: np.roll(dS, 1, axis=0), lambda dS: dS[:, ::-1], np.abs],
    ids=["sign", "factor", "rows", "classes", "abs"],
)
def test_other_defects_are_not_taken_for_other_labels_and_cost_few_calls(change):
    assert list(misaligned(evidence_of("softmax", lambda a, S, y: change(a), calls=16))) == []
