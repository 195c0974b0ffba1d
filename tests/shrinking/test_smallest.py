"""From a check to the smallest failing case."""

import re
import time

import numpy as np
import pytest
from corpora.parts import cross_entropy, softmax
from judging import hinge
from observed import changed, is_label, right

import gradcheck
from gradcheck.config import Config


def checked(loss, config=None, **options):
    return gradcheck.check(loss, config, **options).losses[0]


def calls_of(report):
    return sum(batch.evaluations for batch in report.batches)


def fails(report, loss):
    """Whether the snippet of a report raises."""
    (name,) = re.findall("^# (.*): the loss that was checked", report.smallest_case.snippet, re.MULTILINE)
    try:
        exec(report.smallest_case.snippet, {name: loss})
    except AssertionError:
        return True
    return False


def without_label(S, y):
    return cross_entropy(S, y)[0].mean(), softmax(S) / len(S)


def doubled(where):
    """Softmax whose dS is twice as large where a condition of S and y holds."""
    return changed("softmax", lambda dS, S, y: np.where(where(S, y), 2 * dS, dS))


def in_class(k):
    return doubled(lambda S, y: np.arange(S.shape[1]) == k)


def in_row(k):
    return doubled(lambda S, y: np.arange(len(S))[:, None] == k)


def far_out(S, y):
    """Half the square, whose derivative is off where a score is large."""
    return (S**2).sum() / 2 / len(S), (S + (abs(S) > 1.8)) / len(S)


CASES = {
    "label forgotten": (without_label, (1, 1)),
    "no mean": (changed("softmax", lambda dS, S, y: dS * len(S)), (2, 2)),
    "class 0": (in_class(0), (1, 2)),
    "class 3": (in_class(3), (1, 4)),
    "class 4": (in_class(4), (1, 5)),
    "the last class": (doubled(lambda S, y: np.arange(S.shape[1]) == S.shape[1] - 1), (1, 2)),
    "row 0": (in_row(0), (1, 2)),
    "row 2": (in_row(2), (3, 2)),
    "row 7": (in_row(7), (8, 2)),
    "batches of 8": (doubled(lambda S, y: len(S) == 8), (8, 2)),
    "batches of 3": (doubled(lambda S, y: len(S) == 3), (3, 2)),
    "label 2": (doubled(lambda S, y: (y == 2)[:, None]), (1, 3)),
    "labels rolled": (changed("softmax", lambda dS, S, y: right("softmax")(S, np.roll(y, 1))[1]), (2, 2)),
    "at ties": (hinge(2.0), (1, 2)),
    "a slip of 3e-7": (changed("softmax", lambda dS, S, y: dS * (1 + 3e-7 * is_label(S, 0 * y + 1))), (1, 2)),
    "where scores are large": (far_out, (1, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_least_rows_and_classes_are_found_within_the_calls_granted_and_the_snippet_fails(name):
    loss, size = CASES[name]
    report = checked(loss)
    assert report.smallest_case.S.shape == size
    assert report.evaluations_to_explain <= calls_of(report) / 4
    assert fails(report, loss)


ALONE = ("label forgotten", "no mean", "the last class")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float64") for name in (*ALONE, "labels rolled", "a slip of 3e-7", "row 2")),
        *((name, "float32") for name in ALONE),
    ],
)
def test_so_they_are_where_one_problem_was_all_that_was_checked(name, dtype):
    loss, size = CASES[name]
    report = checked(loss, Config(batch_sizes=[3], scores="normal", dtype=dtype))
    assert report.smallest_case.S.shape == (size if name != "row 2" else (3, 2))  # the calls suffice for no more
    assert report.smallest_case.S.dtype == dtype
    assert report.evaluations_to_explain <= calls_of(report) / 4
    assert fails(report, loss)


def test_it_has_the_code_that_leads_both_gradients_and_a_line():
    report = checked(without_label)
    case = report.smallest_case
    assert case.code == next(finding.code for finding in report.findings if finding.severity == "error")
    assert (case.S.tolist(), case.y.tolist()) == ([[0.0]], [0])
    assert case.analytic.tolist() == [[1.0]]
    assert case.numerical == pytest.approx(np.array([[0.0]]), abs=1e-12)
    assert case.line == "gradcheck.check_at(without_label, [[0.0]], [0])   dS 1, numerical 0"


def test_a_failure_at_kinks_ends_at_the_tie_itself():
    case = checked(hinge(2.0)).smallest_case
    assert abs(case.S[0, 0] - case.S[0, 1]) == 1
    assert np.array_equal(case.S, np.rint(case.S))


def test_a_wrong_gradient_is_shown_and_not_the_tie_of_a_loss_that_is_wrong_at_ties_too():
    summed = changed(hinge(5.0), lambda dS, S, y: dS * len(S))
    assert checked(summed).smallest_case.S.shape == (2, 2)


@pytest.mark.parametrize("kind", ["one-hot", "multi-hot", "real"])
def test_labels_that_are_matrices_shrink_along(kind):
    loss = changed("squared-error", lambda dS, S, Y: dS / 2)
    report = checked(loss, Config(labels={"kind": kind}))
    assert report.smallest_case.S.shape == report.smallest_case.y.shape == (1, 1)
    assert fails(report, loss)


def test_targets_of_rows_shrink_along():
    def loss(S, t):
        off = S.sum(axis=1) - t
        return (off**2).mean(), np.repeat(off[:, None], S.shape[1], axis=1) / len(S)

    report = gradcheck.check_at(loss, [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]], [0.5, 1.5, 2.25]).losses[0]
    assert report.smallest_case.S.shape == (1, 1)
    assert fails(report, loss)


def test_a_problem_given_in_float32_stays_in_it():
    report = gradcheck.check_at(without_label, np.float32([[0.1, 0.7, 0.2]]), [1]).losses[0]
    assert report.smallest_case.S.dtype == np.float32
    assert fails(report, without_label)


@pytest.mark.parametrize(("loss", "size"), [(without_label, (1, 1)), (in_class(17), (1, 18)), (in_row(30), None)])
def test_of_a_problem_checked_by_projections_what_is_wrong_is_shrunk(loss, size):
    report = checked(loss, Config(batch_sizes=[40], classes=[30], scores="normal", max_entries=100))
    assert report.batches[0].plan == "projections"
    if size is None:  # row 30 of more than 16: nothing that can be pasted is looked at
        assert report.smallest_case is None or fails(report, loss)
    else:
        assert report.smallest_case.S.shape == size
        assert fails(report, loss)
        assert report.evaluations_to_explain <= calls_of(report) / 4


def test_a_right_loss_has_none_and_what_cannot_be_pasted_is_not_shown():
    assert checked("softmax").smallest_case is None
    large = Config(batch_sizes=[40], classes=[20], scores="normal")
    assert checked(doubled(lambda S, y: S.size > 600), large).smallest_case is None


def test_a_broken_contract_is_shrunk_too():
    def loss(S, y):
        if len(S) > 1 and S.shape[1] > 2:
            S += 1
        return right("softmax")(S, y)

    report = checked(loss)
    case = report.smallest_case
    assert (case.code, case.S.shape, case.analytic) == ("mutates-input", (2, 3), None)
    assert fails(report, loss)


@pytest.mark.parametrize(("least", "size"), [(1, (1, 1)), (3, (3, 1))])
def test_a_loss_that_raises_is_tried_with_a_small_allowance_where_nothing_was_checked(least, size):
    def loss(S, y):
        if len(S) >= least:
            raise KeyError("no")
        return without_label(S, y)

    report = checked(loss, Config(batch_sizes=[8]))
    assert calls_of(report) == 0
    assert report.evaluations_to_explain <= 40
    assert report.smallest_case.S.shape == size
    assert fails(report, loss)


def test_what_raises_near_the_scores_only_is_shown_as_it_was():
    def loss(S, y):
        if not np.array_equal(S, np.rint(S)):
            raise ValueError("whole numbers, please")
        return (S**2).sum() / len(S), 2 * S / len(S)

    report = checked(loss, Config(batch_sizes=[3], scores="integers"))
    assert report.smallest_case.S.shape == (3, 5)
    assert report.smallest_case.code == "raises"
    assert fails(report, loss)


def test_what_hangs_is_shown_as_it_was_and_hangs_no_more():
    def loss(S, y):
        if len(S) > 1:
            time.sleep(60)
        return right("softmax")(S, y)

    begun = time.monotonic()
    report = checked(loss, Config(batch_sizes=[1, 3], scores="normal"), timeout=0.5)
    assert time.monotonic() - begun < 20
    assert (report.smallest_case.code, report.smallest_case.S.shape) == ("hangs", (3, 5))
    assert "timeout=0.5" in report.smallest_case.snippet


@pytest.mark.torch
@pytest.mark.parametrize("framework", ["auto", "torch"])
def test_a_loss_of_torch_shrinks_as_any_other(framework):
    pytest.importorskip("torch")

    def half(S, y):
        return (S * S.detach()).sum()

    report = checked(half, framework=framework)
    assert report.smallest_case.S.shape == (1, 1)
    assert ("framework='torch'" in report.smallest_case.snippet) == (framework == "torch")
    assert fails(report, half)
