"""Candidates of a given size, different from each other: what is simple, what failed, what is drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.report import FloatArray
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.labels import IndexArray, columns_of, distinct, drawn, kind_of, taken


@dataclass(frozen=True, eq=False)
class Failure:
    """A problem that a loss failed at.

    Attributes:
        S: N x C float64.
        y: labels.
        wrong: N x C, the entries that are wrong; none where it is not the entries that are.
    """

    S: FloatArray
    y: npt.NDArray[Any]
    wrong: BoolArray


class Variants:
    """Candidates of any size that is not larger than some failure's.

    Args:
        failures: at least one, the most telling first.
        dtype: what the loss's scores are rounded to.
    """

    def __init__(self, failures: Sequence[Failure], dtype: npt.DTypeLike) -> None:
        self._failures, self._dtype = tuple(failures), np.dtype(dtype)

    def of(self, size: tuple[int, int]) -> Iterator[Candidate]:
        """Candidates of this size without end, the same for the same size; none where no failure is as large."""
        n, c = size
        large = [each for each in self._failures if each.S.shape[0] >= n and each.S.shape[1] >= c]
        if not large:
            return
        first, rng = large[0], np.random.default_rng(size)
        y, kind = first.y, kind_of(first.y, first.S.shape)
        yield self._cut(first, size, prefix=False)
        yield Candidate(np.zeros(size), distinct(y, kind, size))
        if size != (1, 1):
            yield self._cut(first, size, prefix=True)
        if c > 1:
            yield Candidate(np.zeros(size), distinct(y, kind, size, backwards=True))
        others = iter(large[1:])
        while True:
            yield Candidate(rng.integers(-2, 3, size=size).astype(np.float64), drawn(y, kind, size, rng))
            yield Candidate(rng.normal(size=size), drawn(y, kind, size, rng))
            if other := next(others, None):
                yield self._cut(other, size, prefix=False)
            yield Candidate(rng.choice(first.S.ravel(), size=size), drawn(y, kind, size, rng))

    def _cut(self, failure: Failure, size: tuple[int, int], prefix: bool) -> Candidate:
        """Some rows and columns of what failed: the first ones, or those that matter most."""
        n, c = size
        kind = kind_of(failure.y, failure.S.shape)
        if prefix:
            rows, columns = np.arange(n), np.arange(c)
        else:
            rows = _foremost(failure.wrong.sum(axis=1), n)
            weights = 2.0 * failure.wrong[rows].sum(axis=0)
            own = columns_of(failure.y[rows], kind)
            if own is not None and c > 1:  # the label before all else
                weights += np.bincount(own, minlength=len(weights))
                weights[own[np.argmax(failure.wrong[rows].sum(axis=1))]] += weights.sum() + 1
            columns = _foremost(weights, c)
        return Candidate(failure.S[np.ix_(rows, columns)], taken(failure.y, kind, rows, columns))

    def rounded(self, candidate: Candidate) -> Candidate:
        """The same with scores that the loss's dtype can hold."""
        return replace(candidate, S=candidate.S.astype(self._dtype).astype(np.float64) + 0.0)  # no -0


def _foremost(weights: npt.NDArray[Any], most: int) -> IndexArray:
    """The places of the largest weights, in order."""
    return np.sort(np.argsort(-weights, kind="stable")[:most])
