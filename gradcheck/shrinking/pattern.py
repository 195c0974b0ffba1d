"""Where a gradient is wrong: what tells one reason from another, whatever the number of rows and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.checking.case import BoolArray, Case


@dataclass(frozen=True)
class Pattern:
    """What all wrong entries have in common.

    Attributes:
        smooth: some lie where there is no kink: then a kink explains nothing.
        at_label: all lie in the label's column, or all elsewhere; None for both.
    """

    smooth: bool
    at_label: bool | None = None

    @staticmethod
    def of(observations: Sequence[Case]) -> Pattern:
        """The pattern of observations with wrong entries."""
        smooth = any((seen.wrong & ~seen.kinked).any() for seen in observations)
        entries = [(seen, _telling(seen, smooth)) for seen in observations]
        own = {bool(at) for seen, wrong in entries if seen.at_label is not None for at in seen.at_label[wrong]}
        has_labels = all(seen.at_label is not None for seen in observations)
        return Pattern(smooth, own.pop() if has_labels and len(own) == 1 else None)

    def fits(self, seen: Case) -> bool:
        """Whether entries are wrong, and where others were."""
        wrong = _telling(seen, self.smooth)
        if self.at_label is not None and seen.at_label is not None:
            wrong = wrong & (seen.at_label == self.at_label)
        return bool(wrong.any())


def _telling(seen: Case, smooth: bool) -> BoolArray:
    return seen.wrong & ~seen.kinked if smooth else seen.wrong
