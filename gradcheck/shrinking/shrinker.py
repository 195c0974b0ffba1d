"""The shrinker: passes that propose simpler candidates, and a predicate that tells which of them still fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gradcheck.errors import OutOfTime
from gradcheck.shrinking.candidates import Candidate, Failure, of_size, simpler, simplicity

Confirmed = TypeVar("Confirmed")

#: Candidates that are confirmed, at most.
_CONFIRMATIONS = 3
#: Candidates tried of each size on the way down.
_TRIES = 2
#: Smaller sizes are tried again so often, and at most so many of them.
_ROUNDS, _RETRIED = 8, 40
#: Attempts to make scores and labels simpler.
_SIMPLIFICATIONS = 16
#: Rows and classes of a candidate, at most, where no failure is small enough to begin with.
_ROWS, _CLASSES = 16, 30
#: Numbers of rows or classes up to this are tried one by one, larger ones in growing steps.
_ONE_BY_ONE = 8


class Shrinker:
    """Search for the simplest candidate at which a loss fails.

    Args:
        fails: whether the loss seems to fail at a candidate; raises OutOfTime when no call is left.
        failures: what candidates are made of.
        dtype: scores are rounded to it.
        known: a candidate at which the loss is known to fail; None for none.

    Attributes:
        failed: ``known`` and then the candidates at which the loss failed, each simpler than the one before.
    """

    def __init__(
        self, fails: Callable[[Candidate], bool], failures: Sequence[Failure], dtype: npt.DTypeLike,
        known: Candidate | None,
    ) -> None:  # fmt: skip
        self._fails, self._failures, self._dtype = fails, failures, dtype
        N, C = max(each.size[0] for each in failures), max(each.size[1] for each in failures)
        self._largest = (N, C) if known else (min(N, _ROWS), min(C, _CLASSES))
        self._untried: dict[tuple[int, int], Iterator[Candidate]] = {}
        self._tried: set[tuple[tuple[int, int], bytes, bytes]] = set()
        self.failed = [] if known is None else [known]

    def confirmed(self, confirm: Callable[[Candidate], Confirmed | None]) -> tuple[Candidate, Confirmed] | None:
        """The simplest candidate that is confirmed, and how; None for none but ``known``.

        Args:
            confirm: makes sure that the loss fails at a candidate; returns None where it does not.
        """
        known = self.failed[:]
        for _ in range(_CONFIRMATIONS):
            self.run()
            if self.failed == known:
                break
            candidate = self.failed.pop()
            confirmed = confirm(candidate)
            if confirmed is not None:
                return candidate, confirmed
        return None

    def run(self) -> None:
        """Shrink until no pass helps or no call is left."""
        with suppress(OutOfTime):
            again = True
            while again:
                self._drop_rows()
                self._drop_classes()
                self._simplify()
                again = self._try_smaller_sizes_again()

    @property
    def _size(self) -> tuple[int, int]:
        return self.failed[-1].size if self.failed else (self._largest[0] + 1, self._largest[1])

    def _drop_rows(self) -> None:
        N, C = self._size
        # The number of classes that is known to fail is the likeliest to fail with fewer rows too.
        likely = {C: _TRIES, 2: 1, 3: 1} if self.failed else {2: 1, 3: 1, 1: 1, C: 1}
        _least(N, lambda rows: any(self._try((rows, classes), times) for classes, times in likely.items()))

    def _drop_classes(self) -> None:
        if self.failed:
            N, C = self._size
            _least(C, lambda classes: self._try((N, classes), _TRIES))

    def _simplify(self) -> None:
        """Simpler scores and labels of the same size."""
        most = len(self._tried) + _SIMPLIFICATIONS
        while self.failed and any(self._consider(c) for c in simpler(self.failed[-1]) if len(self._tried) < most):
            pass

    def _try_smaller_sizes_again(self) -> bool:
        """Further candidates of smaller sizes, those next to the best one first; whether one failed."""
        N, C = self._size
        sizes = [(N, classes) for classes in range(C - 1, 0, -1)]
        sizes += [(rows, classes) for rows in range(N - 1, 0, -1) for classes in range(self._largest[1], 0, -1)]
        sizes = sizes[:_RETRIED] if self.failed else sizes[: -_RETRIED - 1 : -1]
        return any(self._try(size, 1) for _ in range(_ROUNDS) for size in sizes)

    def _try(self, size: tuple[int, int], times: int) -> bool:
        """Consider so many further candidates of a size; whether one failed."""
        if size[1] > self._largest[1]:
            return False
        untried = self._untried.setdefault(size, of_size(self._failures, *size))
        return any(self._consider(candidate) for _, candidate in zip(range(times), untried, strict=False))

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


def _least(below: int, holds: Callable[[int], bool]) -> None:
    """Look for the least number from 1 to ``below - 1`` that holds: up in growing steps, then down one by one."""
    last, number = 0, 1
    while number < below and not holds(number):
        last, number = number, number + 1 if number < _ONE_BY_ONE else int(np.ceil(number * 1.5))
    number = min(number, below)
    while number - 1 > last and holds(number - 1):
        number -= 1
