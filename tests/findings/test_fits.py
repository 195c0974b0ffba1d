"""Factors, offsets and levels over all problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from observed import evidence_of, is_label

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.fits import factor_at, factor_fit, factors_by_size, level_fit, offset_fit
from gradcheck.diagnosis.laws import Law


def label(seen: Case) -> BoolArray:
    assert seen.at_label is not None
    return seen.at_label


def everything(seen: Case) -> BoolArray:
    return np.ones(seen.S.shape, dtype=bool)


def test_a_factor_counts_its_entries_and_the_rows_that_tell_of_it() -> None:
    fit = factor_fit(evidence_of("softmax", lambda a, S, y: -3 * a), label)
    assert fit is not None
    assert (fit.law.constant, fit.entries, fit.rows, fit.telling) == (-3, 24, 24, 24)


def test_entries_that_are_not_known_are_left_out() -> None:
    """A wrong entry at a kink is not held against the law."""

    def blurred(evidence: Evidence, known: bool) -> Evidence:
        first = evidence.observations[0]
        a = first.analytic.copy()
        a[0, 0] += 1.0
        kinked = first.kinked.copy()
        kinked[0, 0] = not known
        return replace(evidence, observations=(replace(first, analytic=a, kinked=kinked), *evidence.observations[1:]))

    evidence = evidence_of("softmax", lambda a, S, y: -a)
    assert factor_fit(blurred(evidence, known=False)) is not None
    assert factor_fit(blurred(evidence, known=True)) is None


def test_a_problem_whose_gradient_is_0_within_bounds_takes_any_factor() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: 0 * a)
    flat = [replace(seen, numerical=np.full(seen.S.shape, 1e-13)) for seen in evidence.observations]
    for seen in flat:
        interval = factor_at(evidence, seen, everything(seen))
        assert interval is not None
        assert not interval.is_bounded


def test_a_problem_whose_gradient_is_0_and_ds_is_not_takes_none() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: -a)
    first = evidence.observations[0]
    flat = replace(first, numerical=np.zeros(first.S.shape))
    assert factor_fit(replace(evidence, observations=(flat, *evidence.observations[1:]))) is None


def test_an_offset_is_found_beyond_a_factor() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: len(S) * a + 0.3)
    fit = offset_fit(evidence, everything, Law(1.0, rows=1))
    assert fit is not None
    assert fit.law.constant == pytest.approx(0.3)
    assert offset_fit(evidence, everything) is None


def test_no_offset_is_none() -> None:
    assert offset_fit(evidence_of("softmax", lambda a, S, y: a), everything) is None


def test_a_level_needs_no_numerical_gradient() -> None:
    fit = level_fit(evidence_of("softmax", lambda a, S, y: np.where(is_label(S, y), -2 / len(S), a)), label)
    assert fit is not None
    assert str(fit.law) == "-2/N"


def test_factors_by_size_take_two_problems_of_each_that_agree() -> None:
    def odd(a: Any, S: Any, y: Any) -> Any:
        return a * (1 + len(S) ** 2)

    found = factors_by_size(evidence_of("softmax", odd))
    assert {N: round(each.middle, 6) for N, each in found.items()} == {1: 2, 3: 10, 8: 65}
    assert factors_by_size(evidence_of("softmax", odd, [(1, 5), (3, 5)])) == {}
    assert factors_by_size(evidence_of("softmax", lambda a, S, y: a * S.max())) == {}


def test_float32_noise_is_in_the_bounds() -> None:
    evidence = evidence_of("softmax", lambda a, S, y: 2 * a, bound=1e-5)
    fit = factor_fit(evidence)
    assert fit is not None
    assert str(fit.law) == "2"
