"""Regions in which dS is wrong: one, or two."""

import draws
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import at, bent, changed, codes, evidence_of, findings, is_label

from gradcheck.diagnosis.places import places

SEVERAL_SIZES = [(N, C) for N in (1, 3, 8) for C in (4, 6)]


def others(S, y):
    return ~is_label(S, y)


def column(k):
    return lambda S, y: np.arange(S.shape[1]) == k % S.shape[1]


def row(i):
    return lambda S, y: np.arange(len(S))[:, np.newaxis] == i % len(S)


PLACES = [
    ("label-column", is_label, "the label's column (j = y)"),
    ("other-columns", others, "the columns of the other classes (j != y)"),
    ("one-class", column(0), "class 0"),
    ("one-class", column(2), "class 2"),
    ("one-class", column(-1), "the last class"),
    ("one-row", row(0), "row 0"),
    ("one-row", row(-1), "the last row"),
]


@draws.few_examples
@given(draws.dense_losses, draws.seeds, st.sampled_from(PLACES))
def test_each_place_is_named(name, seed, place):
    code, where, words = place
    (finding,) = places(evidence_of(name, at(where), SEVERAL_SIZES, seed=seed))
    assert finding.code == code
    assert f"dS is wrong only in {words}, " in finding.message
    assert "more than one" not in finding.message


@pytest.mark.parametrize(
    ("change", "there"),
    [
        (lambda a, S: 0 * a, "; there dS = 0"),
        (lambda a, S: 1.001 * a, "; there dS = 1.001 times the numerical gradient"),
        (lambda a, S: -a, "; there dS = -1 times the numerical gradient"),
        (lambda a, S: len(S) * a, "; there dS = N times the numerical gradient"),
        (lambda a, S: a - 1 / len(S), "; there dS is the numerical gradient minus 1/N"),
        (lambda a, S: 0 * a - 1 / len(S), "; there dS = -1/N"),
        (lambda a, S: np.where(S > 0, 0, a), "; where it is wrong, dS = 0"),
        (bent, " entries"),
    ],
)
@pytest.mark.parametrize("where", [is_label, others, column(1), row(0)])
def test_what_dS_is_there_is_said_where_it_is_simple(change, there, where):  # noqa: N802
    (finding,) = places(evidence_of("softmax", at(where, change), SEVERAL_SIZES))
    assert finding.message.endswith(there)


def test_the_labels_are_named_too_where_they_decide():
    of_label_0 = at(lambda S, y: is_label(S, y) & (y[:, None] == 0), lambda a, S: a + 1 / len(S))
    (finding,) = places(evidence_of("softmax", of_label_0, SEVERAL_SIZES))
    assert "only in the label's column (j = y), of rows with label 0, " in finding.message
    of_positive_scores = at(lambda S, y: is_label(S, y) & (S > 0), lambda a, S: -a)
    (finding,) = places(evidence_of("softmax", of_positive_scores, SEVERAL_SIZES))
    assert "of rows" not in finding.message


@draws.few_examples
@given(draws.dense_losses, draws.seeds, st.sampled_from([(0, 3), (0, 5), (3, 6), (1, 6)]))
def test_two_places_are_both_named(name, seed, two):
    (one, first, _), (other, second, _) = (PLACES[place] for place in two)

    def both(a, S, y):
        return at(second, lambda a, S: 1.7 * a)(at(first)(a, S, y), S, y)

    found = list(places(evidence_of(name, both, SEVERAL_SIZES, seed=seed)))
    assert sorted(codes(found)) == sorted([one, other])
    assert all("more than one defect is at work" in each.message for each in found)


@pytest.mark.parametrize("part", [0.03, 0.1, 0.3])
def test_entries_that_are_wrong_anywhere_are_in_no_place(part):
    def somewhere(seed):
        rng = np.random.default_rng(seed)
        evidence = evidence_of("softmax", at(lambda S, y: rng.random(S.shape) < part), seed=seed)
        return codes(places(evidence)) if evidence.wrong else []

    assert sum(somewhere(seed) != [] for seed in range(100)) <= 6


@draws.few_examples
@given(draws.dense_losses, draws.seeds)
def test_one_wrong_entry_in_all_is_no_place(name, seed):
    rng = np.random.default_rng(seed)
    problem = int(rng.integers(6))
    made = iter(range(1000))

    def one_entry(a, S, y):
        if next(made) == problem:
            a[rng.integers(len(S)), rng.integers(5)] += 1.0
        return a

    assert codes(places(evidence_of(name, one_entry, seed=seed))) == []


@draws.few_examples
@given(draws.dense_losses, draws.seeds)
def test_a_row_that_is_wrong_for_its_scores_is_no_row(name, seed):
    """That with the largest score of its batch."""
    evidence = evidence_of(name, at(lambda S, y: S.max(axis=1, keepdims=True) == S.max()), seed=seed)
    rows = {(seen.rows, int(np.flatnonzero(seen.wrong.any(axis=1))[0])) for seen in evidence.wrong}
    if not all(i == 0 for _, i in rows) and not all(i == N - 1 for N, i in rows):
        assert codes(places(evidence)) == []


@pytest.mark.parametrize(("where", "code"), [(is_label, "label-column"), (column(1), "one-class"), (row(0), "one-row")])
def test_in_a_check_the_place_leads_and_nothing_vaguer_is_said(where, code):
    assert codes(findings(changed("softmax", at(where)))) == [code]
