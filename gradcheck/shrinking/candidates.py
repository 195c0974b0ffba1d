"""Candidates for the smallest failing case: which of two is simpler, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]

#: Scores are simplified one by one in candidates of at most this many entries.
_FEW = 8


@dataclass(frozen=True, eq=False)
class Candidate:
    """Scores (N x C float64) and labels of any kind at which a loss may fail."""

    S: FloatArray
    y: npt.NDArray[Any]

    @property
    def size(self) -> tuple[int, int]:
        """(N, C)."""
        return len(self.S), int(self.S.shape[1])

    @cached_property
    def own(self) -> IndexArray | None:
        """N columns, the class of each row; None where the labels are neither classes nor one-hot."""
        (N, C), y = self.size, self.y
        if y.shape == (N,) and y.dtype.kind in "iu" and np.min(y) >= 0 and np.max(y) < C:
            return y.astype(np.intp)
        if y.shape == (N, C) and y.dtype.kind in "iufb" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
            return np.asarray(np.argmax(y, axis=1))
        return None

    def part(self, rows: IndexArray, columns: IndexArray) -> Candidate:
        """Some rows and columns. The class of a row that is not among the columns becomes one that is."""
        S, y = self.S[np.ix_(rows, columns)], self.y
        if self.own is not None:
            place = {int(column): k for k, column in enumerate(columns)}
            return self.labelled(S, np.array([place.get(int(j), int(j) % len(columns)) for j in self.own[rows]]))
        if y.shape == self.S.shape:
            return Candidate(S, y[np.ix_(rows, columns)])
        return Candidate(S, y[rows] if y.ndim and len(y) == len(self.S) else y)

    def labelled(self, S: FloatArray, own: IndexArray) -> Candidate:
        """Other scores, and the class of each of their rows as labels of the same kind."""
        y = own if self.y.ndim == 1 else np.eye(S.shape[1])[own]
        return Candidate(S, y.astype(self.y.dtype))


def simplicity(candidate: Candidate) -> tuple[float, ...]:
    """Sort key, the simplest candidate first: fewer rows, fewer classes, smaller labels, rounder scores."""
    labels = np.abs(candidate.y).sum() if candidate.y.dtype.kind in "iuf" else 0.0
    return *candidate.size, float(labels), sum(map(_complexity, candidate.S.ravel().tolist()))


def _complexity(score: float) -> float:
    """0 for zero; then 1, -1, 2 and further integers to 9; then halves; then by the number of digits."""
    size = abs(score)
    if size <= 9 and (2 * size).is_integer():
        return (size + (score < 0) / 2 + 1) / 10 + 2 * (not size.is_integer()) if size else 0.0
    return 4 + len(repr(score)) / 10


@dataclass(frozen=True, eq=False)
class Failure(Candidate):
    """A problem at which a loss failed, and which of its N x C entries are wrong or likely to matter."""

    wrong: npt.NDArray[np.bool_]

    def most_wrong(self, N: int, C: int) -> Candidate:
        """The N rows and C columns with most wrong entries, the label of the first of these rows among them."""
        rows = _largest(self.wrong.sum(axis=1), N)
        weights = 2.0 * self.wrong[rows].sum(axis=0)
        if self.own is not None and C > 1:
            own = self.own[rows]
            weights += np.bincount(own, minlength=len(weights))
            weights[own[np.argmax(self.wrong[rows].sum(axis=1))]] += weights.sum() + 1
        return self.part(rows, _largest(weights, C))


def _largest(weights: npt.NDArray[Any], number: int) -> IndexArray:
    """Indices of the largest weights, in ascending order."""
    return np.sort(np.argsort(-weights, kind="stable")[:number])


def of_size(failure: Failure, N: int, C: int) -> Iterator[Candidate]:
    """Candidates of N rows and C classes made of a failure, without end and the same at every call."""
    rows, zeros, rng = np.arange(N), np.zeros((N, C)), np.random.default_rng((N, C))

    def drawn(S: FloatArray) -> Candidate:
        if failure.own is not None:
            return failure.labelled(S, rng.integers(0, C, size=N))
        return Candidate(S, failure.part(rng.integers(0, len(failure.S), N), rng.permutation(failure.size[1])[:C]).y)

    yield failure.most_wrong(N, C)
    yield failure.labelled(zeros, rows % C) if failure.own is not None else drawn(zeros)
    yield drawn(rng.normal(size=(N, C)))
    yield failure.part(rows, np.arange(C))
    if failure.own is not None:
        yield failure.labelled(zeros, (-1 - rows) % C)
    while True:
        yield drawn(rng.integers(-2, 3, size=(N, C)).astype(np.float64))
        yield drawn(rng.normal(size=(N, C)))
        yield drawn(rng.choice(failure.S.ravel(), size=(N, C)))


def simpler(candidate: Candidate) -> Iterator[Candidate]:
    """Candidates of the same size with rounder scores or smaller labels, the largest changes first."""
    S, y, own = candidate.S, candidate.y, candidate.own
    zeros = np.zeros_like(S)
    if own is not None:
        rows, exchanged, first = np.arange(len(S)), S.copy(), np.zeros_like(own)
        exchanged[rows, own], exchanged[:, 0] = S[:, 0], S[rows, own]
        yield candidate.labelled(zeros, first)
        yield Candidate(zeros, y)
        yield from (candidate.labelled(scores, first) for scores in (exchanged, S))
        yield Candidate(S - S[rows, own][:, np.newaxis], y)
    elif y.dtype.kind == "f":
        yield from (Candidate(S, labels) for labels in (np.zeros_like(y), np.rint(y)))
    yield Candidate(zeros, y)
    halves, above_least = np.rint(2 * S) / 2, S - S.min(axis=1, keepdims=True)
    for scores in (above_least, np.rint(S), halves, np.clip(np.rint(S), -1, 1), np.round(S, 1), np.abs(S)):
        yield Candidate(scores, y)
    for place in np.ndindex(S.shape if S.size <= _FEW else (0, 0)):
        for score in (0.0, np.sign(S[place]), np.rint(S[place]), halves[place], np.round(S[place], 1)):
            changed = S.copy()
            changed[place] = score
            yield Candidate(changed, y)
