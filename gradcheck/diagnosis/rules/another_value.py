"""The value is a built-in's, and dS is not its gradient."""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.known import built_ins
from gradcheck.diagnosis.values import Values
from gradcheck.report import Finding


def value_of_another_loss(evidence: Evidence) -> Iterator[Finding]:
    """Where every value is a built-in's, the mistake is hardly in the value."""
    values = Values(evidence.observations)
    for known in built_ins():
        match = values.match(known)
        if match is None:
            continue
        several = len(evidence.observations)
        where = f"in all {several} problems" if several > 1 else "in the one problem"
        yield Finding(
            "value-of-another-loss",
            "error",
            f"the value is {match.in_words()} {where}, and dS is not its gradient",
            hint=f"look at dS: `gradcheck show {known.name}` derives the gradient that belongs to this value",
        )
        return
