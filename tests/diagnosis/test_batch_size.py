"""dS that is right at some batch sizes only."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from observed import codes, evidence_of, few_examples, seeds

from gradcheck.diagnosis.factors import batch_size

#: Losses of which every row has a gradient: a row that has none says nothing.
dense_losses = st.sampled_from(["softmax", "one-vs-all", "brier", "label-smoothing"])


def bent(a: Any, S: Any) -> Any:
    return a * (1.5 + np.sin(S))


@few_examples
@given(dense_losses, seeds)
def test_the_sizes_are_named(name: str, seed: int) -> None:
    (finding,) = batch_size(evidence_of(name, lambda a, S, y: bent(a, S) if len(S) > 1 else a, seed=seed))
    assert finding.code == "batch-size-dependent"
    assert finding.message == "dS is right at N = 1, wrong at N = 3, 8"


def test_a_batch_size_written_as_a_number_is_told_by_its_factor() -> None:
    (finding,) = batch_size(evidence_of("softmax", lambda a, S, y: a * len(S) / 8))
    assert "right at N = 8, wrong at N = 1, 3: it is N/8 times the numerical gradient" in finding.message


@few_examples
@given(dense_losses, seeds)
def test_rows_that_are_wrong_for_their_scores_do_not_hang_on_the_batch(name: str, seed: int) -> None:
    """One row in ten or so: the single rows are right by chance."""

    def rare(a: Any, S: Any, y: Any) -> Any:
        return np.where(S[:, :1] > 1.3, bent(a, S), a)

    evidence = evidence_of(name, rare, seed=seed)
    if evidence.wrong and not any(seen.is_wrong for seen in evidence.observations if seen.rows == 1):
        assert codes(batch_size(evidence)) == []


@few_examples
@given(dense_losses, seeds)
def test_what_is_wrong_alone_and_right_in_a_batch_is_told(name: str, seed: int) -> None:
    """A squeeze of axes of 1: so few rows could be all that are wrong by chance, but are right as copies."""
    (finding,) = batch_size(evidence_of(name, lambda a, S, y: bent(a, S) if len(S) == 1 else a, seed=seed))
    assert finding.message == "dS is right at N = 3, 8, wrong at N = 1"
