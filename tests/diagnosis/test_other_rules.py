"""Kinks, jumps, state, whole numbers, problems that test nothing, weights of rows, and what no known cause explains."""

import math
import re

import numpy as np
import pytest
from corpora import RIGHT, WRONG
from corpora.parts import balanced, cross_entropy, margins_of, of_labels
from observed import changed, codes, findings, is_label, right

import gradcheck

# --- smooth-kink ------------------------------------------------------------------------------------------


def logcosh_of_neighbours(S, y):
    """|d| + log(1 + e^{-2|d|}) of neighbouring scores, its derivative by terms, 0 where |d| has none."""
    d = np.diff(S, axis=1)
    e = np.exp(-2 * np.abs(d))
    slope = np.sign(d) * (1 - 2 * e / (1 + e)) + 0.5 * (d == 0)
    return (np.abs(d) + np.log1p(e)).sum() / len(S), -np.diff(slope, axis=1, prepend=0, append=0) / len(S)


def picked_by_equality(S, y):
    value, dS = right("squared-hinge")(S, y)
    return value, np.where((of_labels(S, y)[:, None] == S) & ~is_label(S, y), 0, dS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", [logcosh_of_neighbours, picked_by_equality])
def test_a_jump_of_dS_alone_is_named(loss, dtype):  # noqa: N802
    (finding,) = findings(loss, dtype=dtype)
    assert finding.code == "smooth-kink"
    assert "dS jumps where the value is smooth, in all " in finding.message
    assert gradcheck.check(loss, scores="normal").passed


def test_autodiff_of_two_kinks_that_cancel():
    torch = pytest.importorskip("torch")

    def bce(S, y):
        return (torch.relu(S) - S * 0.3 + torch.log1p(torch.exp(-torch.abs(S)))).sum() / len(S)

    assert codes(findings(bce, framework="torch")) == ["smooth-kink"]


@pytest.mark.parametrize(
    ("value", "slope", "code"),
    [
        (lambda S: np.maximum(S, 0), lambda S: (S > 0) + 1.5 * (S == 0), "not-a-subgradient"),
        (lambda S: S**2 / 2, lambda S: np.where(S >= 0, S + 1, S), "one-region"),  # it jumps, and is wrong beyond too
        (lambda S: S**2 / 2, lambda S: S + (np.abs(S) < 1e-3), ""),  # wrong in a region around 0 as well: no jump
        (lambda S: S**2, lambda S: np.where(S == 0, 1.0, 2 * S), "smooth-kink"),
        (lambda S: np.maximum(S, 0), lambda S: (S < 0) - 3.0 * (S >= 0), ""),  # and not a subgradient at kinks alone
    ],
)
def test_slips_at_0_are_told_from_each_other(value, slope, code):
    found = codes(findings(lambda S, y: (value(S).sum() / len(S), slope(S) / len(S))))
    assert found[0] == code if code else not {"smooth-kink", "not-a-subgradient"} & {*found}


# --- not-deterministic ------------------------------------------------------------------------------------


def kept(of, key):
    """A loss whose dS is made of something that is computed once for each key."""
    memory = {}

    def loss(S, y):
        value, dS = right("softmax")(S, y)
        computed = of(S, y, dS)
        return value, dS - computed + memory.setdefault(key(S, y), computed)

    return loss


def kept_mask():
    """svm with the margins that were violated at the first call with such S."""
    memory = {}

    def loss(S, y):
        violated = margins_of(S, y) > 0
        mask = memory.setdefault(S.shape, violated) & ~is_label(S, y)
        return right("svm")(S, y)[0], balanced(mask.astype(float), y) / len(S)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        kept(lambda S, y, dS: dS + is_label(S, y) / len(S), lambda S, y: S.shape),  # the probabilities
        kept(lambda S, y, dS: dS, lambda S, y: (S.shape, y.tobytes())),  # all of dS, by the labels
        kept(lambda S, y, dS: S.mean(axis=0) / len(S), lambda S, y: S.shape),  # a running mean that stands still
        kept_mask(),
    ],
    ids=["probabilities", "by labels", "means", "mask"],
)
def test_what_is_kept_from_the_first_call_is_not_deterministic(loss):
    (finding,) = findings(loss)
    assert (finding.code, finding.severity) == ("not-deterministic", "error")
    assert "dS depends on earlier calls: it is right at the scores of a problem" in finding.message


@pytest.mark.parametrize("score", [0.0, 5e-324, 1e-315, 1e-300])
def test_scores_as_small_as_floats_are_ask_no_steps_of_0(score):
    slopes = np.arange(1.0, 7.0).reshape(2, 3)
    assert gradcheck.check_at(lambda S, y: (float(np.sum(slopes * S)), slopes.copy()), np.full((2, 3), score), [0, 1])


@pytest.mark.parametrize(
    ("loss", "trials"),
    [
        (changed("softmax", lambda dS, S, y: np.where(S > 1.2, 0, dS)), 3),  # right in some problems
        (changed("svm", lambda dS, S, y: np.where(is_label(S, y), 1.0 - S.shape[1], 1.0) / len(S)), 2),  # no mask
    ],
)
def test_losses_that_are_wrong_by_their_scores_are_not_taken_for_those_that_keep_state(loss, trials):
    for seed in range(4):
        assert "not-deterministic" not in codes(findings(loss, seed=seed, trials=trials))


# --- removable-jump ---------------------------------------------------------------------------------------


def test_a_tie_that_is_dropped_by_its_value_is_an_error_that_names_the_entry():
    svm_ones_zeroed = WRONG["svm, margins of 1 zeroed"].function
    (finding,) = gradcheck.check_at(svm_ones_zeroed, [[0.0, 2.0, 2.0]], [2]).losses[0].findings
    assert (finding.code, finding.severity) == ("removable-jump", "error")
    assert "the value is 0 at S, but near 1 as soon as S[0, 1] = 2" in finding.message
    assert gradcheck.check_at(svm_ones_zeroed, [[0.0, 1.5, 2.0]], [2]).passed


@pytest.mark.parametrize("jump", [np.heaviside, lambda gap, at_0: np.sign(gap)], ids=["to one side", "in between"])
def test_other_jumps_are_not_removable(jump):
    def loss(S, y):
        return jump(S - of_labels(S, y)[:, None], 0.0).sum() / len(S), np.zeros_like(S)

    assert "removable-jump" not in codes(gradcheck.check_at(loss, [[2.0, 1.0, 2.0]], [0]).losses[0].findings)


# --- truncated-to-integer ---------------------------------------------------------------------------------


def made_whole(base, change):
    """A loss whose dS is a function of dS, N and y; ``changed`` would make it float again."""

    def loss(S, y):
        value, dS = base(S, y)
        return value, change(np.array(dS), len(S), y)

    return loss


@pytest.mark.parametrize(
    ("base", "change", "words", "hint"),
    [
        ("", lambda dS, N, y: dS.astype(int), "the numerical gradient truncated towards 0", "make dS an array"),
        ("", lambda dS, N, y: np.floor(dS).astype(np.int8), "the numerical gradient rounded down", "//"),
        ("", lambda dS, N, y: np.floor(dS), "the numerical gradient rounded down", "look for round"),
        ("", lambda dS, N, y: np.round(dS), "the numerical gradient rounded to whole numbers", "look for round"),
        ("", lambda dS, N, y: np.ceil(dS), "the numerical gradient rounded up", "look for round"),
        ("", lambda dS, N, y: (N * dS).astype(int), "N times the numerical gradient truncated towards 0", ""),
        ("svm", lambda dS, N, y: np.rint(N * dS).astype(int) // N, "came as an array of integers", "//"),
        # One row is right as integers, and all are 0.
        ("svm", lambda dS, N, y: dS.astype(int), "came as an array of integers", "make dS an array of floats"),
        ("softmax", lambda dS, N, y: dS.astype(int), "came as an array of integers", "make dS an array of floats"),
    ],
)
def test_the_way_it_was_made_whole_is_named(base, change, words, hint):
    found = findings(made_whole(right(base) if base else RIGHT["squared error to one-hot"], change))
    (finding,) = [each for each in found if each.code == "truncated-to-integer"]
    assert finding.severity == "error"
    assert words in finding.message
    assert hint in finding.hint


def test_counts_with_a_wrong_column_are_counts_still():
    def counts(dS, N, y):
        dS[np.arange(N), y] = 0
        return np.rint(N * dS).astype(int)

    assert "truncated-to-integer" not in codes(findings(made_whole(right("svm"), counts)))


def test_it_leads_and_gives_an_example_with_its_place():
    loss = made_whole(RIGHT["squared error to one-hot"], lambda dS, N, y: dS.astype(int))
    finding = gradcheck.check_at(loss, [[0.75, 0.25]], [1]).losses[0].findings[0]
    assert finding.code == "truncated-to-integer"
    assert "dS[0, 0] = 1, where the numerical gradient is 1.5 (batch size 1" in finding.message


# --- vacuous ----------------------------------------------------------------------------------------------


def test_a_loss_that_never_changes_passes_with_a_warning():
    def flat(S, y):
        return 3.0, np.zeros_like(S)

    (finding,) = findings(flat, batch_sizes=[3], scores="normal")
    assert (finding.code, finding.severity) == ("vacuous", "warning")
    assert "0 in all 15 entries of the one problem: nothing was tested" in finding.message
    assert gradcheck.check(flat).passed
    assert not gradcheck.check(flat, strict=True).passed


# --- not-the-mean -----------------------------------------------------------------------------------------


def square(S, y):
    return S**2, 2 * S


def weighing(weight, rows=square):
    """A loss that takes so many times the sum of its rows."""

    def loss(S, y):
        losses, dS = rows(S, y)
        return weight(len(S)) * losses.sum(), weight(len(S)) * dS

    return loss


@pytest.mark.parametrize(
    ("weight", "rows", "words"),
    [
        (lambda N: 1 / N**2, square, "counts 1/9 at N = 3, 1/64 at N = 8 of its value alone"),
        (lambda N: 1 / math.sqrt(N), square, "0.57735 at N = 3, 0.35355 at N = 8 of"),
        (lambda N: 1 / max(N - 1, 1), square, "counts 1/2 at N = 3, 1/7 at N = 8 of"),
        (lambda N: 1 / (N + 1), square, "counts 1/2 at N = 3, 2/9 at N = 8 of"),
        (lambda N: {1: 1.0, 3: 0.7, 8: 0.3}[N], square, "counts 0.7 at N = 3, 0.3 at N = 8 of"),
        (lambda N: 1 / 64, cross_entropy, "1/64 of softmax's, at every N"),  # beside a built-in
    ],
)
def test_the_weight_of_a_row_is_named(weight, rows, words):
    (finding,) = findings(weighing(weight, rows))
    assert (finding.code, finding.severity) == ("not-the-mean", "warning")
    assert words in finding.message


@pytest.mark.parametrize("rows", [square, cross_entropy])
@pytest.mark.parametrize("weight", [lambda N: 1 / N, lambda N: 1.0, lambda N: 0.2 / N], ids=["mean", "sum", "part"])
def test_a_mean_and_a_sum_are_not_named(rows, weight):
    assert "not-the-mean" not in codes(findings(weighing(weight, rows)))


def weighted(weights):
    """Softmax whose rows weigh what their labels say."""

    def loss(S, y):
        losses, dS = cross_entropy(S, y)
        return weights(y) @ losses, weights(y)[:, None] * dS

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        weighted(lambda y: (y / 2 + 1) / (y / 2 + 1).sum()),
        weighted(lambda y: 1 / np.bincount(y)[y]),
        lambda S, y: (((S - S.mean(axis=0)) ** 2).sum() / len(S), 2 * (S - S.mean(axis=0)) / len(S)),
        lambda S, y: (right("softmax")(S, y)[0] + 0.1 * (S**2).sum(), right("softmax")(S, y)[1] + 0.2 * S),
    ],
    ids=["by class", "by count", "coupled rows", "a penalty"],
)
def test_rows_of_unequal_or_coupled_weight_are_no_defect(loss):
    for batch_sizes in ([2], [3], [1, 3, 8]):
        assert "not-the-mean" not in codes(findings(loss, batch_sizes=batch_sizes))


# --- not-a-gradient, and no known cause -------------------------------------------------------------------


def beside_a_sine(gradient, per_sample=False):
    """A dS beside a value that it does not belong to."""

    def each_row(S, y, reduction="mean"):
        values, dS = np.sin(3 * S).sum(axis=1), gradient(S, y)
        return (values, len(S) * dS) if reduction == "none" else (values.mean(), dS)

    return each_row if per_sample else lambda S, y: each_row(S, y)


def normalised(S, y):
    """The norm of a row is taken for a constant."""
    return -1.0 * is_label(S, y) / np.sqrt(1 + (S**2).sum(axis=1, keepdims=True)) / len(S)


def pairs(S, y):
    """The gradient of sum_m sin(s_m s_{m+1})."""
    after, before = np.roll(S, -1, axis=1), np.roll(S, 1, axis=1)
    return (np.cos(S * after) * after + np.cos(before * S) * before) / len(S)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_a_jacobian_that_is_not_symmetric_is_an_error(dtype, per_sample):
    found = findings(beside_a_sine(normalised, per_sample), scores="normal", dtype=dtype)
    (finding,) = (each for each in found if each.code == "not-a-gradient")
    assert "its Jacobian J is not symmetric" in finding.message
    assert finding.hint.startswith("look at dS")
    assert "gradient-of-another-loss" not in codes(found)


@pytest.mark.parametrize(
    "gradient",
    [
        lambda S, y: np.tanh(S) / len(S),
        pairs,
        lambda S, y: np.where(np.arange(S.shape[1]) % 2 == 0, np.sign(S), 0.5) / len(S),  # of a piecewise linear one
        lambda S, y: np.floor(1e4 * S).cumsum(axis=1) % 2 / len(S),  # kinks everywhere
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_gradient_of_an_unknown_loss_fits_no_known_cause(gradient, dtype):
    (finding,) = findings(beside_a_sine(gradient), scores="normal", dtype=dtype)
    assert finding.code == "gradient-of-another-loss"
    assert "no known cause fits; dS is wrong in " in finding.message
    assert "where the numerical gradient is" in finding.message


def test_slopes_that_differ_in_late_digits_are_shown_with_them():
    def eps_in_each_class(S, y):
        e = np.exp(S - S.max(axis=1, keepdims=True))
        total = e.sum(axis=1, keepdims=True)
        value = -np.log(of_labels(e, y) / (total[:, 0] + 1e-6)).mean()
        return value, (e / (total + 1e-6 * S.shape[1]) - is_label(S, y)) / len(S)

    (finding,) = findings(eps_in_each_class)
    first, second = re.findall(r"J·d\d = (\S+)", finding.message)
    assert finding.code == "not-a-gradient"
    assert first != second
