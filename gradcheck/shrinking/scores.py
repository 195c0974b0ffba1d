"""Candidates of the same size with simpler labels and scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.labels import columns_of, kind_of

#: Scores one by one, only where they are so few.
_FEW = 8


def simpler(candidate: Candidate) -> Iterator[Candidate]:
    """Ways to make labels and scores simpler, those that change most first. Not each of them does."""
    S, y = candidate.S, candidate.y
    kind = kind_of(y, S.shape)
    own = columns_of(y, kind)
    zeros = np.zeros_like(S)
    if kind == "classes":
        yield Candidate(zeros, np.zeros_like(y))
    yield Candidate(zeros, y)
    if kind == "classes":
        assert own is not None
        yield Candidate(_label_first(S, own), np.zeros_like(y))
        yield Candidate(S, np.zeros_like(y))
    if kind in ("entries", "rows") and y.dtype.kind == "f":
        yield from (Candidate(S, simple) for simple in (np.zeros_like(y), np.rint(y)))
    if own is not None:
        yield Candidate(S - np.take_along_axis(S, own[:, np.newaxis], axis=1), y)
    yield Candidate(S - S.min(axis=1, keepdims=True), y)
    yield Candidate(np.rint(S), y)
    yield Candidate(np.rint(2 * S) / 2, y)
    yield Candidate(np.clip(np.rint(S), -1, 1), y)
    yield Candidate(np.round(S, 1), y)
    if S.size <= _FEW:
        for place in np.ndindex(S.shape):
            for score in (0.0, np.sign(S[place]), np.rint(S[place]), np.rint(2 * S[place]) / 2):
                changed = S.copy()
                changed[place] = score
                yield Candidate(changed, y)


def _label_first(S: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Each row with its label's score and the first one exchanged."""
    exchanged, rows = S.copy(), np.arange(len(S))
    exchanged[rows, own], exchanged[:, 0] = S[:, 0], S[rows, own]
    return exchanged
