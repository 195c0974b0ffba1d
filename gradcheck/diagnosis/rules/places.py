"""dS is wrong in one place only, or in two."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.place_findings import place_finding
from gradcheck.diagnosis.placing import place
from gradcheck.diagnosis.relations import relation
from gradcheck.report import Finding


def places(evidence: Evidence) -> Iterable[Finding]:
    """Every wrong entry of every problem is in one region, or in two.

    Entries of it that are right do not speak against it: the gradient may be 0 there. That wrong entries in as many
    rows are all in the region by chance must be out of the question.
    """
    seen = evidence.observations
    found = place(evidence)
    if len(found) == 1:
        (alone,) = found
        yield place_finding(alone, seen, there=relation(evidence, alone.region.of))
    elif found:
        for this, other in (found, found[::-1]):
            there = relation(evidence, this.region.beyond(other.region))
            yield place_finding(this, seen, f"in {other.region.words(seen)}", there)
