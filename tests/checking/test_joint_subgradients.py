"""Subgradients that are right entry by entry: a matrix of them that is no subgradient is found."""

import numpy as np
import pytest
from corpora import WRONG as WRONG_LOSSES
from judging import hinge, ranked, times

from gradcheck.api import check
from gradcheck.config import Config


def shared(k):
    """The same, all that tie having equal shares of the derivative."""

    def loss(S, y):
        value, _ = ranked(k)(S, y)
        tie = np.sort(S, axis=1)[:, ::-1][:, k % S.shape[1], np.newaxis] == S
        return value, tie / tie.sum(axis=1, keepdims=True) / len(S)

    return loss


def combined(*terms):
    def loss(S, y):
        answers = [(weight, *term(S, y)) for weight, term in terms]
        return sum(w * value for w, value, _ in answers), sum(w * dS for w, _, dS in answers)

    return loss


def largest_of_all(S, y):
    """One maximum of the whole batch."""
    dS = np.zeros(S.shape)
    dS.flat[S.argmax()] = 1
    return S.max(), dS


RIGHT = {
    **{f"the {k}-th, first of ties": ranked(k) for k in range(4)},
    **{f"the {k}-th, last of ties": ranked(k, last=True) for k in range(3)},
    **{f"the {k}-th, shared": shared(k) for k in range(3)},
    "the first two apart": combined((1, ranked(0)), (-1, ranked(1))),
    "convex less concave: max s - 2 min s": combined((1, ranked(0)), (-2, ranked(-1))),
    "hinge, shares that differ from class to class": lambda S, y: hinge(np.arange(S.shape[1]) / S.shape[1])(S, y),
    "the largest of all": largest_of_all,
}


def to_each(S, y):
    most = S.max(axis=1, keepdims=True)
    return most.mean(), (most == S) / len(S)


def to_none(S, y):
    """Where two tie for the maximum it takes neither."""
    tie = S.max(axis=1, keepdims=True) == S
    return S.max(axis=1).mean(), tie * (tie.sum(axis=1, keepdims=True) == 1) / len(S)


WRONG = {
    "to each": to_each,
    "to none": to_none,
    "to each of all": lambda S, y: (S.max(), (S.max() == S).astype(float)),
    **{name: case.function for name, case in WRONG_LOSSES.items() if case.code == "not-a-subgradient"},
}


def report_of(loss, **keys):
    config = Config(**{"scores": ["integers(-1, 1)", "integers(0, 0)"], "trials": 3, **keys})
    return check(loss, config).losses[0]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_a_subgradient_is_no_false_alarm_at_any_size_scale_or_precision(name):
    right = RIGHT[name]

    def in_float32(S, y):
        if S.dtype != np.float32:
            raise TypeError("float32 alone")
        value, dS = right(S, y)
        return np.float32(value), dS.astype(np.float32)

    for classes in (3, 9):
        report = report_of(right, trials=2, classes=classes, batch_sizes=[1, 4])
        assert not report.failed, report.findings
        assert sum(batch.subgradient for batch in report.batches) > 0
    few = {"batch_sizes": [3], "scores": "integers(-1, 1)"}
    assert not report_of(times(1e6, right), trials=1, **few).failed
    assert not report_of(right, trials=1, dtype="float32", **few).failed
    # Scores so large that in float32 they cannot be moved by a little.
    assert not report_of(in_float32, dtype="float32", **(few | {"scores": "integers(1000, 1002)"})).failed


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_what_is_none_together_is_found(name, dtype, factor):
    report = report_of(times(factor, WRONG[name]), dtype=dtype, scores="integers(-1, 1)", batch_sizes=[4])
    assert report.failed
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["not-a-subgradient"]


def test_the_finding_says_along_what_and_by_how_much():
    report = report_of(WRONG["to each"], scores="integers(0, 0)", classes=3, batch_sizes=[1])
    finding = report.findings[0]
    assert "adding +1 t to S[0, 0], +1 t to S[0, 1], +1 t to S[0, 2] changes the value by 1 t" in finding.message
    assert "by dS it would be 3 t" in finding.message
    assert all(batch.wrong == 0 for batch in report.batches)


def test_the_smallest_case_has_two_classes_that_tie_and_no_more():
    case = check(to_each).losses[0].smallest_case
    assert case.S.shape == (1, 2)
