"""The shrinker: passes that propose simpler candidates, and a predicate that tells which of them still fail."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from gradcheck.errors import OutOfTime
from gradcheck.shrinking.candidates import Candidate, Failure, of_size, simpler, simplicity
from gradcheck.shrinking.snippet import Gradients

#: Candidates that are confirmed, at most.
_CONFIRMATIONS = 5
#: Candidates of each smaller size: before numbers are simplified, and before the search ends.
_FIRST, _LAST = 2, 8
#: Attempts to make scores and labels simpler.
_SIMPLIFICATIONS = 16
#: Nobody pastes more numbers than this.
MOST_ENTRIES = 500
#: Rows and classes of a candidate, at most, where the failure is larger than that.
_ROWS, _CLASSES = 16, 30
#: Numbers of rows and of classes that are tried, beside one less than the least that is known to fail.
_SIZES = (*range(1, 9), *(int(8 * 1.5**k) for k in range(1, 40)))


class Shrinker:
    """Search for the simplest candidate at which a loss fails.

    Args:
        fails: whether the loss seems to fail at a candidate; raises OutOfTime when no call is left.
        failure: the problem that candidates are made of.
        dtype: scores are rounded to it.

    Attributes:
        failed: where the loss failed, each simpler than the one before; first the failure, unless it is too large.
    """

    def __init__(self, fails: Callable[[Candidate], bool], failure: Failure, dtype: npt.DTypeLike) -> None:
        self._fails, self._failure, self._dtype = fails, failure, dtype
        N, C = failure.size
        self.failed: list[Candidate] = [failure] if N * C <= MOST_ENTRIES else []
        self._largest = (N, C) if self.failed else (min(N, _ROWS), min(C, _CLASSES))
        self._untried: dict[tuple[int, int], Iterator[Candidate]] = {}
        self._tried: set[tuple[tuple[int, int], bytes, bytes]] = set()

    def confirmed(self, confirm: Callable[[Candidate], Gradients | None]) -> tuple[Candidate, Gradients] | None:
        """The simplest candidate that ``confirm`` returns gradients for, and these; None for none but the failure."""
        for _ in range(_CONFIRMATIONS):
            self.run()
            with suppress(OutOfTime):
                if self.failed and self.failed[-1] is not self._failure:
                    candidate = self.failed.pop()
                    if gradients := confirm(candidate):
                        return candidate, gradients
        return None

    def run(self) -> None:
        """Shrink until no pass helps or no call is left."""
        with suppress(OutOfTime):
            again = True
            while again:
                while any(self._drop_rows_or_classes() for _ in range(_FIRST)):
                    pass
                self._simplify()
                again = any(self._drop_rows_or_classes() for _ in range(_LAST))

    def _drop_rows_or_classes(self) -> bool:
        """One further candidate of each smaller size, the smallest sizes first; whether one failed."""
        N, C = self.failed[-1].size if self.failed else (self._largest[0], self._largest[1] + 1)
        sizes = itertools.product({*_SIZES, N - 1, N} - {0}, {*_SIZES, C - 1, self._largest[1]} - {0})
        smaller = sorted((n, c) for n, c in sizes if (n, c) < (N, C) and c <= self._largest[1])
        if len(self.failed) > 1:  # one row or one class less may fail like the last candidate
            smaller = [(n, c) for n, c in ((N, C - 1), (N - 1, C)) if n and c] + smaller
        untried = (self._untried.setdefault(size, of_size(self._failure, *size)) for size in smaller)
        return any(self._consider(candidate) for each in untried for candidate in itertools.islice(each, 1))

    def _simplify(self) -> None:
        """Simpler scores and labels of the same size."""
        most = len(self._tried) + _SIMPLIFICATIONS
        while self.failed and any(self._consider(c) for c in simpler(self.failed[-1]) if len(self._tried) < most):
            pass

    def _consider(self, candidate: Candidate) -> bool:
        """Take a candidate if it is simpler than the best one and fails."""
        rounded = candidate.S.astype(self._dtype).astype(np.float64) + 0.0  # -0.0 becomes 0.0
        candidate = Candidate(rounded, candidate.y)
        key = candidate.size, candidate.S.tobytes(), candidate.y.tobytes()
        if key in self._tried or (self.failed and simplicity(candidate) >= simplicity(self.failed[-1])):
            return False
        self._tried.add(key)
        if not self._fails(candidate):
            return False
        self.failed.append(candidate)
        return True
