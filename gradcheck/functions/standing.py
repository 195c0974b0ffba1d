"""How far a run is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """What a progress bar needs to know.

    Attributes:
        target: the loss at hand.
        batch: N and C of the problem at hand.
        done, total: problems of this target that are done, and all of them.
        calls, expected: calls of the loss that the problem at hand took so far, and how many it should take in all:
            an estimate, never below ``calls``.
        share: how much of this target's work is done, by estimate, from 0 to 1.
        calls_in_all: of all losses, since the run began.
    """

    target: str
    batch: tuple[int, int]
    done: int
    total: int
    calls: int
    expected: int
    share: float
    calls_in_all: int


#: Told now and then, between two calls of a loss.
Progress = Callable[[Standing], None]
