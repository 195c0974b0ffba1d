"""dS is right wherever there is a derivative, and at kinks it is none of the subgradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.report import Finding


def not_a_subgradient(evidence: Evidence) -> Iterator[Finding]:
    """Every wrong entry lies at a kink, where any number between the derivatives around it would have been right."""
    if any(np.any(seen.wrong & seen.known) for seen in evidence.observations):
        return
    right = sum(int(np.count_nonzero(seen.known)) for seen in evidence.observations)
    wrong = sum(int(np.count_nonzero(seen.wrong)) for seen in evidence.observations)
    seen = evidence.wrong[0]
    row, column = np.argwhere(seen.wrong)[0].tolist()
    yield Finding(
        "not-a-subgradient",
        "error",
        f"dS is right in all {right} entries that have a derivative, and wrong in {wrong} at kinks: dS[{row}, {column}]"
        f" is {seen.analytic[row, column]:.6g} where S[{row}, {column}] = {seen.S[row, column]:g} (batch size "
        f"{seen.rows}, {seen.scores}, seed {seen.seed}), which is not between the derivatives around it",
        hint="look at what the code does where two scores tie or a margin is exactly 0: count each tie once, "
        "and take one side of max(0, .) or the other",
    )
