"""A place where dS is wrong, in the words of a finding."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.checking.case import Case
from gradcheck.diagnosis.placing import Placed
from gradcheck.diagnosis.regions import Kind
from gradcheck.report import Finding

#: Codes of the findings that a place gives.
CODES: tuple[Kind, ...] = ("label-column", "other-columns", "one-class", "one-row")

_HINTS: dict[Kind, str] = {
    "label-column": "look at what is added to or assigned in dS[i, y[i]]: its count, its sign, before or after the 1/N",
    "other-columns": "look at what the columns j != y are filled with; the label's own is right",
    "one-class": "look at loops over classes (where they begin and end), and for a class that is left out or weighted",
    "one-row": "look at loops over rows (where they begin and end), and for an index left over from one",
}


def place_finding(place: Placed, observations: Sequence[Case], beside: str = "", there: str = "") -> Finding:
    """A finding that names a place.

    Args:
        place: where.
        observations: all problems.
        beside: what else is at work, and where; empty where nothing is.
        there: what dS is there; empty where nothing is to be said.
    """
    where = place.region.words(observations)
    count = f"{place.wrong} of {place.entries} entries"
    only = "" if beside else "only "
    message = f"dS is wrong {only}in {where}, {count}"
    message += f", and {beside}: more than one defect is at work" if beside else ""
    message += f"; {there}" if there else ""
    return Finding(place.region.kind, "error", message, _HINTS[place.region.kind])
