"""Coefficients over all problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from observed import evidence_of

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.fits import everywhere, factor_at, factor_fit, term_fit
from gradcheck.diagnosis.numbers import Law


def label(seen: Case) -> BoolArray:
    assert seen.at_label is not None
    return seen.at_label


def one(seen: Case) -> Any:
    return np.ones(seen.S.shape), np.zeros(seen.S.shape)


def test_a_factor_counts_its_entries_and_the_rows_that_determine_it() -> None:
    fit = factor_fit(evidence_of("softmax", lambda a, S, y: -3 * a), label)
    assert fit is not None
    assert (fit.law.k, fit.entries, fit.rows) == (-3, 24, 24)


@pytest.mark.parametrize("known", [True, False])
def test_entries_that_are_not_known_are_left_out(known: bool) -> None:
    """A wrong entry at a kink does not contradict the law."""
    evidence = evidence_of("softmax", lambda a, S, y: -a)
    first, *others = evidence.observations
    a, kinked = first.analytic.copy(), first.kinked.copy()
    a[0, 0] += 1.0
    kinked[0, 0] = not known
    changed = replace(first, analytic=a, kinked=kinked)
    assert (factor_fit(replace(evidence, observations=(changed, *others))) is None) == known


def test_a_problem_whose_gradient_is_0_within_bounds_takes_any_factor() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: 0 * a)
    for seen in evidence.observations:
        interval = factor_at(evidence, replace(seen, numerical=np.full(seen.S.shape, 1e-13)), everywhere(seen))
        assert interval is not None
        assert interval.low == -np.inf


def test_a_term_is_found_beyond_a_factor() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: len(S) * a + 0.3)
    fit = term_fit(evidence, one, Law(1, rows=1))
    assert fit is not None
    assert str(fit.law) == "0.3"
    assert term_fit(evidence, one) is None
