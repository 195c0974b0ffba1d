"""One entry of dS in a report: what the loss says of it, what gradcheck computed, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Verdict(StrEnum):
    """What the numerics say of one entry of dS."""

    OK = "ok"
    SUBGRADIENT = "subgradient"
    WRONG = "wrong"
    UNRESOLVED = "unresolved"


#: Entries of ``BatchReport.verdicts`` are indices into this tuple, the worst last.
VERDICTS = (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)


@dataclass(frozen=True)
class Entry:
    """One entry (row, class) of dS, beside what gradcheck computed for it.

    Attributes:
        row, class_: the entry's indices, from 0.
        label: the row's label; None where the labels are not classes.
        score: S[row, class_].
        analytic: the loss's own dS[row, class_].
        numerical: the estimate that the verdict was given on (the corrected central difference, or
            the extrapolated one).
        bound: bound on the error of ``numerical``.
        relative_error: abs(a - n) / max(abs(a), abs(n)); 0 where both are 0.
        verdict: what the numerics say.
        plain: the plain central difference, with ``step``.
        step: half the distance between the two points of the plain central difference.
        central: the central difference, corrected or extrapolated, where the verdict was given on a complex step; None
            where it was given on the central difference, which then is ``numerical``.
        tried: steps and plain central differences of an entry that was looked at again, the widest step first.
    """

    row: int
    class_: int
    label: int | None
    score: float
    analytic: float
    numerical: float
    bound: float
    relative_error: float
    verdict: Verdict
    plain: float
    step: float
    central: float | None = None
    tried: tuple[tuple[float, float], ...] = ()

    @property
    def reference(self) -> Literal["central", "complex"]:
        """What the verdict was given on."""
        return "central" if self.central is None else "complex"
