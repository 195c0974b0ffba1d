"""dS holds whole numbers, and the numerical gradient does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.fits import count, factor_at
from gradcheck.diagnosis.other_rules import largest_error
from gradcheck.report import Finding, FloatArray

#: Entries of a dS of floats that are not 0 and were fractions, before this is no coincidence.
_SEVERAL = 2
#: Ways to make numbers whole, none of which decreases where the numbers increase.
_WAYS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "truncated towards 0": np.trunc,
    "rounded down": np.floor,
    "rounded to whole numbers": np.rint,
    "rounded up": np.ceil,
}


def truncated(evidence: Evidence) -> Iterator[Finding]:
    """dS is whole everywhere, where neither the numerical gradient is nor N times it: so it is no count.

    Of floats it is only said where dS is the numerical gradient, or N times it, made whole in one way; an array of
    integers cannot be right in any case.
    """
    observations = evidence.observations
    if not all(np.array_equal(seen.analytic, np.rint(seen.analytic)) for seen in observations):
        return
    integers = any(seen.whole_numbers for seen in evidence.wrong)
    way = _way(observations, integers)
    if not way:
        is_a_factor = all(factor_at(evidence, seen, seen.known) for seen in observations)
        are_counts = not any(_are_fractions(*_ends(seen, seen.rows)).any() for seen in observations)
        if not integers or is_a_factor or are_counts:
            return
    came = "came as an array of integers" if integers else "holds whole numbers only"
    hint = "look for round, rint, floor, //, int or astype(int) on the way to dS"
    if integers:
        hint = "make dS an array of floats before fractions are written to it: np.zeros(S.shape), astype(S.dtype)"
        if "rounded down" in way:
            hint = "// divides whole numbers and rounds down: make dS float, astype(S.dtype), and divide it with /"
    message = f"dS {came}{f': {way}' if way else ''}; {largest_error(evidence)}"
    yield Finding("truncated-to-integer", "error", message, hint)


def _way(observations: Sequence[Case], integers: bool) -> str:
    """How the numerical gradient, or N times it, was made whole; empty for no way."""
    dS = [seen.analytic[seen.known] for seen in observations]
    for times in ("", "N times "):
        ends = [_ends(seen, seen.rows if times else 1) for seen in observations]
        fractions = [_are_fractions(*each) for each in ends]
        is_several = count([each & (a != 0) for each, a in zip(fractions, dS, strict=True)]) >= _SEVERAL
        for words, whole in _WAYS.items() if is_several or (integers and count(fractions)) else ():
            pairs = zip(ends, dS, strict=True)
            if all(np.all((whole(low) <= a) & (a <= whole(high))) for (low, high), a in pairs):
                return f"{times}the numerical gradient {words}"
    return ""


def _ends(seen: Case, factor: int) -> tuple[FloatArray, FloatArray]:
    """Between which numbers the numerical gradient, times a factor, lies in the known entries of a problem."""
    middle, around = seen.numerical[seen.known], (seen.bounds + seen.granted)[seen.known]
    return factor * (middle - around), factor * (middle + around)


def _are_fractions(low: FloatArray, high: FloatArray) -> BoolArray:
    """Which intervals hold no whole number."""
    return np.asarray((np.floor(low) == np.ceil(high) - 1) & (low > np.floor(low)))
