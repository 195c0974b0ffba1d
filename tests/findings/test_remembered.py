"""What is asked of the same evidence twice is worked out once."""

from __future__ import annotations

import gc
import weakref

import pytest
from observed import evidence_of

from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.remembered import remembered


def test_each_evidence_is_asked_once_and_let_go() -> None:
    asked = []

    @remembered
    def rows(evidence: Evidence) -> int:
        asked.append(1)
        return len(evidence.observations)

    one, other = (evidence_of("svm", lambda a, S, y: a, [(1, 2)] * count) for count in (1, 2))
    assert [rows(one), rows(other), rows(one)] == [1, 2, 1]
    assert len(asked) == 2
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None


def test_what_raises_is_asked_again() -> None:
    asked = []

    @remembered
    def refuses(evidence: Evidence) -> None:
        asked.append(1)
        raise Spent

    evidence = evidence_of("svm", lambda a, S, y: a, [(1, 2)])
    for _ in range(2):
        with pytest.raises(Spent):
            refuses(evidence)
    assert len(asked) == 2
