"""The shrinker: one predicate, one order, passes that propose what is simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gradcheck.diagnosis.evidence import Spent
from gradcheck.errors import OutOfTime
from gradcheck.shrinking.candidate import Candidate, simplicity
from gradcheck.shrinking.scores import simpler
from gradcheck.shrinking.variants import Variants

Predicate = Callable[[Candidate], bool]
Size = tuple[int, int]

#: Candidates of one size that are tried on the way down.
_TRIES = 2
#: Once the least size is found: how often each smaller one is doubted again, and how many of those there may be.
_ROUNDS, _DOUBTED = 8, 40
#: Candidates that only look better.
_PRETTY = 16
#: Sizes up to this are tried one by one.
_ONE_BY_ONE = 8


class Shrinker:
    """Looks for the simplest candidate at which a predicate holds.

    Args:
        fails: the predicate; raises Spent where nothing more may be asked.
        variants: candidates by size.
        largest: no candidate is larger than this.
        best: one that is known to fail; None where none is known yet.
        right: how many problems of a size are known not to fail.
        thrifty: few calls are left. A size is tried but once on the way down, with the most likely numbers of classes.
    """

    def __init__(
        self, fails: Predicate, variants: Variants, largest: Size, best: Candidate | None, right: Mapping[Size, int],
        thrifty: bool = False,
    ) -> None:  # fmt: skip
        self._fails, self._variants, self._right = fails, variants, right
        self._largest, self._thrifty = largest, thrifty
        self._supply: dict[Size, Iterator[Candidate]] = {}
        self._tried: set[tuple[Size, bytes, bytes]] = set()
        #: Those that failed, each simpler than the one before.
        self.failed: list[Candidate] = [] if best is None else [best]

    def run(self) -> None:
        """Shrink until nothing helps, or Spent."""
        try:
            self._find_sizes()
            while True:
                if self.failed:
                    self._find_scores()
                if not self._doubt():
                    return
                self._find_sizes()
        except (Spent, OutOfTime):
            return

    def holds(self, candidate: Candidate) -> bool:
        """Whether the predicate holds; not where nothing may be asked."""
        try:
            return self._fails(candidate)
        except (Spent, OutOfTime):
            return False

    def reject(self) -> None:
        """Take back the best candidate, for it does not fail after all; others may be found by running again."""
        self.failed.pop()

    @property
    def _size(self) -> Size:
        return self.failed[-1].size if self.failed else (self._largest[0] + 1, self._largest[1])

    def _consider(self, candidate: Candidate) -> bool:
        """Take a candidate if it is simpler than the best one, and fails."""
        candidate = self._variants.rounded(candidate)
        if self.failed and simplicity(candidate) >= simplicity(self.failed[-1]):
            return False
        key = candidate.size, candidate.S.tobytes(), candidate.y.tobytes()
        if key in self._tried:
            return False
        self._tried.add(key)
        if not self._fails(candidate):
            return False
        self.failed.append(candidate)
        return True

    def _try(self, size: Size, times: int) -> bool:
        """Consider so many more candidates of a size; whether one failed."""
        supply = self._supply.setdefault(size, self._variants.of(size))
        return any(self._consider(candidate) for _, candidate in zip(range(times), supply, strict=False))

    # --- passes -------------------------------------------------------------------------------------------

    def _find_sizes(self) -> None:
        before = None
        while before != self._size:
            before = self._size
            _least(self._size[0], self._with_rows)
            if self.failed:
                _least(
                    self._size[1], lambda classes: self._try((self._size[0], classes), 1 if self._thrifty else _TRIES)
                )

    def _with_rows(self, rows: int) -> bool:
        """Whether so many rows fail, with whatever number of classes."""
        C = self._size[1]
        if not self.failed:
            likely = {2: 1, 3: 1, 1: 1, C: 1}
        elif self._thrifty:
            likely = {2: 1, C: 1}
        else:  # the number of classes that is known to fail is the likeliest to show it with fewer rows too
            likely = {C: _TRIES, 2: 1}
        for classes, times in likely.items():
            times -= self._right.get((rows, classes), 0)
            if classes <= self._largest[1] and times > 0 and self._try((rows, classes), times):
                return True
        return False

    def _find_scores(self) -> None:
        """Simpler labels and scores of the same size."""
        left, found = _PRETTY, True
        while found and left > 0:
            found = False
            for candidate in simpler(self.failed[-1]):
                if simplicity(candidate) < simplicity(self.failed[-1]):
                    before = len(self._tried)
                    found = self._consider(candidate)
                    left -= len(self._tried) - before
                if found or left <= 0:
                    break

    def _doubt(self) -> bool:
        """Try smaller sizes again, those next to the best one first; whether one failed after all."""
        N, C = self._size
        sizes = [(N, classes) for classes in range(C - 1, 0, -1)]
        sizes += [(rows, classes) for rows in range(N - 1, 0, -1) for classes in range(self._largest[1], 0, -1)]
        doubted = sizes[:_DOUBTED] if self.failed else sizes[: -_DOUBTED - 1 : -1]
        return any(self._try(size, 1) for _ in range(_ROUNDS) for size in doubted)


def _least(below: int, holds: Callable[[int], bool]) -> None:
    """Ask for the least number below a known one for which something holds: small ones first, then by bisection."""
    low, high = 0, below
    for number in _climbing(below):
        if holds(number):
            high = number
            break
        low = number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)


def _climbing(below: int) -> Iterator[int]:
    number = 1
    while number < below:
        yield number
        number = number + 1 if number < _ONE_BY_ONE else int(np.ceil(number * 1.5))
