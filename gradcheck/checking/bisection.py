"""Bisection to the entries that make a directional derivative disagree: the worst first.

A range of flat entries is halved, and the half that carries more of the disagreement is followed down to one entry; two
calls a level tell of one half, and what the whole has more, of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

#: A range whose disagreement was inferred is measured afresh once its bound is this part of it.
_UNSURE = 1 / 3


@dataclass(frozen=True)
class Range:
    """Flat entries from ``start`` to before ``stop``.

    Attributes:
        residual: the derivative along the part of the direction within, less the analytic one.
        bound: on the error of that.
        measured: by calls, and not inferred.
    """

    start: int
    stop: int
    residual: float
    bound: float
    measured: bool

    @property
    def disagrees(self) -> bool:
        """Whether the residual is beyond its bound."""
        return abs(self.residual) > self.bound


class Measure(Protocol):
    """Measures a range; ``size`` is the disagreement that is looked for there."""

    def __call__(self, start: int, stop: int, size: float) -> tuple[float, float]:
        """The residual and its bound."""
        ...


def bisect(measure: Measure, root: Range, columns: int) -> Iterator[Range]:
    """Entries that disagree, each as a range of one.

    Args:
        measure: by calls.
        root: all that is searched; not yielded where it is no single entry.
        columns: a range of several rows is halved between rows.

    Yields:
        Single entries as they are found; the caller decides when to stop.
    """
    open_ranges = [root]
    while open_ranges:
        here = max(open_ranges, key=lambda each: abs(each.residual))
        open_ranges.remove(here)
        while here.stop - here.start > 1:
            if not here.measured and here.bound > _UNSURE * abs(here.residual):
                here = Range(here.start, here.stop, *measure(here.start, here.stop, abs(here.residual)), measured=True)
            if not here.disagrees:
                break
            middle = _middle(here.start, here.stop, columns)
            residual, bound = measure(here.start, middle, abs(here.residual))
            first = Range(here.start, middle, residual, bound, measured=True)
            second = Range(middle, here.stop, here.residual - residual, here.bound + bound, measured=False)
            here, other = sorted((first, second), key=lambda half: -abs(half.residual))
            if other.disagrees:
                open_ranges.append(other)
        if here.disagrees:
            yield here


def _middle(start: int, stop: int, columns: int) -> int:
    """Where to halve a range: between two rows if it has entries of several."""
    middle = (start + stop) // 2
    border = round(middle / columns) * columns
    return border if start < border < stop else middle
